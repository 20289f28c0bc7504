// Comparison of two interleaved series: see compare.h.
#include "breakeven/stats/compare.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// A series' median, and what each of its samples does to the logarithm of it.
struct MedianInfluence {
    double median = 0.0;
    std::vector<double> influence;
    double resolution = 0.0;  ///< how finely the samples tell the median: the gap around it, relative
};

MedianInfluence median_influence(std::span<const Seconds> samples) {
    const std::size_t n = samples.size();
    std::vector<double> values;
    values.reserve(n);
    for (const Seconds sample : samples) {
        BREAKEVEN_ASSERT(std::isfinite(sample.count()) && sample.count() > 0.0);
        values.push_back(sample.count());
    }
    const std::vector<double> sorted = sorted_copy(values);
    MedianInfluence result;
    result.median = quantile(sorted, 0.5);

    // 1 / density at the median, from the distance that the binomial 95 % interval of the median spans.
    const double half_rank = 1.96 * 0.5 * std::sqrt(static_cast<double>(n));
    const std::size_t low =
        static_cast<std::size_t>(std::max(0.0, std::floor(0.5 * static_cast<double>(n) - half_rank)));
    const double share = static_cast<double>(n - 1 - 2 * low) / static_cast<double>(n);
    const double sparsity = (sorted[n - 1 - low] - sorted[low]) / share;

    for (const double value : values) {
        const double side = value < result.median ? -0.5 : (value > result.median ? 0.5 : 0.0);
        result.influence.push_back(side * sparsity / result.median);
    }
    const auto above = std::upper_bound(sorted.begin(), sorted.end(), result.median);
    const auto at = std::lower_bound(sorted.begin(), sorted.end(), result.median);
    const double up = above == sorted.end() ? result.median : *above;
    const double down = at == sorted.begin() ? result.median : *(at - 1);
    result.resolution = 0.5 * (up - down) / result.median;
    return result;
}

}  // namespace

std::optional<MedianComparison> compare_medians(const InterleavedSeries& series) {
    BREAKEVEN_ASSERT(series.subject.size() == series.baseline.size());
    const std::size_t n = series.subject.size();
    if (n < 6) return std::nullopt;
    const MedianInfluence subject = median_influence(series.subject);
    const MedianInfluence baseline = median_influence(series.baseline);

    std::vector<double> difference(n);
    double mean = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        difference[i] = subject.influence[i] - baseline.influence[i];
        mean += difference[i] / static_cast<double>(n);
    }
    for (double& value : difference) value -= mean;
    const LongRun spread = long_run(difference);
    const double error = std::sqrt(spread.variance / static_cast<double>(n));
    // Clocks and timers tick: two medians cannot be told apart more finely than their neighbouring samples lie.
    const double half = student_factor(degrees_of_freedom(n, spread)) * error +
                        0.5 * std::hypot(subject.resolution, baseline.resolution);

    MedianComparison result;
    result.ratio = subject.median / baseline.median;
    result.ci95 = {result.ratio * std::exp(-half), result.ratio * std::exp(half)};
    return result;
}

}  // namespace breakeven
