// Proportions: see proportion.h.
#include "breakeven/stats/proportion.h"

#include <algorithm>
#include <cmath>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr double z = 1.959963984540054;

/// log of the binomial probability of k in n at one half.
double log_half_binomial(std::int64_t n, std::int64_t k) {
    const double trials = static_cast<double>(n);
    const double hits = static_cast<double>(k);
    return std::lgamma(trials + 1) - std::lgamma(hits + 1) - std::lgamma(trials - hits + 1) - trials * std::log(2.0);
}

}  // namespace

Probability share(const Tally& tally) {
    BREAKEVEN_ASSERT(tally.total > 0 && tally.right >= 0 && tally.right <= tally.total);
    return of_one(static_cast<double>(tally.right) / static_cast<double>(tally.total));
}

Interval<Probability> wilson_interval(const Tally& tally) {
    const double p = share(tally).in(of_one);
    const double n = static_cast<double>(tally.total);
    const double scale = 1.0 + z * z / n;
    const double centre = (p + z * z / (2 * n)) / scale;
    const double half = z / scale * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    // At the ends the formula gives exactly 0 and 1; rounding must not leave them out.
    const double low = tally.right == 0 ? 0.0 : std::max(0.0, centre - half);
    const double high = tally.right == tally.total ? 1.0 : std::min(1.0, centre + half);
    return {of_one(low), of_one(high)};
}

Probability mcnemar_p(const Disagreement& counts) {
    BREAKEVEN_ASSERT(counts.only_first_right >= 0 && counts.only_second_right >= 0);
    const std::int64_t n = counts.only_first_right + counts.only_second_right;
    BREAKEVEN_ASSERT(n <= counts.total);
    const std::int64_t fewer = std::min(counts.only_first_right, counts.only_second_right);
    double tail = 0.0;
    for (std::int64_t k = 0; k <= fewer; ++k) tail += std::exp(log_half_binomial(n, k));
    return of_one(std::min(1.0, 2.0 * tail));
}

Interval<Probability> paired_difference_interval(const Disagreement& counts) {
    BREAKEVEN_ASSERT(counts.only_first_right >= 0 && counts.only_second_right >= 0);
    BREAKEVEN_ASSERT(counts.only_first_right + counts.only_second_right <= counts.total);
    const double n = static_cast<double>(counts.total) + 2.0;
    const double first = (static_cast<double>(counts.only_first_right) + 0.5) / n;
    const double second = (static_cast<double>(counts.only_second_right) + 0.5) / n;
    const double difference = second - first;
    const double half = z * std::sqrt(std::max(0.0, first + second - difference * difference) / n);
    return {of_one(std::max(-1.0, difference - half)), of_one(std::min(1.0, difference + half))};
}

}  // namespace breakeven
