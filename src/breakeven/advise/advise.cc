// The main job: see advise.h.
#include "breakeven/advise/advise.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/advise/advisor.h"
#include "breakeven/advise/local.h"
#include "breakeven/error.h"
#include "breakeven/measure/machine.h"
#include "breakeven/units/text.h"
#include "breakeven/wire/sockets.h"

namespace breakeven {

Advisor::Advisor(const AdviseRequest& request, AdviseTools& tools)
    : request_(request),
      tools_(tools),
      tcp_{.congestion = request.congestion,
           .history = TcpUse::History::repeated,
           .rest = request.idle,
           .transport = request.transport},
      offload_{
          .executable = tools.executable, .runs = request.runs, .idle = request.idle, .transport = request.transport} {
    if (tcp_.transport == Transport::kept && !can_keep_window()) {
        tcp_.transport = offload_.transport = Transport::plain;
        advice_.circumstances.emplace_back("this system allows no BBR: TCP's window is forgotten over a rest");
    }
}

Advice Advisor::advise() {
    meet(std::string(as_given), request_.model);
    for (const auto& path : request_.variants) meet(path.stem().string(), path);
    advice_.model_name = variants_.front()->model.image.name;
    advice_.model_sha256 = variants_.front()->model.image.sha256;
    advice_.objective = request_.objective;
    // Everything on this device first: no server of ours is busy yet.
    for (const auto& variant : variants_) add_local_plans(*variant);
    for (const auto& variant : variants_) time_cuts(*variant);
    prepare_codecs();
    if (request_.server) {
        add_real_server();
    } else {
        add_embedded_server();
    }
    if (!variants_.front()->bench.no_pixels_reason().empty()) {
        advice_.circumstances.push_back("no 8-bit offload: " + variants_.front()->bench.no_pixels_reason());
    }
    judge_variants();
    add_circumstances();
    draw_map();
    rank(advice_);
    return std::move(advice_);
}

void Advisor::meet(std::string name, const std::filesystem::path& path) {
    ModelFile model = load_model(path);
    std::error_code failed;
    const auto size = std::filesystem::file_size(path, failed);
    if (!failed) advice_.files.push_back({.variant = name, .size = Bytes(static_cast<std::int64_t>(size))});
    variants_.push_back(std::make_unique<Variant>(std::move(name), std::move(model), request_.preprocess));
}

bool Advisor::has_room(const Variant& variant, const std::optional<Bytes>& memory, const char* side) {
    const Bytes weights = variant.model.model.facts().weight_size;
    if (!memory || weights <= *memory) return true;
    std::string warning = fmt::format("'{}' does not fit on the {}: {} of weights, {} of memory",
                                      variant.model.image.name, side, to_text(weights), to_text(*memory));
    const bool told = std::ranges::find(advice_.warnings, warning) != advice_.warnings.end();
    if (!told) advice_.warnings.push_back(std::move(warning));
    return false;
}

void Advisor::attempt(const std::string& doing, const std::function<void()>& action) {
    if (tools_.stop != nullptr && *tools_.stop) return;
    tools_.progress(doing);
    try {
        action();
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::internal) throw;
        advice_.warnings.emplace_back(error.what());
    }
}

void Advisor::add_local_plans(Variant& variant) {
    LocalMeasurements local = measure_local(request_, variant.model, tools_);
    advice_.warnings.insert(advice_.warnings.end(), local.warnings.begin(), local.warnings.end());
    const auto fastest = std::ranges::min_element(local.platforms, {}, &LocalMeasurement::p50);
    variant.fastest = fastest->platform;
    variant.fastest_time = fastest->p50;
    if (!has_room(variant, request_.device_memory, "device")) return;
    for (const LocalMeasurement& measured : local.platforms) {
        Plan plan = local_plan(measured, making());
        plan.variant = variant.name;
        if (measured.platform == variant.fastest) {
            variant.mapped.push_back({.title = plan.title(), .kind = PlanKind::local, .shares = shares_of(plan)});
        }
        advice_.plans.push_back(std::move(plan));
    }
}

void Advisor::time_cuts(Variant& variant) {
    if (request_.splits == 0 || variant.fastest.is_remote()) return;
    attempt("looking for cuts", [&] {
        SplitTimesRequest asked{.ways = {},
                                .slowdown = request_.slowdown,
                                .platform = variant.fastest,
                                .tail_platform = server_platform(),
                                .runs = request_.runs,
                                .preprocess = request_.preprocess,
                                .cut = {},
                                .device_memory = request_.device_memory,
                                .server_memory = request_.server_memory};
        for (const LinkProfile& link : request_.links) asked.ways.push_back(way(link));
        if (asked.ways.empty()) asked.ways.push_back(way(study_links().front()));  // the real link is not known yet
        SplitTools tools{
            .engines = tools_.engines, .clock = tools_.clock, .progress = tools_.progress, .stop = tools_.stop};
        variant.cuts = measure_splits(variant.model, asked, tools).cuts;
    });
    for (const CutTimes& cut : variant.cuts) {
        variant.mapped.push_back({.title = variant_title(variant.name, "split at " + cut_title(cut.cut)),
                                  .kind = PlanKind::split,
                                  .shares = expected_shares(cut, variant.fastest, embedded_server, making()),
                                  .deploy = cut.tail_size});
    }
}

void Advisor::prepare_codecs() {
    if (!request_.data) return;
    const Variant& given = *variants_.front();
    judge_.emplace(given.model, *request_.data, request_.preprocess, given.fastest, tools_);
    for (const auto& variant : variants_) {
        variant->crossings.emplace(Crossings::Setting{.variant = variant->name,
                                                      .network = variant->model,
                                                      .bench = variant->bench,
                                                      .platform = variant->fastest,
                                                      .judge = *judge_,
                                                      .tools = tools_,
                                                      .codecs = request_.codecs});
    }
}

void Advisor::add_circumstances() {
    advice_.circumstances.push_back("this machine: " + to_text(this_machine()));
    advice_.circumstances.push_back("latencies are medians of steady runs, one inference at a time");
    advice_.circumstances.push_back(
        request_.idle > Seconds(0)
            ? fmt::format("{} connections that rest {} before each inference", name(request_.congestion),
                          to_text(request_.idle))
            : fmt::format("{} connections, one inference upon the other: --idle tells what a sporadic application pays",
                          name(request_.congestion)));
    const bool cuts = std::ranges::any_of(variants_, [](const auto& variant) { return !variant->cuts.empty(); });
    if (request_.server && cuts) {
        advice_.circumstances.emplace_back(
            "tails were timed on this machine, not on the server, for the map and for what is predicted of a split");
    }
    if (std::ranges::any_of(advice_.plans, [](const Plan& plan) { return plan.deploy.has_value(); })) {
        advice_.circumstances.push_back(fmt::format(
            "what the server must be sent first is spread over {} inferences (--inferences)", request_.inferences));
    }
}

void Advisor::judge_variants() {
    for (const auto& variant : variants_) {
        if (!variant->crossings) continue;
        for (CodecTrial& trial : variant->crossings->told()) advice_.codecs.push_back(std::move(trial));
    }
    if (!judge_) return;
    for (std::size_t i = 1; i < variants_.size(); ++i) {
        const std::string& variant = variants_[i]->name;
        attempt(fmt::format("how right is '{}'", variant), [&] {
            const PlanAccuracy accuracy = judge_->accuracy_of(variants_[i]->model.image);
            for (Plan& plan : advice_.plans) {
                if (plan.variant == variant && !plan.accuracy) plan.accuracy = accuracy;
            }
        });
    }
    if (judge_->doubt()) advice_.warnings.push_back(*judge_->doubt());
}

void Advisor::draw_map() {
    MapQuestion question{.goal = request_.objective.goal,
                         .power = request_.power,
                         .tcp = tcp_,
                         .up_energy = {},
                         .down_energy = {},
                         .inferences = request_.inferences,
                         .axes = {}};
    std::vector<LinkProfile> marks;
    for (const LinkUse& use : advice_.links) {
        marks.push_back(use.profile);
        if (!question.up_energy) question.up_energy = use.profile.up_energy;
        if (!question.down_energy) question.down_energy = use.profile.down_energy;
    }
    std::vector<MapPlan> plans;
    for (const auto& variant : variants_) {
        plans.insert(plans.end(), variant->mapped.begin(), variant->mapped.end());
    }
    if (!plans.empty()) advice_.map = map_of(plans, question, marks);
}

Advice advise(const AdviseRequest& request, AdviseTools& tools) {
    return Advisor(request, tools).advise();
}

}  // namespace breakeven
