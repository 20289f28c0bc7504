// Warm-up: see warmup.h.
#include "breakeven/stats/warmup.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

#include "breakeven/stats/interval.h"

namespace breakeven {
namespace {

constexpr std::size_t batch = 5;  // White's choice: short enough to follow a transient, long enough to calm noise
constexpr std::size_t batches_needed = 10;
/// 3.4 standard deviations of normal noise: a spike weighs no more than ordinary runs do.
constexpr double mads_of_a_spike = 5.0;
/// On a steady series the minimum is shallow and lies anywhere; this keeps the runs that cost nothing to keep.
constexpr double near_least = 1.1;
/// A shift that is smaller does not change a decision; machines breathe by this much.
constexpr double shift_that_matters = 0.05;
/// Rarely wrong on a steady series: correlated runs look like shifts more often than the test believes.
constexpr double shift_significance = 0.001;

double median_of(std::span<const double> values) {
    return quantile(sorted_copy(values), 0.5);
}

/// What the later half takes for ordinary.
struct Ordinary {
    double low = -HUGE_VAL;
    double high = HUGE_VAL;
};

Ordinary ordinary(std::span<const double> values) {
    const std::span<const double> later = values.subspan(values.size() / 2);
    const double median = median_of(later);
    std::vector<double> distance;
    distance.reserve(later.size());
    for (const double value : later) distance.push_back(std::abs(value - median));
    // Where most samples are equal, a thousandth is still no spike.
    const double reach = std::max(mads_of_a_spike * median_of(distance), 1e-3 * std::abs(median));
    return {median - reach, median + reach};
}

std::vector<double> batch_means(std::span<const double> values, const Ordinary& limits) {
    std::vector<double> means;
    for (std::size_t i = 0; i + batch <= values.size(); i += batch) {
        double sum = 0.0;
        for (const double value : values.subspan(i, batch)) sum += std::clamp(value, limits.low, limits.high);
        means.push_back(sum / static_cast<double>(batch));
    }
    return means;
}

/// The number of leading batches to drop, at most half: the smallest whose error is near the least of all.
std::size_t mser_truncation(std::span<const double> means) {
    // Sums from the back, about the last mean so that nothing cancels.
    const double origin = means.back();
    double sum = 0.0;
    double squares = 0.0;
    std::vector<double> error(means.size() / 2 + 1);
    for (std::size_t d = means.size(); d-- > 0;) {
        const double value = means[d] - origin;
        sum += value;
        squares += value * value;
        const double n = static_cast<double>(means.size() - d);
        if (d < error.size()) error[d] = std::max(0.0, squares - sum * sum / n) / (n * n);
    }
    // A millionth of the latency is below what any clock tells: rounding must not decide.
    const double rounding = 1e-12 * origin * origin;
    const double good_enough = near_least * *std::min_element(error.begin(), error.end()) + rounding;
    std::size_t d = 0;
    while (error[d] > good_enough) ++d;
    return d;
}

/// The most likely place of one lasting change of level, where there is a significant one.
std::optional<std::size_t> change_point(std::span<const double> means) {
    const std::size_t n = means.size();
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return means[a] < means[b]; });
    std::vector<double> rank(n);
    for (std::size_t i = 0; i < n;) {  // equal values share their mean rank
        std::size_t end = i;
        while (end < n && means[order[end]] <= means[order[i]]) ++end;
        for (std::size_t k = i; k < end; ++k) rank[order[k]] = 0.5 * static_cast<double>(i + end + 1);
        i = end;
    }
    // U(t) = 2 * (sum of the first t ranks) - t (n + 1); p = 2 exp(-6 max|U|^2 / (n^3 + n^2)).
    const double count = static_cast<double>(n);
    double sum = 0.0;
    double largest = 0.0;
    std::size_t where = 0;
    for (std::size_t t = 1; t < n; ++t) {
        sum += rank[t - 1];
        const double u = std::abs(2.0 * sum - static_cast<double>(t) * (count + 1.0));
        if (u > largest) {
            largest = u;
            where = t;
        }
    }
    const double p = 2.0 * std::exp(-6.0 * largest * largest / (count * count * count + count * count));
    if (p >= shift_significance) return std::nullopt;
    const double before = median_of(means.first(where));
    const double after = median_of(means.subspan(where));
    if (std::abs(after - before) <= shift_that_matters * std::abs(median_of(means))) return std::nullopt;
    return where;
}

}  // namespace

std::string_view name(Steadiness steadiness) {
    switch (steadiness) {
        case Steadiness::steady: return "steady";
        case Steadiness::drifting: return "drifting";
        case Steadiness::too_few: return "too few runs to tell";
    }
    return "";
}

Warmup find_warmup(std::span<const Seconds> samples) {
    if (samples.size() < batch * batches_needed) return {0, Steadiness::too_few};
    std::vector<double> values;
    values.reserve(samples.size());
    for (const Seconds sample : samples) values.push_back(sample.count());
    const Ordinary limits = ordinary(values);
    const std::vector<double> means = batch_means(values, limits);
    const std::size_t half = means.size() / 2;

    std::size_t dropped = mser_truncation(means);
    const auto rest = [&] { return std::span<const double>(means).subspan(dropped); };
    std::optional<std::size_t> change = change_point(rest());
    if (change && dropped + *change <= half) {  // a step that MSER kept, as a short one costs it little
        dropped += *change;
        change = change_point(rest());
    }
    std::size_t count = dropped * batch;
    while (2 * (count + 1) <= values.size() && values[count] > limits.high) ++count;  // a slow first run, clipped above
    // A minimum at the very border means that the error would fall further: it changes all the time.
    const bool at_border = 10 * dropped >= 8 * half && change_point(means).has_value();
    return {count, change || at_border ? Steadiness::drifting : Steadiness::steady};
}

}  // namespace breakeven
