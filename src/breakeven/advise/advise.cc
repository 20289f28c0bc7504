// The main job: see advise.h.
#include "breakeven/advise/advise.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/advise/advisor_plans.h"
#include "breakeven/advise/local.h"
#include "breakeven/advise/offload.h"
#include "breakeven/advise/split_times.h"
#include "breakeven/advise/variant_accuracy.h"
#include "breakeven/advise/workbench.h"
#include "breakeven/error.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/machine.h"
#include "breakeven/units/text.h"
#include "breakeven/wire/probe.h"

namespace breakeven {
namespace {

/// Names in figures what stands on the other side of an emulated or modelled link: this very machine.
constexpr const char* embedded_server = "embedded server";

/// One form of the network in weights and numbers, with all that is known of it before a link comes in.
struct Variant {
    std::string name;
    ModelFile model;
    Workbench bench;
    Platform fastest;  ///< of this device's platforms
    std::vector<CutTimes> cuts;
    std::vector<MapPlan> mapped;  ///< for the break-even map

    Variant(std::string as, ModelFile file, const std::optional<Preprocess>& preprocess)
        : name(std::move(as)), model(std::move(file)), bench(model, preprocess) {}
};

/// One answer being put together: what all its steps share.
class Advisor {
   public:
    Advisor(const AdviseRequest& request, AdviseTools& tools)
        : request_(request),
          tools_(tools),
          tcp_{.congestion = request.congestion, .history = TcpUse::History::repeated, .rest = request.idle},
          offload_{.executable = tools.executable, .runs = request.runs, .idle = request.idle} {}

    Advice advise() {
        meet(std::string(as_given), request_.model);
        for (const auto& path : request_.variants) meet(path.stem().string(), path);
        advice_.model_name = variants_.front()->model.image.name;
        advice_.model_sha256 = variants_.front()->model.image.sha256;
        advice_.objective = request_.objective;
        // Everything on this device first: no server of ours is busy yet.
        for (const auto& variant : variants_) add_local_plans(*variant);
        for (const auto& variant : variants_) time_cuts(*variant);
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

   private:
    void meet(std::string name, const std::filesystem::path& path);
    void add_local_plans(Variant& variant);
    void time_cuts(Variant& variant);
    void add_embedded_server();
    void emulate(const LinkProfile& link, Variant& variant);
    void model_links(Variant& variant);
    void add_real_server();
    LinkProfile probed_link(Client& client);
    void add_circumstances();
    void draw_map();
    void judge_variants();

    Way way(const LinkProfile& link) const { return {link, tcp_}; }
    PlanMaking making() const {
        return {.power = request_.power, .slowdown = request_.slowdown, .inferences = request_.inferences};
    }
    bool has_room(const Variant& variant, const std::optional<Bytes>& memory, const char* side);
    /// The cuts that pay most over the link, the best first.
    std::vector<const CutTimes*> best_cuts(const Variant& variant, const LinkProfile& link) const;
    Exchange exchange_of(const Variant& variant, const CutTimes& cut) const;
    /// Runs `action`; what fails becomes a warning.
    void attempt(const std::string& doing, const std::function<void()>& action);
    void remember(Variant& variant, const OffloadForm& form, const Shares& shares);
    Bytes file_size(const OffloadForm& form) const;

    const AdviseRequest& request_;
    AdviseTools& tools_;
    TcpUse tcp_;
    OffloadOptions offload_;
    std::vector<std::unique_ptr<Variant>> variants_;
    Advice advice_;
};

void Advisor::meet(std::string name, const std::filesystem::path& path) {
    ModelFile model = load_model(path);
    std::error_code failed;
    const auto size = std::filesystem::file_size(path, failed);
    if (!failed) advice_.files.push_back({.variant = name, .size = Bytes(static_cast<std::int64_t>(size))});
    const Platform first = request_.platforms.empty() ? Engines::cpu_for(model.image, 1) : request_.platforms.front();
    tools_.progress(fmt::format("first contact with '{}', in a child process", model.image.name));
    if (!first.is_remote()) tools_.contact.with(path, model.image, first);
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

std::vector<const CutTimes*> Advisor::best_cuts(const Variant& variant, const LinkProfile& link) const {
    std::vector<const CutTimes*> cuts;
    for (const CutTimes& cut : variant.cuts) cuts.push_back(&cut);
    std::ranges::stable_sort(cuts, {}, [&](const CutTimes* cut) {
        return latency_over(way(link), cut->measured, cut->payload, request_.slowdown).total();
    });
    if (cuts.size() > request_.splits) cuts.resize(request_.splits);
    return cuts;
}

Exchange Advisor::exchange_of(const Variant& variant, const CutTimes& cut) const {
    return {.name = fmt::format("{} at {}", variant.model.image.name, cut_title(cut.cut)),
            .whole = &variant.model,
            .form = &variant.bench.forms().front(),
            .cut = cut.cut,
            .head = variant.fastest};
}

Bytes Advisor::file_size(const OffloadForm& form) const {
    std::error_code failed;
    const auto size = std::filesystem::file_size(form.path, failed);
    return failed ? Bytes() : Bytes(static_cast<std::int64_t>(size));
}

/// The first measurement of a form says what its server takes, wherever the link.
void Advisor::remember(Variant& variant, const OffloadForm& form, const Shares& shares) {
    const std::string title = variant_title(variant.name, "offload as " + form.codec);
    if (std::ranges::find(variant.mapped, title, &MapPlan::title) != variant.mapped.end()) return;
    MapPlan plan{.title = title, .kind = PlanKind::offload, .shares = shares, .deploy = {}};
    if (needs_sending(variant.name)) plan.deploy = file_size(form);
    variant.mapped.push_back(std::move(plan));
}

void Advisor::emulate(const LinkProfile& link, Variant& variant) {
    const std::string tcp(name(request_.congestion));
    if (has_room(variant, request_.server_memory, "server")) {
        for (const OffloadForm& form : variant.bench.forms()) {
            attempt(fmt::format("offloading over {}, packet by packet, as {}", link.name, form.codec), [&] {
                const Exchange exchange{.name = form.name, .whole = &variant.model, .form = &form};
                const auto measured = measure_emulated(variant.bench, exchange, link, tcp, offload_);
                const Shares shares = shares_of(measured, payload_of(form), embedded_server);
                Plan plan = measured_plan(measured, shares, way(link), making());
                plan.codec = form.codec;
                plan.variant = variant.name;
                if (needs_sending(variant.name)) {
                    plan.deploy = deploy_over(link, file_size(form), request_.power, request_.inferences);
                }
                remember(variant, form, shares);
                advice_.plans.push_back(std::move(plan));
            });
        }
    }
    for (const CutTimes* cut : best_cuts(variant, link)) {
        attempt(fmt::format("splitting over {}, packet by packet, at {}", link.name, cut_title(cut->cut)), [&] {
            const Bytes tail = variant.bench.add_tail(variant.model, cut->cut);
            const auto measured = measure_emulated(variant.bench, exchange_of(variant, *cut), link, tcp, offload_);
            Plan plan = measured_split(measured, *cut, variant.fastest, {embedded_server, way(link)}, making());
            *plan.predicted_latency += expected_overhead(advice_.plans, link.name, cut->payload.up);
            plan.variant = variant.name;
            plan.deploy = deploy_over(link, tail, request_.power, request_.inferences);
            advice_.plans.push_back(std::move(plan));
        });
    }
}

void Advisor::model_links(Variant& variant) {
    if (has_room(variant, request_.server_memory, "server")) {
        for (const OffloadForm& form : variant.bench.forms()) {
            attempt("asking a server on loopback as " + form.codec, [&] {
                const Exchange exchange{.name = form.name, .whole = &variant.model, .form = &form};
                const auto measured = measure_loopback(variant.bench, exchange, offload_);
                const Shares shares = shares_of(measured, payload_of(form), embedded_server);
                remember(variant, form, shares);
                for (const LinkProfile& link : request_.links) {
                    Plan plan = modelled_plan(shares, way(link), making());
                    plan.codec = form.codec;
                    plan.variant = variant.name;
                    if (needs_sending(variant.name)) {
                        plan.deploy = deploy_over(link, file_size(form), request_.power, request_.inferences);
                    }
                    advice_.plans.push_back(std::move(plan));
                }
            });
        }
    }
    for (const LinkProfile& link : request_.links) {
        for (const CutTimes* cut : best_cuts(variant, link)) {
            const Shares shares = expected_shares(*cut, variant.fastest, embedded_server, making());
            Plan plan = modelled_plan(shares, way(link), making());
            plan.cut = cut->cut;
            plan.variant = variant.name;
            plan.deploy = deploy_over(link, cut->tail_size, request_.power, request_.inferences);
            advice_.plans.push_back(std::move(plan));
        }
    }
}

void Advisor::add_embedded_server() {
    const EmulatorSupport& emulator = request_.emulator;
    for (const LinkProfile& link : request_.links) {
        advice_.links.push_back({.profile = link,
                                 .how = emulator.available ? LinkUse::How::emulated : LinkUse::How::modelled,
                                 .reason = emulator.available ? "" : emulator.reason});
    }
    for (const auto& variant : variants_) {
        if (!emulator.available) {
            model_links(*variant);
            continue;
        }
        for (const LinkProfile& link : request_.links) emulate(link, *variant);
    }
}

LinkProfile Advisor::probed_link(Client& client) {
    const LinkProbe probe = probe_link(client, tools_.clock);
    // A direction whose rate is unknown takes no time in the formula, so that its transfer shows as overhead.
    const auto rate_or_unknown = [&](const Rate& rate, const char* direction) {
        if (rate.rate) return *rate.rate;
        advice_.warnings.push_back(
            fmt::format("the {} rate is not known, its time counts as overhead: {}", direction, rate.reason));
        return link_rate_max;
    };
    return {.name = *request_.server,
            .one_way_latency = probe.round_trip / 2.0,
            .up = rate_or_unknown(probe.up, "upload"),
            .down = rate_or_unknown(probe.down, "download")};
}

void Advisor::add_real_server() {
    const std::string where = "grpc://" + *request_.server;
    tools_.progress("probing the link to " + *request_.server);
    const RealServer server{.client = std::make_shared<Client>(*request_.server, tools_.connection),
                            .engines = tools_.engines,
                            .clock = tools_.clock,
                            .progress = tools_.progress};
    const LinkProfile real = probed_link(*server.client);
    advice_.links.push_back({.profile = real, .how = LinkUse::How::real, .reason = ""});
    for (const LinkProfile& link : request_.links) {
        advice_.links.push_back({.profile = link,
                                 .how = LinkUse::How::modelled,
                                 .reason = "the server is real: only the way to it can be modelled"});
    }
    for (const auto& variant : variants_) {
        const auto keep = [&](Plan plan, const OffloadMeasurement& measured) {
            plan.variant = variant->name;
            if (measured.deployed) plan.deploy = deployed_over(*measured.deployed, request_.inferences);
            advice_.plans.push_back(std::move(plan));
        };
        const bool room = has_room(*variant, request_.server_memory, "server");
        for (const OffloadForm& form : variant->bench.forms()) {
            if (!room) break;
            attempt(fmt::format("offloading to {} as {}", *request_.server, form.codec), [&] {
                const auto measured =
                    measure_server(server, {.name = form.name, .whole = &variant->model, .form = &form}, offload_);
                const Shares shares = shares_of(measured, payload_of(form), where);
                remember(*variant, form, shares);
                Plan plan = measured_plan(measured, shares, way(real), making());
                plan.codec = form.codec;
                keep(std::move(plan), measured);
                for (const LinkProfile& link : request_.links) {
                    if (!measured.server) break;
                    Plan modelled = modelled_plan(shares, way(link), making());
                    modelled.codec = form.codec;
                    keep(std::move(modelled), measured);
                }
            });
        }
        for (const CutTimes* cut : best_cuts(*variant, real)) {
            attempt(fmt::format("splitting with {} at {}", *request_.server, cut_title(cut->cut)), [&] {
                const auto measured = measure_server(server, exchange_of(*variant, *cut), offload_);
                Plan plan = measured_split(measured, *cut, variant->fastest, {where, way(real)}, making());
                *plan.predicted_latency += expected_overhead(advice_.plans, real.name, cut->payload.up);
                keep(std::move(plan), measured);
            });
        }
    }
    const bool reached = std::ranges::any_of(advice_.plans, [](const Plan& p) { return p.kind != PlanKind::local; });
    if (!reached) {
        throw Error(ErrorKind::input, fmt::format("offload '{}' to {}", advice_.model_name, *request_.server),
                    advice_.warnings.empty() ? "the server has no form of it" : advice_.warnings.back());
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
    if (!request_.data || variants_.size() < 2) return;
    const Variant& given = *variants_.front();
    VariantJudge judge(given.model, *request_.data, request_.preprocess, given.fastest, tools_);
    for (std::size_t i = 1; i < variants_.size(); ++i) {
        const std::string& variant = variants_[i]->name;
        attempt(fmt::format("how right is '{}'", variant), [&] {
            const PlanAccuracy accuracy = judge.accuracy_of(variants_[i]->model.image);
            for (Plan& plan : advice_.plans) {
                if (plan.variant == variant) plan.accuracy = accuracy;
            }
        });
    }
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

}  // namespace

Advice advise(const AdviseRequest& request, AdviseTools& tools) {
    return Advisor(request, tools).advise();
}

}  // namespace breakeven
