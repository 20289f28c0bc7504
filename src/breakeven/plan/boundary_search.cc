// The round trip is a charge for leaving the device at all, so all on the device competes apart from everything else.
// Where a side may not be empty and the cheapest cut leaves it so, some node without needs (or without consumers) is
// on that side: each is tried.
#include "breakeven/plan/boundary_search.h"

#include <algorithm>
#include <numeric>

namespace breakeven {
namespace {

bool is_all(std::span<const Tier> tiers, Tier tier) {
    return std::all_of(tiers.begin(), tiers.end(), [&](Tier each) { return each == tier; });
}

}  // namespace

BoundarySearch::BoundarySearch(const SplitGraph& graph, std::span<const Pin> pins, std::uint32_t merging_min)
    : graph_(graph), pins_(pins.begin(), pins.end()), order_(graph, pins), merging_min_(merging_min) {}

std::optional<BoundaryCut> BoundarySearch::solve(const BoundaryCosts& costs, SplitUse use, SplitEffort& effort,
                                                 double below) {
    ++effort.searches;
    if (!order_.is_possible()) return std::nullopt;
    const FoldedProblem folded = fold(graph_, order_, costs);
    std::optional<BoundaryCut> best;
    if (use == SplitUse::any && order_.server_count() == 0) {
        const std::vector<double>& near = folded.problem.near;
        const double local = std::accumulate(near.begin(), near.end(), folded.paid);
        if (local < below) {
            below = local;
            best = {.tiers = std::vector<Tier>(graph_.node_count(), Tier::device), .cost = local};
        }
    }
    const double fixed = folded.paid + costs.offload;
    CutSearch search(effort, merging_min_);
    const std::optional<CutSearch::Answer> answer = search.solve(folded.problem, below - fixed);
    if (!answer) return best;
    BoundaryCut cut{.tiers = std::vector<Tier>(graph_.node_count(), Tier::server), .cost = answer->cost + fixed};
    const std::span<const std::uint32_t> nodes = order_.nodes();
    for (std::size_t i = 0; i < order_.device_count(); ++i) cut.tiers[nodes[i]] = Tier::device;
    for (std::size_t i = 0; i < answer->sides.size(); ++i) {
        if (answer->sides[i] != 0) cut.tiers[nodes[order_.device_count() + i]] = Tier::device;
    }
    if (use != SplitUse::any && is_all(cut.tiers, Tier::device)) {
        return solve_forced(costs, use, effort, below, Tier::server);
    }
    if (use == SplitUse::split && is_all(cut.tiers, Tier::server)) {
        return solve_forced(costs, use, effort, below, Tier::device);
    }
    return cut;
}

std::optional<BoundaryCut> BoundarySearch::solve_forced(const BoundaryCosts& costs, SplitUse use, SplitEffort& effort,
                                                        double below, Tier empty) {
    std::optional<BoundaryCut> best;
    for (std::uint32_t k = 1; k <= order_.free_count(); ++k) {
        if (empty == Tier::server ? !order_.is_sink(k) : !order_.is_source(k)) continue;
        std::vector<Pin> pins = pins_;
        pins[order_.node_at(k)] = empty == Tier::server ? Pin::server : Pin::device;
        std::optional<BoundaryCut> cut =
            BoundarySearch(graph_, pins, merging_min_).solve(costs, use, effort, best ? best->cost : below);
        if (cut) best = std::move(cut);
    }
    return best;
}

}  // namespace breakeven
