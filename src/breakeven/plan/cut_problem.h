// CutProblem: what is left to decide about one boundary, in dense arrays: open nodes in running order, what each pays
// on either side, and the tensors between them. Whatever is bound to a side has been folded into the costs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "breakeven/plan/min_cut.h"
#include "breakeven/plan/split_order.h"
#include "breakeven/plan/split_prices.h"

namespace breakeven {

/// A node is near only if the makers of all it needs are. A tensor is paid once if its maker is near and any of its
/// consumers far. Costs are in the unit of whatever is minimised, so bare numbers.
struct CutProblem {
    /// The maker of what is near for certain: inputs, and what nodes bound to the device make.
    static constexpr std::uint32_t bound = ~std::uint32_t{0};

    std::vector<double> near;               ///< by node
    std::vector<double> far;                ///< by node
    std::vector<double> cost;               ///< by tensor
    std::vector<std::uint32_t> maker;       ///< by tensor: a node, or bound
    std::vector<std::uint32_t> need_begin;  ///< by node and one more: where its needs begin
    std::vector<std::uint32_t> needs;       ///< tensors

    std::uint32_t nodes() const { return static_cast<std::uint32_t>(near.size()); }
    std::uint32_t tensors() const { return static_cast<std::uint32_t>(cost.size()); }
    std::span<const std::uint32_t> needs_of(std::uint32_t node) const {
        return {needs.data() + need_begin[node], needs.data() + need_begin[node + 1]};
    }
};

/// Which nodes are near: 1 or 0, by node.
using CutSides = std::vector<std::uint8_t>;

/// A problem and what every answer to it pays besides.
struct FoldedProblem {
    CutProblem problem;
    double paid = 0;
};

/// The free nodes of an order, node i at position i + 1.
FoldedProblem fold(const SplitGraph& graph, const SplitOrder& order, const BoundaryCosts& costs);

/// Adds the problem to a network whose source side is near; returns the network's node of the problem's node 0, the
/// others follow. A tensor of several consumers gets a joint: an arc of its cost into it, endless arcs out of it, so
/// that it is paid once (Picard & Ratliff 1975); an endless arc from each consumer to the maker lets nothing return.
std::size_t add_to(MinCut& network, const CutProblem& problem);

}  // namespace breakeven
