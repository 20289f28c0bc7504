// Quantiles and the worth of correlated samples: see interval.h.
#include "breakeven/stats/interval.h"

#include <algorithm>
#include <cmath>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// No series of ours remembers more runs than this; it bounds the work on series of millions.
constexpr std::size_t lag_limit = 500;

double autocovariance(std::span<const double> centred, std::size_t lag) {
    double sum = 0.0;
    for (std::size_t i = lag; i < centred.size(); ++i) sum += centred[i] * centred[i - lag];
    return sum / static_cast<double>(centred.size());
}

}  // namespace

double quantile(std::span<const double> sorted, double share) {
    BREAKEVEN_ASSERT(!sorted.empty() && share >= 0.0 && share <= 1.0);
    const double position = share * static_cast<double>(sorted.size() - 1);
    const std::size_t below = static_cast<std::size_t>(position);
    if (below + 1 >= sorted.size()) return sorted.back();
    return std::lerp(sorted[below], sorted[below + 1], position - static_cast<double>(below));
}

LongRun long_run(std::span<const double> centred) {
    const std::size_t n = centred.size();
    BREAKEVEN_ASSERT(n > 0);
    LongRun result;
    result.ordinary_variance = autocovariance(centred, 0);
    result.variance = result.ordinary_variance;
    if (n < 4 || result.ordinary_variance <= 0.0) return result;

    // The smallest lag after which `quiet_needed` correlations in a row are no larger than chance makes them.
    const double digits = std::log10(static_cast<double>(n));
    const std::size_t quiet_needed = std::max<std::size_t>(5, static_cast<std::size_t>(std::sqrt(digits)));
    const double chance = 2.0 * std::sqrt(digits / static_cast<double>(n));
    const std::size_t last =
        std::min({n - 1, static_cast<std::size_t>(std::sqrt(static_cast<double>(n))) + quiet_needed, lag_limit});
    std::vector<double> covariance{result.ordinary_variance};
    std::size_t quiet = 0;
    for (std::size_t lag = 1; lag <= last && quiet < quiet_needed; ++lag) {
        covariance.push_back(autocovariance(centred, lag));
        if (std::abs(covariance[lag]) < chance * result.ordinary_variance) {
            ++quiet;
        } else {
            quiet = 0;
            result.reach = lag + 1;
        }
    }

    const std::size_t window = std::min(2 * result.reach, last);
    while (covariance.size() <= window) covariance.push_back(autocovariance(centred, covariance.size()));
    for (std::size_t lag = 1; lag <= window; ++lag) {
        const double t = static_cast<double>(lag) / static_cast<double>(window);
        result.variance += 2.0 * (t <= 0.5 ? 1.0 : 2.0 * (1.0 - t)) * covariance[lag];
    }
    // The estimate may fall below 0 by chance; a series that is worth more than independent runs is not believed.
    result.variance = std::max(result.variance, 0.5 * result.ordinary_variance);
    return result;
}

double student_factor(double degrees_of_freedom) {
    BREAKEVEN_ASSERT(degrees_of_freedom > 0.0);
    constexpr double z = 1.959963984540054;
    // Below three degrees the expansion is too small; no interval here rests on so few.
    const double f = std::max(degrees_of_freedom, 3.0);
    const double z3 = z * z * z;
    const double z5 = z3 * z * z;
    const double z7 = z5 * z * z;
    return z + (z3 + z) / (4 * f) + (5 * z5 + 16 * z3 + 3 * z) / (96 * f * f) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * f * f * f);
}

double degrees_of_freedom(std::size_t n, const LongRun& spread) {
    return static_cast<double>(n) / (2.0 * static_cast<double>(spread.reach));
}

std::vector<double> sorted_copy(std::span<const double> values) {
    std::vector<double> sorted(values.begin(), values.end());
    std::sort(sorted.begin(), sorted.end());
    return sorted;
}

}  // namespace breakeven
