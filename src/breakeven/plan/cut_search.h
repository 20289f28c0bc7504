// CutSearch: the cheapest answer to a cut problem, exactly. Prefixes of the running order give a cost to beat. A node
// is a pivot when it is comparable with all others, before or after; every answer is cut in exactly one block between
// consecutive pivots (QDMP, Zhang et al. 2020, has this lemma for vertices that all paths share; here no tensor need
// end at a pivot, so skip connections past it do no harm). A block is looked into only if its bound beats the cost to
// beat; a large one is merged first and what remains is searched the same way; a small one is a minimum cut.
#pragma once

#include <cstdint>
#include <optional>

#include "breakeven/plan/cut_problem.h"
#include "breakeven/plan/min_cut.h"

namespace breakeven {

/// What a search had to do.
struct SplitEffort {
    std::size_t blocks = 0;         ///< blocks of two nodes and more, of the whole graph
    std::size_t blocks_solved = 0;  ///< of them, those that no bound ruled out
    std::size_t nodes_solved = 0;   ///< nodes in minimum cuts
    std::size_t searches = 0;       ///< searches of the whole graph
};

/// Blocks of fewer nodes are minimum cuts at once: merging them would take as long.
inline constexpr std::uint32_t split_merging_min = 48;

class CutSearch final {
   public:
    explicit CutSearch(SplitEffort& effort, std::uint32_t merging_min = split_merging_min)
        : effort_(effort), merging_min_(merging_min) {}

    struct Answer {
        double cost = 0;
        CutSides sides;
    };
    /// Nothing if no answer costs less than `below`. Of answers that cost the same, any.
    std::optional<Answer> solve(const CutProblem& problem, double below);
    /// Whether all answers are prefixes of the running order.
    static bool is_chain(const CutProblem& problem);

   private:
    std::optional<Answer> solve_block(const CutProblem& block, double below);
    std::optional<Answer> solve_network(const CutProblem& problem, double below);

    SplitEffort& effort_;
    std::uint32_t merging_min_;
    int depth_ = 0;
    double rounding_ = 0;  // what bounds and costs may differ by, though they are the same
    MinCut network_;
};

}  // namespace breakeven
