// Advice: see advice.h.
#include "breakeven/plan/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr std::array<std::pair<std::string_view, Goal>, 3> goals{
    {{"latency", Goal::latency}, {"energy", Goal::energy}, {"edp", Goal::energy_delay}}};

/// What the goal compares; unknown figures are worse than any known one.
double figure(const Plan& plan, Goal goal) {
    constexpr double unknown = std::numeric_limits<double>::infinity();
    switch (goal) {
        case Goal::latency: return plan.cost.latency.value.count();
        case Goal::energy: return plan.cost.energy ? plan.cost.energy->value.in(joules) : unknown;
        case Goal::energy_delay: {
            const auto product = plan.cost.energy_delay();
            return product ? product->value.in(joule_seconds) : unknown;
        }
    }
    return unknown;
}

bool meets(const Plan& plan, const Objective& objective) {
    if (figure(plan, objective.goal) == std::numeric_limits<double>::infinity()) return false;
    if (!objective.deadline) return true;
    return plan.latency_p99.value_or(plan.cost.latency.value) <= *objective.deadline;
}

std::optional<BreakEven> break_even_of(const std::string& link, const std::vector<Plan>& plans) {
    const Plan* fastest = nullptr;
    std::optional<Figure<Joules>> least;
    for (const Plan& plan : plans) {
        if (plan.kind != PlanKind::offload || plan.link != link) continue;
        if (fastest == nullptr || plan.cost.latency.value < fastest->cost.latency.value) fastest = &plan;
        if (plan.cost.energy && (!least || plan.cost.energy->value < least->value)) least = plan.cost.energy;
    }
    if (fastest == nullptr) return std::nullopt;
    const auto server = std::find_if(fastest->stages.begin(), fastest->stages.end(),
                                     [](const Stage& stage) { return stage.side == Side::server; });
    return BreakEven{.link = link,
                     .platform = server == fastest->stages.end() ? "" : server->where,
                     .codec = fastest->codec,
                     .latency = fastest->cost.latency,
                     .energy = least};
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

std::string_view name(LinkUse::How how) {
    switch (how) {
        case LinkUse::How::emulated: return "emulated";
        case LinkUse::How::modelled: return "modelled";
        case LinkUse::How::real: return "real";
    }
    return "?";
}

void rank(Advice& advice) {
    std::stable_sort(advice.plans.begin(), advice.plans.end(), [&](const Plan& a, const Plan& b) {
        return std::pair(figure(a, advice.objective.goal), a.cost.latency.value) <
               std::pair(figure(b, advice.objective.goal), b.cost.latency.value);
    });
    const auto best = std::find_if(advice.plans.begin(), advice.plans.end(),
                                   [&](const Plan& plan) { return meets(plan, advice.objective); });
    advice.best.reset();
    if (best != advice.plans.end()) advice.best = static_cast<std::size_t>(best - advice.plans.begin());

    advice.break_evens.clear();
    for (const LinkUse& use : advice.links) {
        if (auto found = break_even_of(use.profile.name, advice.plans)) advice.break_evens.push_back(std::move(*found));
    }
}

}  // namespace breakeven
