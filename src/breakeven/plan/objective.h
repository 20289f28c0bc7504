// Objective: what to minimise, and what must hold; the one figure by which plans are compared.
#pragma once

#include <optional>
#include <string_view>

#include "breakeven/plan/plan.h"

namespace breakeven {

enum class Goal { latency, energy, energy_delay };
std::string_view name(Goal goal);
/// Throws Error{usage} for an unknown word; "edp" is energy_delay.
Goal parse_goal(std::string_view text);

/// What to minimise, and what must hold.
struct Objective {
    Goal goal = Goal::latency;
    std::optional<Seconds> deadline;
    /// Points of accuracy (0 to 1) that a variant may lose against the network as given.
    std::optional<double> drop_max;
};

/// What the goal compares: of one inference, its share of a deployment included, in seconds, joules or joule-seconds.
/// Nothing where it is unknown.
std::optional<double> goal_figure(const Plan& plan, Goal goal);

/// Whether the plan's figure is known and all that must hold does. A deadline is held against p99 where there is one.
bool meets(const Plan& plan, const Objective& objective);

}  // namespace breakeven
