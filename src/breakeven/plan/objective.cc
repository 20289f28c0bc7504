// Objective: see objective.h.
#include "breakeven/plan/objective.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr std::array<std::pair<std::string_view, Goal>, 3> goals{
    {{"latency", Goal::latency}, {"energy", Goal::energy}, {"edp", Goal::energy_delay}}};

std::optional<double> energy_of(const Plan& plan) {
    if (!plan.cost.energy) return std::nullopt;
    const double energy = plan.cost.energy->value.in(joules);
    if (!plan.deploy) return energy;
    const auto share = plan.deploy->energy_each();
    return share ? std::optional(energy + share->in(joules)) : std::nullopt;
}

}  // namespace

std::string_view name(Goal goal) {
    return std::find_if(goals.begin(), goals.end(), [&](const auto& entry) { return entry.second == goal; })->first;
}

Goal parse_goal(std::string_view text) {
    for (const auto& [word, goal] : goals) {
        if (word == text) return goal;
    }
    throw Error(ErrorKind::usage, fmt::format("read objective '{}'", text), "it must be latency, energy or edp");
}

std::optional<double> goal_figure(const Plan& plan, Goal goal) {
    const double latency = plan.whole_latency().count();
    if (goal == Goal::latency) return latency;
    const std::optional<double> energy = energy_of(plan);
    if (goal == Goal::energy || !energy) return energy;
    return *energy * latency;
}

bool meets(const Plan& plan, const Objective& objective) {
    if (!goal_figure(plan, objective.goal)) return false;
    if (objective.drop_max && plan.accuracy && plan.accuracy->drop > *objective.drop_max) return false;
    if (objective.drop_max && !plan.accuracy && plan.variant != as_given) return false;
    if (!objective.deadline) return true;
    return plan.latency_p99.value_or(plan.cost.latency.value) <= *objective.deadline;
}

}  // namespace breakeven
