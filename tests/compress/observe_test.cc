// Observations: extremes exact, percentiles near the sorted values', ranges that no searched one beats.
#include "breakeven/compress/observe.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

constexpr std::size_t all_points = 1'000'000;

Observation of(const std::vector<float>& values) {
    Observation observation;
    observation.add(values, all_points);
    return observation;
}

double squared_error(const std::vector<float>& values, Range range) {
    const double scale = (double{range.high} - double{range.low}) / 255;
    const double zero = std::round(-double{range.low} / scale);
    double error = 0;
    for (const float v : values) {
        const double rounded = (std::clamp(std::round(double{v} / scale) + zero, 0.0, 255.0) - zero) * scale;
        error += (double{v} - rounded) * (double{v} - rounded);
    }
    return error;
}

RC_GTEST_PROP(Observation, ExtremesAreThoseOfAllValuesInWhateverPortions, ()) {
    const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<float>>(
        rc::gen::map(rc::gen::inRange(-100000, 100000), [](int i) { return static_cast<float>(i) * 0.01F; })));
    const auto cut = *rc::gen::inRange<std::size_t>(0, values.size() + 1);
    Observation observation;
    observation.add(std::span(values).first(cut), 64);
    observation.add(std::span(values).subspan(cut), 64);
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    RC_ASSERT(observation.extremes() == (Range{*low, *high}));
    for (const Range range : {observation.percentile(of_one(0.99)), observation.percentile(of_one(1.0))}) {
        RC_ASSERT(range.low >= *low && range.high <= *high && range.low <= range.high);
    }
}

TEST(Observation, PercentilesAreNearThoseOfTheSortedValues) {
    std::vector<float> values = fixture::noise(200'000, 3);
    values.push_back(80.0F);  // one outlier that must not count
    const Range range = of(values).percentile(of_one(0.999));
    std::sort(values.begin(), values.end());
    const double width = 80.0 * 1.5 / 2048;
    EXPECT_NEAR(range.low, values[values.size() / 2000], width + 0.05);
    EXPECT_NEAR(range.high, values[values.size() - values.size() / 2000], width + 0.05);
}

TEST(Observation, AHistogramThatHadToWidenKeepsEveryValue) {
    Observation observation;
    for (int power = -6; power <= 6; ++power) {
        observation.add(std::vector<float>(100, std::pow(10.0F, static_cast<float>(power))), all_points);
    }
    EXPECT_FLOAT_EQ(observation.extremes().high, 1e6F);
    // 1200 of 1300 values lie at or below 1e5: so does their percentile, up to a bin.
    EXPECT_LT(observation.percentile(of_one(0.8)).high, 1e5F * 1.05F);
}

TEST(Observation, LeastSquaredErrorIsNoWorseThanMinMaxAndNearTheBestOfAGrid) {
    for (const bool rectified : {false, true}) {
        std::vector<float> values = fixture::noise(50'000, 4);
        for (float& value : values) value = rectified ? std::max(value, 0.0F) : value;
        values[7] = 25.0F;
        const Range found = of(values).least_squared_error();
        const Range whole = with_zero(of(values).extremes());
        double best = std::numeric_limits<double>::infinity();
        for (int i = 1; i <= 100; ++i) {
            best = std::min(best, squared_error(values, {whole.low, whole.high * 0.01F * static_cast<float>(i)}));
        }
        EXPECT_LE(squared_error(values, found), squared_error(values, whole) * 1.001) << rectified;
        EXPECT_LE(squared_error(values, found), best * 1.05) << rectified;
    }
}

TEST(Observation, DivergenceCutsALongTailAndKeepsAFlatDistribution) {
    std::vector<float> flat;
    for (int i = 0; i < 100'000; ++i) flat.push_back(static_cast<float>(i) * 1e-5F);
    EXPECT_GT(of(flat).least_divergence().high, 0.95F);
    std::vector<float> tailed = fixture::noise(100'000, 5);
    tailed[0] = 60.0F;
    const Range cut = of(tailed).least_divergence();
    EXPECT_LT(cut.high, 30.0F);
    EXPECT_GT(cut.high, 2.0F);
    EXPECT_GE(cut.low, -cut.high);
}

TEST(Observation, NotFiniteNumbersAreNoticedWhereverTheyStand) {
    for (const float odd : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        for (const std::size_t place : {0U, 17U, 99U}) {
            std::vector<float> values(100, 1.0F);
            values[place] = odd;
            EXPECT_TRUE(of(values).has_nonfinite()) << place;
        }
    }
    EXPECT_FALSE(of({0.0F, -1.0F, std::numeric_limits<float>::max()}).has_nonfinite());
}

TEST(Observation, AllZerosAndNothingAtAllStillGiveARange) {
    const Range zeros = with_zero(of(std::vector<float>(100, 0.0F)).least_squared_error());
    EXPECT_GT(zeros.high, zeros.low);
    Observation none;
    none.add({}, all_points);
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(with_zero({2.0F, 3.0F}), (Range{0.0F, 3.0F}));
    EXPECT_EQ(with_zero({-2.0F, -1.0F}), (Range{-2.0F, 0.0F}));
}

}  // namespace
}  // namespace breakeven
