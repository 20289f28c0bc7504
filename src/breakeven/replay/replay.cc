// Runs each policy, sums up, compares: see replay.h.
#include "breakeven/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "breakeven/error.h"
#include "breakeven/plan/baseline_policies.h"
#include "breakeven/plan/cost.h"
#include "breakeven/stats/interval.h"

namespace breakeven {
namespace {

/// A plan is worth counting as an alternative if it is best so often.
constexpr double worthwhile_share = 0.1;
/// What somebody who decides once looks at: the link's mean over this time.
constexpr Seconds static_look{10.0};
/// Rates below this are outages; how deep they are is no matter to burstiness.
constexpr double rate_floor = 1000.0;

constexpr std::array kinds{PolicyKind::adaptive,     PolicyKind::always_local,  PolicyKind::always_offload,
                           PolicyKind::static_best,  PolicyKind::linear_bandit, PolicyKind::best_fixed,
                           PolicyKind::current_rate, PolicyKind::oracle};

Conditions conditions_over(const World& world, Seconds from, Seconds length) {
    const Capacity::Span span{.from = from, .to = from + length};
    const RecordedLink& link = world.link();
    return {.up = std::max(link.up.mean_rate(span), bytes_per_second(1.0)),
            .down = std::max(link.down.mean_rate(span), bytes_per_second(1.0)),
            .round_trip = link.round_trip_at(from),
            .queue = Seconds(0.0),
            .device_slowness = 1.0,
            .server_slowness = 1.0,
            .window = world.options().window};
}

std::size_t best_fixed_plan(const World& world) {
    const std::size_t plans = world.plans().points.size();
    std::vector<Seconds> totals(plans, Seconds(0.0));
    for (std::size_t i = 0; i < world.size(); ++i) {
        for (std::size_t plan = 0; plan < plans; ++plan) totals[plan] += world.latency(i, plan);
    }
    return static_cast<std::size_t>(std::min_element(totals.begin(), totals.end()) - totals.begin());
}

std::unique_ptr<Policy> make_policy(PolicyKind kind, const World& world) {
    const PlanTable& plans = world.plans();
    switch (kind) {
        case PolicyKind::adaptive: {
            AdaptivePolicy::Options options;
            options.window = world.options().window;
            return std::make_unique<AdaptivePolicy>(plans, options);
        }
        case PolicyKind::always_local: return std::make_unique<FixedPolicy>(plans.local, "always local");
        case PolicyKind::always_offload: return std::make_unique<FixedPolicy>(full_offload(plans), "always offload");
        case PolicyKind::static_best:
            return std::make_unique<FixedPolicy>(
                static_best(plans, conditions_over(world, Seconds(0.0), std::min(static_look, world.link().duration))),
                "decided once");
        case PolicyKind::linear_bandit: return std::make_unique<LinearBandit>(plans, LinearBandit::Options{});
        case PolicyKind::best_fixed: return std::make_unique<FixedPolicy>(best_fixed_plan(world), "best in hindsight");
        case PolicyKind::current_rate:
            return std::make_unique<CurrentRate>(
                plans, [&world](Seconds now) { return conditions_over(world, now, Seconds(1.0)); });
        case PolicyKind::oracle:
            return std::make_unique<Oracle>(
                plans, [&world](std::size_t plan, Seconds now) { return world.latency(world.request_at(now), plan); });
    }
    BREAKEVEN_ASSERT(false);
}

Seconds total_latency(std::span<const Replayed> course) {
    Seconds total{0.0};
    for (const Replayed& request : course) total += request.latency;
    return total;
}

/// The device's energy by the one cost function: it computes, or waits, and bytes cross.
Cost cost_of(const Replayed& request, const ReplayQuestion& question) {
    const auto stage = [](Side side, Seconds time) {
        return Stage{.kind = side == Side::device ? StageKind::compute : StageKind::upload,
                     .side = side,
                     .where = "",
                     .latency = {time, Origin::modelled}};
    };
    std::vector<Stage> stages{stage(Side::device, request.device_busy)};
    const Seconds waiting = request.latency - request.device_busy;
    if (waiting.count() > 1e-12) stages.push_back(stage(Side::link, waiting));
    if (request.up.count() == 0 && request.down.count() == 0) return plan_cost(stages, std::nullopt, question.powers);
    LinkProfile link;
    link.name = "of the trace";
    link.up_energy = question.up_energy;
    link.down_energy = question.down_energy;
    return plan_cost(stages, Crossing{.link = link, .payload = {.up = request.up, .down = request.down}},
                     question.powers);
}

/// Of one policy's requests; regrets are left to compare().
PolicyResult summarize(PolicyKind kind, std::span<const Replayed> course, const ReplayQuestion& question) {
    PolicyResult result;
    result.kind = kind;
    result.requests = static_cast<std::int64_t>(course.size());
    result.shares.assign(question.plans.points.size(), 0.0);
    const auto n = static_cast<double>(course.size());
    std::vector<double> latencies;
    Joules energy;
    for (const Replayed& request : course) {
        latencies.push_back(request.latency.count());
        if (question.deadline && request.latency > *question.deadline) result.deadline_missed += 1.0 / n;
        if (request.hedged_at) result.duplicated += 1.0 / n;
        result.up += request.up;
        result.down += request.down;
        result.probes += request.probed ? 1 : 0;
        result.shares[request.plan] += 1.0 / n;
        if (!result.energy_reason.empty()) continue;
        const Cost cost = cost_of(request, question);
        if (cost.energy) {
            energy += cost.energy->value;
        } else {
            result.energy_reason = cost.energy_reason;
        }
    }
    if (result.energy_reason.empty()) result.energy = energy / n;
    std::sort(latencies.begin(), latencies.end());
    result.mean_latency = total_latency(course) / n;
    result.p50_latency = Seconds(quantile(latencies, 0.5));
    result.p99_latency = Seconds(quantile(latencies, 0.99));
    return result;
}

struct References {
    Seconds oracle{0.0};
    Seconds best_fixed{0.0};
    Seconds current_rate{0.0};
};

void compare(PolicyResult& result, Seconds total, const References& references) {
    result.regret = total / references.oracle - 1.0;
    result.regret_best_fixed = total / references.best_fixed - 1.0;
    result.regret_current_rate = total / references.current_rate - 1.0;
}

Seconds total_of(PolicyKind kind, const World& world, std::optional<Seconds> deadline) {
    return total_latency(run(world, *make_policy(kind, world), deadline));
}

double burstiness_of(const World& world) {
    std::vector<double> changes;
    const auto rate = [&](std::size_t i) {
        const Capacity::Span second{.from = world.arrival(i), .to = world.arrival(i) + Seconds(1.0)};
        return std::max(world.link().up.mean_rate(second).in(bytes_per_second), rate_floor);
    };
    for (std::size_t i = 1; i < world.size(); ++i) changes.push_back(std::abs(std::log(rate(i) / rate(i - 1))));
    if (changes.empty()) return 1.0;
    return std::exp(quantile(sorted_copy(changes), 0.9));
}

std::vector<double> best_shares_of(const World& world) {
    std::vector<double> shares(world.plans().points.size(), 0.0);
    for (std::size_t i = 0; i < world.size(); ++i) {
        std::size_t best = 0;
        for (std::size_t plan = 1; plan < shares.size(); ++plan) {
            if (world.latency(i, plan) < world.latency(i, best)) best = plan;
        }
        shares[best] += 1.0 / static_cast<double>(world.size());
    }
    return shares;
}

}  // namespace

std::span<const PolicyKind> policy_kinds() {
    return kinds;
}

std::string_view name(PolicyKind kind) {
    switch (kind) {
        case PolicyKind::adaptive: return "adaptive";
        case PolicyKind::always_local: return "always-local";
        case PolicyKind::always_offload: return "always-offload";
        case PolicyKind::static_best: return "static-best";
        case PolicyKind::linear_bandit: return "linear-bandit";
        case PolicyKind::best_fixed: return "best-fixed";
        case PolicyKind::current_rate: return "current-rate";
        case PolicyKind::oracle: return "oracle";
    }
    return "adaptive";
}

PolicyKind parse_policy_kind(std::string_view text) {
    std::string known;
    for (const PolicyKind kind : kinds) {
        if (text == name(kind)) return kind;
        known += fmt::format("{}{}", known.empty() ? "" : ", ", name(kind));
    }
    throw Error(ErrorKind::usage, fmt::format("find policy '{}'", text), "it is one of " + known);
}

TraceResult replay(const RecordedLink& link, const ReplayQuestion& question) {
    const World world(link, question.plans, question.world);
    TraceResult result;
    result.name = link.name;
    result.duration = link.duration;
    result.filled = link.filled;
    result.requests = static_cast<std::int64_t>(world.size());
    result.burstiness = burstiness_of(world);
    result.best_shares = best_shares_of(world);
    result.counts = std::count_if(result.best_shares.begin(), result.best_shares.end(),
                                  [](double share) { return share >= worthwhile_share; }) >= 2;
    const References references{.oracle = total_of(PolicyKind::oracle, world, question.deadline),
                                .best_fixed = total_of(PolicyKind::best_fixed, world, question.deadline),
                                .current_rate = total_of(PolicyKind::current_rate, world, question.deadline)};
    for (const PolicyKind kind : question.policies) {
        result.courses.push_back(run(world, *make_policy(kind, world), question.deadline));
        result.policies.push_back(summarize(kind, result.courses.back(), question));
        compare(result.policies.back(), total_latency(result.courses.back()), references);
    }
    return result;
}

std::vector<PolicyResult> pooled(std::span<const TraceResult> traces, Burstiness which,
                                 const ReplayQuestion& question) {
    std::vector<PolicyResult> results;
    for (std::size_t i = 0; i < question.policies.size(); ++i) {
        std::vector<Replayed> course;
        References references;
        for (const TraceResult& trace : traces) {
            if (!trace.counts || (which != Burstiness::any && trace.is_bursty() != (which == Burstiness::bursty)))
                continue;
            const PolicyResult& policy = trace.policies[i];
            const Seconds total = total_latency(trace.courses[i]);
            references.oracle += total / (1.0 + policy.regret);
            references.best_fixed += total / (1.0 + policy.regret_best_fixed);
            references.current_rate += total / (1.0 + policy.regret_current_rate);
            course.insert(course.end(), trace.courses[i].begin(), trace.courses[i].end());
        }
        if (course.empty()) return {};
        results.push_back(summarize(question.policies[i], course, question));
        compare(results.back(), total_latency(course), references);
    }
    return results;
}

}  // namespace breakeven
