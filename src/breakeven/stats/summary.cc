// Summary: see summary.h.
#include "breakeven/stats/summary.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "breakeven/error.h"

namespace breakeven {
namespace {

std::optional<Interval<double>> median_interval(std::span<const double> samples, std::span<const double> sorted,
                                                double median) {
    const std::size_t n = samples.size();
    if (n < 6) return std::nullopt;
    std::vector<double> side(n);
    double mean = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        side[i] = samples[i] < median ? -0.5 : (samples[i] > median ? 0.5 : 0.0);
        mean += side[i] / static_cast<double>(n);
    }
    for (double& value : side) value -= mean;
    const LongRun spread = long_run(side);
    // Negative correlation (runs that alternate) is not taken as extra knowledge: never below the binomial variance.
    const double variance = std::max(spread.variance, 0.25);
    const double half = student_factor(degrees_of_freedom(n, spread)) * std::sqrt(variance * static_cast<double>(n));
    // Between ranks the ends are interpolated (Hettmansperger & Sheather 1986 do so with other weights): whole ranks
    // would cover too much in a short series.
    const double last = static_cast<double>(n - 1);
    const double share = std::clamp((0.5 * static_cast<double>(n) - half - 0.5) / last, 0.0, 0.5);
    return Interval<double>{quantile(sorted, share), quantile(sorted, 1.0 - share)};
}

std::size_t count_outliers(std::span<const double> sorted, double median) {
    std::vector<double> distance;
    distance.reserve(sorted.size());
    for (const double value : sorted) distance.push_back(std::abs(value - median));
    std::sort(distance.begin(), distance.end());
    const double limit = 3.5 * quantile(distance, 0.5) / 0.6745;
    return static_cast<std::size_t>(distance.end() - std::upper_bound(distance.begin(), distance.end(), limit));
}

/// Mean and squared deviations in one numerically calm pass (Welford 1962).
struct Moments {
    double mean = 0.0;
    double squares = 0.0;
};

Moments moments(std::span<const double> samples) {
    Moments result;
    double n = 0.0;
    for (const double value : samples) {
        n += 1.0;
        const double step = value - result.mean;
        result.mean += step / n;
        result.squares += step * (value - result.mean);
    }
    return result;
}

}  // namespace

std::optional<Distribution<double>> summarize(std::span<const double> samples) {
    if (samples.empty()) return std::nullopt;
    for (const double value : samples) BREAKEVEN_ASSERT(std::isfinite(value));
    const std::vector<double> sorted = sorted_copy(samples);
    // Of the sorted numbers, so that the order of the samples changes no digit of mean and spread.
    const Moments sums = moments(sorted);

    Distribution<double> result;
    result.n = samples.size();
    result.mean = sums.mean;
    if (result.n > 1) result.sd = std::sqrt(sums.squares / static_cast<double>(result.n - 1));
    result.min = sorted.front();
    result.p50 = quantile(sorted, 0.5);
    result.p90 = quantile(sorted, 0.9);
    result.p99 = quantile(sorted, 0.99);
    result.max = sorted.back();
    result.ci95 = median_interval(samples, sorted, result.p50);
    result.outliers = count_outliers(sorted, result.p50);
    return result;
}

std::optional<Summary> summarize(std::span<const Seconds> samples) {
    std::vector<double> numbers;
    numbers.reserve(samples.size());
    for (const Seconds sample : samples) numbers.push_back(sample.count());
    const std::optional<Distribution<double>> plain = summarize(std::span<const double>(numbers));
    if (!plain) return std::nullopt;

    Summary result;
    result.n = plain->n;
    result.mean = Seconds(plain->mean);
    if (plain->sd) result.sd = Seconds(*plain->sd);
    result.min = Seconds(plain->min);
    result.p50 = Seconds(plain->p50);
    result.p90 = Seconds(plain->p90);
    result.p99 = Seconds(plain->p99);
    result.max = Seconds(plain->max);
    if (plain->ci95) result.ci95 = Interval<Seconds>{Seconds(plain->ci95->low), Seconds(plain->ci95->high)};
    result.outliers = plain->outliers;
    return result;
}

}  // namespace breakeven
