// kmeans: see kmeans.h.
#include "breakeven/compress/kmeans.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "breakeven/error.h"

namespace breakeven {

namespace {

/// Squared error of a stretch of sorted values about their mean, from running sums.
class Stretches {
   public:
    explicit Stretches(std::span<const WeightedValue> values) : weight_(1, 0.0), sum_(1, 0.0), squares_(1, 0.0) {
        // About the middle value: sums of squares of small numbers cancel less.
        middle_ = values[values.size() / 2].value;
        for (const auto& [value, weight] : values) {
            const double x = value - middle_;
            weight_.push_back(weight_.back() + weight);
            sum_.push_back(sum_.back() + weight * x);
            squares_.push_back(squares_.back() + weight * x * x);
        }
    }
    /// Of values [from, to).
    double error(std::size_t from, std::size_t to) const {
        const double sum = sum_[to] - sum_[from];
        return std::max(squares_[to] - squares_[from] - sum * sum / (weight_[to] - weight_[from]), 0.0);
    }
    double mean(std::size_t from, std::size_t to) const {
        return middle_ + (sum_[to] - sum_[from]) / (weight_[to] - weight_[from]);
    }

   private:
    double middle_ = 0.0;
    std::vector<double> weight_, sum_, squares_;
};

/// best[j]: least error of the first j values in one cluster more than `before` counts; cut[j]: where the last begins.
/// The best cut never moves back as j grows, so the middle's halves the search for both sides.
void fill(const Stretches& stretches, const std::vector<double>& before, std::vector<double>& best,
          std::vector<std::uint32_t>& cut, std::size_t from, std::size_t to, std::size_t low, std::size_t high) {
    if (from > to) return;
    const std::size_t middle = from + (to - from) / 2;
    best[middle] = std::numeric_limits<double>::infinity();
    for (std::size_t at = low; at <= std::min(high, middle - 1); ++at) {
        const double error = before[at] + stretches.error(at, middle);
        if (error < best[middle]) {
            best[middle] = error;
            cut[middle] = static_cast<std::uint32_t>(at);
        }
    }
    fill(stretches, before, best, cut, from, middle - 1, low, cut[middle]);
    fill(stretches, before, best, cut, middle + 1, to, cut[middle], high);
}

std::vector<double> optimum(std::span<const WeightedValue> values, std::size_t count) {
    const std::size_t n = values.size();
    const Stretches stretches(values);
    std::vector<double> best(n + 1, 0.0);
    for (std::size_t j = 1; j <= n; ++j) best[j] = stretches.error(0, j);
    std::vector<std::vector<std::uint32_t>> cuts(count, std::vector<std::uint32_t>(n + 1, 0));
    for (std::size_t c = 1; c < count; ++c) {
        std::vector<double> next(n + 1, std::numeric_limits<double>::infinity());
        fill(stretches, best, next, cuts[c], c + 1, n, c, n - 1);
        best = std::move(next);
    }
    std::vector<double> centroids(count);
    for (std::size_t c = count, to = n; c-- > 0;) {
        const std::size_t from = cuts[c][to];
        centroids[c] = stretches.mean(from, to);
        to = from;
    }
    return centroids;
}

/// One step; whether anything moved.
bool lloyd(std::span<const WeightedValue> values, std::vector<double>& centroids) {
    std::vector<double> sum(centroids.size(), 0.0);
    std::vector<double> weight(centroids.size(), 0.0);
    std::size_t at = 0;
    for (const auto& [value, w] : values) {
        while (at + 1 < centroids.size() && value - centroids[at] > centroids[at + 1] - value) ++at;
        sum[at] += w * value;
        weight[at] += w;
    }
    bool moved = false;
    for (std::size_t c = 0; c < centroids.size(); ++c) {
        if (weight[c] == 0.0) continue;
        const double mean = sum[c] / weight[c];
        moved = moved || mean != centroids[c];
        centroids[c] = mean;
    }
    return moved;
}

std::vector<WeightedValue> binned(std::span<const WeightedValue> values) {
    const double low = values.front().value;
    const double width = (values.back().value - low) / static_cast<double>(values_max);
    std::vector<WeightedValue> bins;
    std::size_t last = values_max;
    for (const auto& [value, weight] : values) {
        const auto bin = std::min(static_cast<std::size_t>((value - low) / width), values_max - 1);
        if (bin != last) bins.push_back({0.0, 0.0});
        last = bin;
        bins.back().weight += weight;
        bins.back().value += (value - bins.back().value) * weight / bins.back().weight;
    }
    return bins;
}

}  // namespace

std::vector<WeightedValue> gathered(std::vector<WeightedValue> values) {
    std::erase_if(values, [](const WeightedValue& v) { return !(v.weight > 0.0); });
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    std::vector<WeightedValue> distinct;
    for (const WeightedValue& value : values) {
        if (!distinct.empty() && distinct.back().value == value.value) {
            distinct.back().weight += value.weight;
        } else {
            distinct.push_back(value);
        }
    }
    return distinct;
}

std::size_t nearest(std::span<const double> centroids, double value) {
    BREAKEVEN_ASSERT(!centroids.empty());
    const auto above = std::lower_bound(centroids.begin(), centroids.end(), value);
    if (above == centroids.begin()) return 0;
    const auto at = static_cast<std::size_t>(above - centroids.begin());
    if (above == centroids.end()) return at - 1;
    return value - centroids[at - 1] <= centroids[at] - value ? at - 1 : at;
}

double squared_error(std::span<const WeightedValue> values, std::span<const double> centroids) {
    double error = 0.0;
    for (const auto& [value, weight] : values) {
        const double off = value - centroids[nearest(centroids, value)];
        error += weight * off * off;
    }
    return error;
}

std::vector<double> kmeans_exact(std::span<const WeightedValue> values, std::size_t count) {
    BREAKEVEN_ASSERT(count > 0);
    if (values.empty()) return {};
    if (values.size() <= count) {
        std::vector<double> centroids;
        for (const WeightedValue& value : values) centroids.push_back(value.value);
        return centroids;
    }
    if (values.size() <= values_max) return optimum(values, count);
    const std::vector<WeightedValue> bins = binned(values);
    std::vector<double> centroids = optimum(bins, std::min(count, bins.size()));
    constexpr int polish_steps = 20;
    for (int step = 0; step < polish_steps && lloyd(values, centroids); ++step) {
    }
    return centroids;
}

std::vector<double> kmeans_linear(std::span<const WeightedValue> values, std::size_t count, int steps) {
    BREAKEVEN_ASSERT(count > 0);
    if (values.empty()) return {};
    const double low = values.front().value;
    const double high = values.back().value;
    if (low == high) return {low};
    std::vector<double> centroids(count, (low + high) / 2);
    for (std::size_t c = 0; count > 1 && c < count; ++c) {
        centroids[c] = low + (high - low) * static_cast<double>(c) / static_cast<double>(count - 1);
    }
    for (int step = 0; step < steps && lloyd(values, centroids); ++step) {
    }
    return centroids;
}

}  // namespace breakeven
