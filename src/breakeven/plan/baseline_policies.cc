// The baselines: see baseline_policies.h.
#include "breakeven/plan/baseline_policies.h"

#include <algorithm>
#include <cmath>

namespace breakeven {
namespace {

Choice chosen(std::size_t plan, Seconds expected, std::string_view why) {
    return {.plan = plan, .review_after = std::nullopt, .probe = Bytes(0), .expected = expected, .why = why};
}

/// The plan with the least `time(plan)`; the first of equals.
template <class Time>
Choice fastest(const PlanTable& table, Time time, std::string_view why) {
    Choice best = chosen(0, time(0), why);
    for (std::size_t i = 1; i < table.points.size(); ++i) {
        const Seconds each = time(i);
        if (each < best.expected) best = chosen(i, each, why);
    }
    return best;
}

}  // namespace

Choice FixedPolicy::choose(const Situation&) {
    return chosen(plan_, Seconds(0.0), why_);
}

std::size_t static_best(const PlanTable& table, const Conditions& conditions) {
    return fastest(
               table, [&](std::size_t i) { return plan_time(table.points[i], conditions); }, "")
        .plan;
}

std::size_t full_offload(const PlanTable& table) {
    std::size_t best = table.local;
    for (std::size_t i = 0; i < table.points.size(); ++i) {
        const PlanPoint& point = table.points[i];
        if (point.is_local()) continue;
        if (table.points[best].is_local() || point.device < table.points[best].device) best = i;
    }
    return best;
}

Choice Oracle::choose(const Situation& situation) {
    return fastest(
        table_, [&](std::size_t i) { return foresight_(i, situation.now); }, "seen in advance");
}

Choice CurrentRate::choose(const Situation& situation) {
    const Conditions conditions = foresight_(situation.now);
    return fastest(
        table_, [&](std::size_t i) { return plan_time(table_.points[i], conditions); }, "the rate now");
}

LinearBandit::LinearBandit(const PlanTable& table, const Options& options) : table_(table), options_(options) {
    for (std::size_t i = 0; i < feature_count; ++i) gram_[i][i] = 1e-3;  // the ridge
}

/// Scaled so that each is of the order of one: a constant, 100 kB up, 100 kB down, the server's seconds.
LinearBandit::Features LinearBandit::features(std::size_t plan) const {
    const PlanPoint& point = table_.points[plan];
    return {1.0, static_cast<double>(point.payload.up.count()) / 1e5,
            static_cast<double>(point.payload.down.count()) / 1e5, point.server.count()};
}

/// gram * x = right by Cholesky; gram is symmetric and positive definite (the ridge).
LinearBandit::Features LinearBandit::solve(const Features& right) const {
    std::array<Features, feature_count> lower{};
    for (std::size_t i = 0; i < feature_count; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            double sum = gram_[i][j];
            for (std::size_t k = 0; k < j; ++k) sum -= lower[i][k] * lower[j][k];
            lower[i][j] = i == j ? std::sqrt(std::max(sum, 1e-12)) : sum / lower[j][j];
        }
    }
    Features x = right;
    for (std::size_t i = 0; i < feature_count; ++i) {
        for (std::size_t k = 0; k < i; ++k) x[i] -= lower[i][k] * x[k];
        x[i] /= lower[i][i];
    }
    for (std::size_t i = feature_count; i-- > 0;) {
        for (std::size_t k = i + 1; k < feature_count; ++k) x[i] -= lower[k][i] * x[k];
        x[i] /= lower[i][i];
    }
    return x;
}

Choice LinearBandit::choose(const Situation&) {
    ++requests_;
    const auto next_forced = std::ceil(std::pow(static_cast<double>(forced_ + 1), 1.0 / options_.forced_power));
    const bool forced = static_cast<double>(requests_) >= next_forced;
    if (forced) ++forced_;
    const Features theta = solve(target_);
    const auto time = [&](std::size_t i) {
        const PlanPoint& point = table_.points[i];
        if (point.is_local()) return forced ? Seconds(1e9) : point.device;
        const Features x = features(i);
        const Features inverse = solve(x);
        double mean = 0.0;
        double variance = 0.0;
        for (std::size_t j = 0; j < feature_count; ++j) {
            mean += theta[j] * x[j];
            variance += x[j] * inverse[j];
        }
        return point.device + Seconds(mean - options_.optimism * std::sqrt(std::max(0.0, variance)));
    };
    return fastest(table_, time, forced ? "forced, to learn" : "learnt so far");
}

void LinearBandit::observe(const Observation& observation) {
    if (!observation.answer) return;
    const PlanPoint& point = table_.points[observation.answer->plan];
    if (point.is_local()) return;
    const Features x = features(observation.answer->plan);
    const double beyond = (observation.answer->latency - point.device).count();
    for (std::size_t i = 0; i < feature_count; ++i) {
        target_[i] = options_.discount * target_[i] + x[i] * beyond;
        for (std::size_t j = 0; j < feature_count; ++j) {
            gram_[i][j] = options_.discount * gram_[i][j] + x[i] * x[j];
        }
        gram_[i][i] += (1.0 - options_.discount) * 1e-3;  // the ridge is not forgotten
    }
}

}  // namespace breakeven
