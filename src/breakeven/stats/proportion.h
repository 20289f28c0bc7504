// Proportions: how well an accuracy is known from so many right answers, and whether two models differ.
#pragma once

#include <cstdint>

#include "breakeven/stats/interval.h"
#include "breakeven/units/units.h"

namespace breakeven {

using Probability = Quantity<struct ProbabilityTag>;
inline constexpr Unit<Probability> of_one{1.0};
inline constexpr Unit<Probability> percent{0.01};

/// `right` of `total`; 0 <= right <= total.
struct Tally {
    std::int64_t right = 0;
    std::int64_t total = 0;
};

/// total must be above 0.
Probability share(const Tally& tally);

/// 95 % interval of the share. Wilson 1927, "Probable inference", with z = 1.96: holds near 0 and 1 and for few
/// samples, where the textbook's normal interval does not.
Interval<Probability> wilson_interval(const Tally& tally);

/// Two models on the same samples: those only one of them got right tell them apart, the rest say nothing.
struct Disagreement {
    std::int64_t only_first_right = 0;
    std::int64_t only_second_right = 0;
    std::int64_t total = 0;  ///< all samples, agreements included
};

/// The chance of a disagreement at least so one-sided between equally good models (McNemar 1947, exact binomial,
/// two-sided). 1 when they never disagree.
Probability mcnemar_p(const Disagreement& counts);

/// 95 % interval of (share right of the second) - (share right of the first): Agresti & Min 2005, "Simple improved
/// confidence intervals for comparing matched proportions" (half a sample added to each of the four cells).
Interval<Probability> paired_difference_interval(const Disagreement& counts);

}  // namespace breakeven
