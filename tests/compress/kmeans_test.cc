// kmeans: exact means no assignment whatever is better.
#include "breakeven/compress/kmeans.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "breakeven/time/random.h"

namespace breakeven {
namespace {

/// Least error over every assignment of values to clusters.
double brute_force(const std::vector<WeightedValue>& values, std::size_t count) {
    double best = INFINITY;
    std::vector<std::size_t> assigned(values.size(), 0);
    for (;;) {
        std::vector<double> sum(count, 0.0);
        std::vector<double> weight(count, 0.0);
        for (std::size_t i = 0; i < values.size(); ++i) {
            sum[assigned[i]] += values[i].weight * values[i].value;
            weight[assigned[i]] += values[i].weight;
        }
        double error = 0.0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const double mean = sum[assigned[i]] / weight[assigned[i]];
            error += values[i].weight * (values[i].value - mean) * (values[i].value - mean);
        }
        best = std::min(best, error);
        std::size_t digit = 0;
        while (digit < assigned.size() && ++assigned[digit] == count) assigned[digit++] = 0;
        if (digit == assigned.size()) return best;
    }
}

std::vector<WeightedValue> random_values(std::size_t n, std::uint64_t seed) {
    Random random(seed);
    std::vector<WeightedValue> values;
    for (std::size_t i = 0; i < n; ++i) values.push_back({random.normal(), 0.1 + random.uniform()});
    return gathered(values);
}

RC_GTEST_PROP(KmeansExact, IsNoWorseThanAnyAssignment, ()) {
    const auto n = *rc::gen::inRange<std::size_t>(1, 13);
    const auto count = *rc::gen::inRange<std::size_t>(1, n > 9 ? 3 : 4);
    const auto values = random_values(n, *rc::gen::arbitrary<std::uint64_t>());
    RC_ASSERT(squared_error(values, kmeans_exact(values, count)) <= brute_force(values, count) + 1e-9);
}

RC_GTEST_PROP(KmeansExact, MoreCentroidsAreNeverWorse, (std::uint64_t seed)) {
    const auto values = random_values(200, seed);
    double before = INFINITY;
    for (const std::size_t count : {1U, 2U, 5U, 16U, 17U, 199U, 300U}) {
        const auto centroids = kmeans_exact(values, count);
        RC_ASSERT(std::is_sorted(centroids.begin(), centroids.end()));
        const double error = squared_error(values, centroids);
        RC_ASSERT(error <= before + 1e-9);
        before = error;
    }
    RC_ASSERT(before == 0.0);
}

RC_GTEST_PROP(KmeansLinear, IsNeverBetterThanExact, (std::uint64_t seed)) {
    const auto values = random_values(300, seed);
    const double linear = squared_error(values, kmeans_linear(values, 16, 100));
    RC_ASSERT(squared_error(values, kmeans_exact(values, 16)) <= linear + 1e-9);
}

TEST(KmeansLinear, BeginsEvenlySpacedFromTheSmallestToTheLargest) {
    const auto values = gathered({{-1.0, 1.0}, {0.2, 1.0}, {3.0, 1.0}});
    EXPECT_EQ(kmeans_linear(values, 5, 0), (std::vector<double>{-1.0, 0.0, 1.0, 2.0, 3.0}));
}

TEST(KmeansExact, BeyondItsExactReachItIsWithinAThousandthOfManyLloydSteps) {
    const auto values = random_values(3 * values_max, 5);
    const double linear = squared_error(values, kmeans_linear(values, 16, 3000));
    EXPECT_LE(squared_error(values, kmeans_exact(values, 16)), linear * 1.001);
}

TEST(KmeansExact, WeightsPullTheCentroid) {
    const auto values = gathered({{0.0, 3.0}, {4.0, 1.0}});
    EXPECT_EQ(kmeans_exact(values, 1), std::vector<double>{1.0});
}

TEST(Gathered, EqualValuesCountOnceAndThoseWithoutWeightNotAtAll) {
    EXPECT_EQ(gathered({{2.0, 1.0}, {1.0, 0.0}, {2.0, 3.0}}), (std::vector<WeightedValue>{{2.0, 4.0}}));
}

TEST(Kmeans, NothingHasNoCentroids) {
    EXPECT_TRUE(kmeans_exact({}, 3).empty());
    EXPECT_TRUE(kmeans_linear({}, 3, 10).empty());
}

}  // namespace
}  // namespace breakeven
