// Opening: see opening.h.
#include "breakeven/session/opening.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <map>

#include "breakeven/error.h"
#include "breakeven/files/part_files.h"
#include "breakeven/model/parts.h"
#include "breakeven/plan/adaptive_policy.h"
#include "breakeven/plan/baseline_policies.h"
#include "breakeven/session/split.h"

namespace breakeven {
namespace {

/// A short look, not a benchmark: enough runs that one disturbed run does not count.
constexpr Seconds measuring{0.5};
constexpr std::size_t runs_min = 5, runs_max = 30, warm_ups = 2;
constexpr Seconds measuring_there{1.0};
constexpr std::size_t runs_there_max = 5;
/// Rates over which cuts are tried, in bytes per second, and how much faster a server is taken to be to begin with.
constexpr double rate_least = 50e3, rate_most = 200e6, rate_step = 1.3, server_gain = 8.0;

std::vector<Tensor> zeros(const std::vector<TensorSpec>& specs, const std::string& name) {
    std::vector<Tensor> tensors;
    for (const TensorSpec& spec : specs) {
        Shape shape = spec.shape;
        for (std::int64_t& dimension : shape) dimension = std::max<std::int64_t>(dimension, 1);
        if (spec.dtype == DType::string) {
            throw Error(ErrorKind::unsupported, fmt::format("measure '{}'", name),
                        fmt::format("input '{}' takes texts: give the plans' figures", spec.name));
        }
        tensors.emplace_back(spec.dtype, shape);
    }
    return tensors;
}

Bytes size_of_all(const std::vector<Tensor>& tensors) {
    Bytes total;
    for (const Tensor& tensor : tensors) total += tensor.size();
    return total;
}

/// Throws Error where a session cannot run the network on it.
Platform platform_of(const ModelFile& whole, const std::string& text) {
    const std::string attempt = fmt::format("open '{}' on {}", whole.model.name(), text);
    if (text == "auto" || text.starts_with("auto:")) {
        throw Error(ErrorKind::usage, attempt,
                    "nothing is tried out here; name a platform, such as the one that `breakeven tune` finds");
    }
    Platform platform = parse_platform(text);
    if (platform.is_remote()) {
        throw Error(ErrorKind::usage, attempt,
                    "the platform must be of this device, like cpu:1; the server goes into `server`");
    }
    // `cpu:N` is the CPU of whatever engine reads the file.
    const bool any_cpu = platform.engine == "onnxruntime" && platform.unit == "cpu" && platform.options.empty();
    return any_cpu ? Engines::cpu_for(whole.image, platform.number) : platform;
}

bool hands_input_on(const std::vector<TensorSpec>& crossing, const std::vector<TensorSpec>& inputs) {
    return std::ranges::any_of(crossing, [&](const TensorSpec& tensor) {
        return std::ranges::find(inputs, tensor.name, &TensorSpec::name) != inputs.end();
    });
}

}  // namespace

Opening::Opening(const ModelFile& whole, const SessionOptions& options, const Tools& tools)
    : options_(options),
      tools_(tools),
      platform_(platform_of(whole, options.platform)),
      ends_{.inputs = whole.model.inputs(), .outputs = whole.model.outputs()} {
    std::shared_ptr<Runner> runner = tools_.engines.load(whole.image, platform_, {});
    whole_here_ = std::make_shared<LoadedPart>(runner, tools_.workers, tools_.clock);
    if (!options_.plans.empty()) {
        add_given(whole);
        return;
    }
    sample_ = zeros(ends_.inputs, whole.model.name());
    const Timed local = timed(*runner, sample_);
    local_ = {.point = {.name = "local", .device = std::max(local.median, Seconds(1e-6)), .round_trips = 0}, .cut = {}};
    if (tools_.server == nullptr) return;
    add_measured(whole);
}

Opening::Timed Opening::timed(Runner& runner, const std::vector<Tensor>& inputs) const {
    Timed made;
    for (std::size_t i = 0; i < warm_ups; ++i) made.outputs = runner.run(inputs).outputs;
    std::vector<Seconds> times;
    const Seconds start = tools_.clock.now();
    while (times.size() < runs_min || (times.size() < runs_max && tools_.clock.now() - start < measuring)) {
        const Seconds begun = tools_.clock.now();
        (void)runner.run(inputs);
        times.push_back(tools_.clock.now() - begun);
    }
    std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
    made.median = times[times.size() / 2];
    return made;
}

void Opening::add_given(const ModelFile& whole) {
    std::vector<SessionPlan> plans = parse_session_plans(options_.plans, "the session's plans");
    std::vector<PlanPoint> points;
    for (const SessionPlan& plan : plans) points.push_back(plan.point);
    const std::size_t local = plan_table(points, "the session's plans").local;
    local_ = plans[local];
    if (tools_.server == nullptr) return;
    std::size_t splits = 0;
    for (SessionPlan& plan : plans) {
        if (plan.point.is_local()) continue;
        if (plan.cut.empty()) {
            if (options_.raw_input == RawInput::may_leave) add_offload(whole, std::move(plan));
        } else if (splits < options_.splits && add_split(whole, std::move(plan))) {
            ++splits;
        }
        if (!candidates_.empty()) candidates_.back().is_measured_there = true;
    }
}

void Opening::add_measured(const ModelFile& whole) {
    if (options_.raw_input == RawInput::may_leave) {
        add_offload(whole, {.point = {.name = "offload", .payload = {.up = size_of_all(sample_)}}, .cut = {}});
    }
    if (whole.model.format() == ModelFormat::tflite) return;  // it is run as it is
    for (const std::vector<std::string>& cut : cuts_worth_trying(whole)) {
        try {
            SessionPlan plan{.point = {}, .cut = cut};
            plan.point.name = "split at " + cut_title(cut);
            add_split(whole, std::move(plan));
        } catch (const Error&) {
            continue;  // one that cannot be cut after all; others can
        }
    }
}

void Opening::add_offload(const ModelFile& whole, SessionPlan plan) {
    Candidate candidate{.plan = std::move(plan), .way = {}, .is_measured_there = false, .sample = sample_};
    candidate.way.there = tools_.server->keep(whole.image, ends_, FarServer::Name::own_or_content);
    candidates_.push_back(std::move(candidate));
}

bool Opening::add_split(const ModelFile& whole, SessionPlan plan) {
    const Parts parts = split_at(whole.model, plan.cut);
    if (options_.raw_input == RawInput::stays_here &&
        (hands_input_on(parts.crossing, ends_.inputs) || parts.head.facts().macs.value_or(0) == 0)) {
        return false;
    }
    const PartEnds tail{.inputs = parts.tail.inputs(), .outputs = parts.tail.outputs()};
    std::shared_ptr<Runner> head = tools_.engines.load(image_of_part(parts.head, whole), platform_, {});
    std::shared_ptr<Runner> rest = tools_.engines.load(image_of_part(parts.tail, whole), platform_, {});
    const auto seam = std::make_shared<PartsSeam>(
        whole.model.name(),
        PartsSeam::Ends{.whole = ends_, .head = {.inputs = head->inputs(), .outputs = head->outputs()}, .tail = tail});
    Candidate candidate{.plan = std::move(plan), .way = {}, .is_measured_there = false, .sample = {}};
    if (options_.plans.empty()) {
        const Timed before = timed(*head, seam->head_takes(sample_));
        candidate.sample = seam->tail_takes(sample_, before.outputs);
        const Timed after = timed(*rest, candidate.sample);
        PlanPoint& point = candidate.plan.point;
        point.device = before.median;
        point.rest_on_device = after.median;
        point.payload = {.up = size_of_all(candidate.sample), .down = size_of_all(after.outputs)};
    }
    const auto loaded = [&](std::shared_ptr<Runner> runner) {
        return std::make_shared<LoadedPart>(std::move(runner), tools_.workers, tools_.clock);
    };
    candidate.way = {.head = loaded(std::move(head)), .there = nullptr, .rest = nullptr, .seam = seam};
    if (candidate.plan.point.rest_on_device) candidate.way.rest = loaded(std::move(rest));
    candidate.way.there = tools_.server->keep(tail_image(parts, whole), tail, FarServer::Name::content);
    candidates_.push_back(std::move(candidate));
    return true;
}

/// The prefix cuts that would be the fastest at some rate, with layer times by multiply-adds: those first that are so
/// over the widest range.
std::vector<std::vector<std::string>> Opening::cuts_worth_trying(const ModelFile& whole) const {
    std::vector<double> done{0.0};  // multiply-adds before each layer
    for (const Layer& layer : whole.model.layers()) {
        done.push_back(done.back() + static_cast<double>(layer.macs.value_or(0)));
    }
    const double local = local_.point.device.count();
    const std::vector<Cut> cuts = whole.model.cuts();
    std::map<std::size_t, int> wins;
    for (double rate = rate_least; rate <= rate_most; rate *= rate_step) {
        double best = local;
        if (options_.raw_input == RawInput::may_leave) {
            best = std::min(best, static_cast<double>(size_of_all(sample_).count()) / rate + local / server_gain);
        }
        std::optional<std::size_t> winner;
        for (std::size_t i = 0; i < cuts.size(); ++i) {
            const double share = done.back() > 0.0 ? done[cuts[i].layers_before] / done.back() : 0.0;
            if (share <= 0.0 || share >= 1.0 || !cuts[i].size) continue;
            const double time =
                share * local + static_cast<double>(cuts[i].size->count()) / rate + (1.0 - share) * local / server_gain;
            if (time < best) {
                best = time;
                winner = i;
            }
        }
        if (winner) ++wins[*winner];
    }
    std::vector<std::pair<std::size_t, int>> order(wins.begin(), wins.end());
    std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.second > b.second; });
    std::vector<std::vector<std::string>> chosen;
    for (const auto& [cut, count] : order) {
        if (chosen.size() < options_.splits) chosen.push_back(cuts[cut].tensors);
    }
    return chosen;
}

std::shared_ptr<Arrangement> Opening::here() const {
    auto made = std::make_shared<Arrangement>();
    made->table = plan_table({local_.point}, "this device alone");
    made->ways.push_back({.head = whole_here_, .there = nullptr, .rest = nullptr, .seam = nullptr});
    made->cuts.emplace_back();
    made->policy = std::make_unique<FixedPolicy>(0, "there is no server");
    return made;
}

/// Asks a few times; false when the server fails.
bool Opening::measure_there(Candidate& candidate) {
    const Seconds start = tools_.clock.now();
    std::optional<Seconds> least;
    for (std::size_t i = 0; i < runs_there_max; ++i) {
        auto promise = std::make_shared<std::promise<PartThere::Came>>();  // shared with an end that may come too late
        std::future<PartThere::Came> came = promise->get_future();
        const Seconds begun = tools_.clock.now();
        const auto attempt =
            candidate.way.there->start(candidate.sample, options_.answer_within,
                                       [promise](PartThere::Came what) { promise->set_value(std::move(what)); });
        PartThere::Came what = came.get();
        const Seconds elapsed = tools_.clock.now() - begun;
        const auto* reply = std::get_if<PartThere::Reply>(&what);
        if (reply == nullptr) return false;
        PlanPoint& point = candidate.plan.point;
        point.payload.down = size_of_all(reply->outputs);
        const std::optional<Seconds> told = tools_.server->round_trip();
        const Seconds round_trip = std::min(told.value_or(Seconds(0.0)), elapsed);
        const Seconds compute = reply->times ? reply->times->compute : elapsed - round_trip;
        const Seconds server = reply->times ? reply->times->compute + reply->times->queue : Seconds(0.0);
        least = std::min(compute, least.value_or(compute));
        const Seconds sending = elapsed - server - round_trip;
        if (reply->times && sending.count() > 0.0) {
            seen_ = Seen{.up = {.ended = tools_.clock.now(), .took = sending, .size = point.payload.up},
                         .round_trip = told};
        }
        if (tools_.clock.now() - start > measuring_there) break;
    }
    if (seen_ && seen_->round_trip && options_.congestion_control.empty()) {
        tools_.server->learn_transport(
            {.round_trip = *seen_->round_trip, .size = seen_->up.size, .took = seen_->up.took});
    }
    candidate.plan.point.server = *least;
    candidate.is_measured_there = true;
    return true;
}

std::shared_ptr<Arrangement> Opening::with_server(const std::atomic<bool>& stop) {
    auto made = std::make_shared<Arrangement>();
    std::vector<PlanPoint> points{local_.point};
    made->ways.push_back({.head = whole_here_, .there = nullptr, .rest = nullptr, .seam = nullptr});
    made->cuts.emplace_back();
    for (Candidate& candidate : candidates_) {
        if (stop) return nullptr;
        if (!tools_.server->has(*candidate.way.there)) continue;
        if (!candidate.is_measured_there && !measure_there(candidate)) return nullptr;
        points.push_back(candidate.plan.point);
        made->ways.push_back(candidate.way);
        made->cuts.push_back(candidate.plan.cut);
    }
    if (points.size() == 1) return nullptr;
    made->table = plan_table(std::move(points), "the session");
    made->policy = policy_for(made->table);
    if (seen_) made->policy->observe({.at = seen_->up.ended, .up = seen_->up, .round_trip = seen_->round_trip});
    return made;
}

std::unique_ptr<Policy> Opening::policy_for(const PlanTable& table) const {
    switch (options_.policy) {
        case SessionPolicy::adaptive: break;
        case SessionPolicy::always_local: return std::make_unique<FixedPolicy>(table.local, "always local");
        case SessionPolicy::always_offload:
            return std::make_unique<FixedPolicy>(full_offload(table), "always offloaded");
        case SessionPolicy::static_best: {
            const BytesPerSecond up = seen_ ? seen_->up.size / seen_->up.took : RateEstimator::Options{}.first_guess;
            const Conditions conditions{
                .up = up, .down = up, .round_trip = seen_ ? seen_->round_trip.value_or(Seconds(0.0)) : Seconds(0.05)};
            return std::make_unique<FixedPolicy>(static_best(table, conditions), "the best when it was opened");
        }
        case SessionPolicy::linear_bandit: return std::make_unique<LinearBandit>(table, LinearBandit::Options{});
    }
    AdaptivePolicy::Options made;
    made.hedge_share = options_.hedge_share;
    if (made.hedge_share <= 0.0) {  // none at all, not even in need
        made.hedge_burst = 0.0;
        made.emergency = 1e9;
    }
    if (options_.connection == SessionOptions::Connection::as_it_is) {
        made.window = parse_send_window(options_.congestion_control.empty() ? "cubic" : options_.congestion_control);
    }
    return std::make_unique<AdaptivePolicy>(table, made);
}

}  // namespace breakeven
