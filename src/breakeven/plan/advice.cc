// Advice: see advice.h.
#include "breakeven/plan/advice.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace breakeven {
namespace {

std::optional<BreakEven> break_even_of(const std::string& link, const std::vector<Plan>& plans) {
    const Plan* fastest = nullptr;
    std::optional<Figure<Joules>> least;
    for (const Plan& plan : plans) {
        if (plan.kind != PlanKind::offload || plan.link != link) continue;
        if (fastest == nullptr || plan.whole_latency() < fastest->whole_latency()) fastest = &plan;
        if (plan.cost.energy && (!least || plan.cost.energy->value < least->value)) least = plan.cost.energy;
    }
    if (fastest == nullptr) return std::nullopt;
    const auto server = std::find_if(fastest->stages.begin(), fastest->stages.end(),
                                     [](const Stage& stage) { return stage.side == Side::server; });
    return BreakEven{.link = link,
                     .platform = server == fastest->stages.end() ? "" : server->where,
                     .codec = fastest->codec,
                     .latency = {fastest->whole_latency(), fastest->cost.latency.origin},
                     .energy = least};
}

}  // namespace

std::string_view name(LinkUse::How how) {
    switch (how) {
        case LinkUse::How::emulated: return "emulated";
        case LinkUse::How::modelled: return "modelled";
        case LinkUse::How::real: return "real";
    }
    return "?";
}

void rank(Advice& advice) {
    // Unknown figures are worse than any known one.
    const auto figure = [&](const Plan& plan) {
        return goal_figure(plan, advice.objective.goal).value_or(std::numeric_limits<double>::infinity());
    };
    std::stable_sort(advice.plans.begin(), advice.plans.end(), [&](const Plan& a, const Plan& b) {
        return std::pair(figure(a), a.cost.latency.value) < std::pair(figure(b), b.cost.latency.value);
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
