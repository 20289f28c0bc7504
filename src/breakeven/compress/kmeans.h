// kmeans: the numbers that stand best for many, in one dimension, where the optimum can be had exactly.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace breakeven {

/// A value and how much an error at it counts.
struct WeightedValue {
    double value = 0.0;
    double weight = 1.0;
    friend bool operator==(const WeightedValue&, const WeightedValue&) = default;
};

/// Ascending, equal values together, those without weight left out.
std::vector<WeightedValue> gathered(std::vector<WeightedValue> values);

/// Sum of weight x (value - nearest centroid)^2. Centroids ascending, at least one.
double squared_error(std::span<const WeightedValue> values, std::span<const double> centroids);

/// Index of the nearest of ascending centroids; the lower one of equals.
std::size_t nearest(std::span<const double> centroids, double value);

/// The best `count` centroids, ascending (fewer where there are fewer distinct values). `values` as gathered() gives
/// them. Exact: dynamic programming over sorted values (Wang & Song 2011, Ckmeans.1d.dp), each row filled by divide and
/// conquer, O(count x n log n). Beyond values_max distinct values it works on as many equal bins, and Lloyd's steps on
/// the values themselves finish.
std::vector<double> kmeans_exact(std::span<const WeightedValue> values, std::size_t count);
inline constexpr std::size_t values_max = std::size_t{1} << 15U;

/// `count` centroids evenly spaced from the smallest to the largest value, then Lloyd's steps until nothing moves or
/// `steps` are done. A centroid without values stays where it is.
std::vector<double> kmeans_linear(std::span<const WeightedValue> values, std::size_t count, int steps);

}  // namespace breakeven
