// BoundarySearch: the cheapest place for one boundary in a graph, exactly, with pins, a fixed charge for crossing it at
// all, and a say in whether both sides must be used.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "breakeven/plan/cut_search.h"
#include "breakeven/plan/split_order.h"
#include "breakeven/plan/split_prices.h"

namespace breakeven {

/// Which cuts count: all, those with a node on the server, or only those with a node on either side.
enum class SplitUse : std::uint8_t { any, offload, split };

struct BoundaryCut {
    std::vector<Tier> tiers;  ///< device or server, by node
    double cost = 0;
};

class BoundarySearch final {
   public:
    BoundarySearch(const SplitGraph& graph, std::span<const Pin> pins, std::uint32_t merging_min = split_merging_min);
    const SplitOrder& order() const { return order_; }

    /// Nothing if no cut keeps the pins and the use and costs less than `below`. Of cuts that cost the same, any.
    std::optional<BoundaryCut> solve(const BoundaryCosts& costs, SplitUse use, SplitEffort& effort,
                                     double below = std::numeric_limits<double>::infinity());

   private:
    std::optional<BoundaryCut> solve_forced(const BoundaryCosts& costs, SplitUse use, SplitEffort& effort, double below,
                                            Tier empty);

    const SplitGraph& graph_;
    std::vector<Pin> pins_;
    SplitOrder order_;
    std::uint32_t merging_min_;
};

}  // namespace breakeven
