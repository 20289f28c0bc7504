// Merging: a problem made smaller without losing an answer that beats the best known. A node that no such answer can
// have on one side is settled; a tensor that no such answer can afford to let cross holds its maker and consumers on
// one side, and with them everything between. What then belongs together is a strongly connected component of "near
// implies near" (Tarjan 1972).
#pragma once

#include <optional>

#include "breakeven/plan/cut_floor.h"
#include "breakeven/plan/cut_problem.h"

namespace breakeven {

struct MergedProblem {
    CutProblem problem;
    double paid = 0;
    /// By node of the original: its node in `problem`, or settled.
    std::vector<std::uint32_t> names;
    static constexpr std::uint32_t settled_near = ~std::uint32_t{0};
    static constexpr std::uint32_t settled_far = ~std::uint32_t{0} - 1;
};

/// `slack`: how much an answer may cost beyond the floor. Nothing if no answer stays within it.
std::optional<MergedProblem> merge(const CutProblem& problem, const CutFloor& floor, double slack);

}  // namespace breakeven
