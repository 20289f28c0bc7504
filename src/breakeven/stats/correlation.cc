// Correlation: see correlation.h.
#include "breakeven/stats/correlation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// Of a normal distribution: so many standard errors on each side hold 95 %.
constexpr double normal_factor = 1.959964;

double mean(std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<double> coefficient(const Pairs& pairs) {
    BREAKEVEN_ASSERT(pairs.x.size() == pairs.y.size());
    if (pairs.x.size() < 3) return std::nullopt;
    const double x_mean = mean(pairs.x), y_mean = mean(pairs.y);
    double xx = 0.0, yy = 0.0, xy = 0.0;
    for (std::size_t i = 0; i < pairs.x.size(); ++i) {
        const double dx = pairs.x[i] - x_mean, dy = pairs.y[i] - y_mean;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    if (!(xx > 0.0 && yy > 0.0)) return std::nullopt;
    return std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0);
}

/// `excess`: how many times the variance of atanh(r) is 1 / (n - 3).
Correlation with_interval(double r, std::size_t n, double excess) {
    Correlation result{.r = r, .n = n, .ci95 = {}};
    if (n < 4) return result;
    // A perfect line has no spread to tell from: its interval is itself.
    if (std::abs(r) >= 1.0) {
        result.ci95 = Interval<double>{r, r};
        return result;
    }
    const double half = normal_factor * std::sqrt(excess / static_cast<double>(n - 3));
    result.ci95 = Interval<double>{std::tanh(std::atanh(r) - half), std::tanh(std::atanh(r) + half)};
    return result;
}

/// 1 is the smallest; equals share the mean of theirs.
std::vector<double> ranks(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<double> result(values.size());
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first;
        while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
        const double shared = static_cast<double>(first + last) / 2.0 + 1.0;
        for (std::size_t i = first; i <= last; ++i) result[order[i]] = shared;
        first = last + 1;
    }
    return result;
}

}  // namespace

std::optional<Correlation> pearson(const Pairs& pairs) {
    const std::optional<double> r = coefficient(pairs);
    if (!r) return std::nullopt;
    return with_interval(*r, pairs.x.size(), 1.0);
}

std::optional<Correlation> spearman(const Pairs& pairs) {
    const std::vector<double> x = ranks(pairs.x), y = ranks(pairs.y);
    const std::optional<double> r = coefficient({x, y});
    if (!r) return std::nullopt;
    return with_interval(*r, pairs.x.size(), 1.0 + *r * *r / 2.0);
}

}  // namespace breakeven
