// Correlation: how closely two figures of the same things go together, and how well that is known.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "breakeven/stats/interval.h"

namespace breakeven {

struct Correlation {
    double r = 0.0;  ///< -1 to 1
    std::size_t n = 0;
    /// 95 %; nothing for fewer than four pairs, which cannot tell.
    std::optional<Interval<double>> ci95;
};

/// The i-th of both belong together. Lengths must be equal.
struct Pairs {
    std::span<const double> x;
    std::span<const double> y;
};

/// Along a straight line. Its interval is Fisher's (1921): atanh(r) is normal with variance 1 / (n - 3).
/// Nothing for fewer than three pairs, and where all x or all y are the same.
std::optional<Correlation> pearson(const Pairs& pairs);

/// Along any rising or falling line: Pearson's of the ranks, ties sharing theirs. Its interval is that of Bonett &
/// Wright 2000, "Sample size requirements for estimating Pearson, Kendall and Spearman correlations":
/// variance (1 + r^2 / 2) / (n - 3).
std::optional<Correlation> spearman(const Pairs& pairs);

}  // namespace breakeven
