// The limited search: goals and limits that one minimum cut cannot express (a largest of several sums, a product, sums
// that must stay below a limit), by branch and bound. A relaxed question (the sums weighed together) is one minimum
// cut and bounds the real one from below (Everett 1963, Held & Karp 1971); branching puts a node on either side.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "breakeven/plan/boundary_search.h"
#include "breakeven/plan/split_prices.h"

namespace breakeven {

struct LimitedProgram {
    std::vector<SplitPrices> terms;
    /// What is minimised: the largest term, or the product of two.
    enum class Combine : std::uint8_t { largest, product } combine = Combine::largest;
    struct Limit {
        SplitPrices prices;
        double most;
    };
    std::vector<Limit> limits;
    SplitUse use = SplitUse::any;

    double goal(const SplitSums& sums) const;
    /// To within rounding.
    bool allows(const SplitSums& sums) const;
};

struct LimitedAnswer {
    std::optional<std::vector<Tier>> tiers;
    double gap = 0;           ///< share of the goal's value that a better cut could save at most
    bool is_complete = true;  ///< every cut was found or ruled out
    SplitEffort effort;
};

LimitedAnswer limited_search(const SplitGraph& graph, const LimitedProgram& program, std::size_t searches_max);

}  // namespace breakeven
