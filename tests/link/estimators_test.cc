// Estimators against closed forms, and against links whose truth is known.
#include "breakeven/link/estimators.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "breakeven/time/random.h"

namespace breakeven {
namespace {

using namespace literals;

RateSample sample_of(double rate, Seconds at, Bytes size = 150000_B) {
    return {.ended = at, .took = Seconds(static_cast<double>(size.count()) / rate), .size = size};
}

TEST(LogFilter, EqualsTheKalmanRecursion) {
    const LogFilter::Noise noise{.drift = 0.5, .observation = 0.2, .prior = 2.0};
    LogFilter filter(1.0, noise);
    double mean = 1.0;
    double variance = 2.0;
    for (int i = 1; i <= 20; ++i) {
        if (i > 1) variance += 0.5;
        const double observed = std::sin(i);
        const double gain = variance / (variance + 0.2);
        mean += gain * (observed - mean);
        variance *= 1.0 - gain;
        filter.observe({.value = observed}, Seconds(i));
        EXPECT_NEAR(filter.at(Seconds(i)).mean, mean, 1e-12);
        EXPECT_NEAR(filter.at(Seconds(i)).variance, variance, 1e-12);
    }
    EXPECT_NEAR(filter.at(25_s).variance, variance + 0.5 * 5, 1e-12) << "age is uncertainty";
}

TEST(RateEstimator, FindsASteadyRate) {
    RateEstimator estimator;
    EXPECT_FALSE(estimator.age(0_s).has_value());
    for (int i = 0; i < 100; ++i) estimator.observe(sample_of(2e6, Seconds(i)));
    EXPECT_NEAR(estimator.median(99_s).in(bytes_per_second), 2e6, 1e4);
    EXPECT_NEAR(estimator.age(102_s)->count(), 3.0, 1e-9);
    EXPECT_GT(estimator.uncertainty(120_s), estimator.uncertainty(100_s));
    EXPECT_GT(estimator.seconds_per_byte(100_s), 1 / 2e6) << "E[1/B] is above 1/B";
}

TEST(RateEstimator, TakesALimitedSenderForALowerBound) {
    RateEstimator estimator;
    for (int i = 0; i < 20; ++i) estimator.observe(sample_of(2e6, Seconds(i)));
    RateSample idle = sample_of(1e4, 20_s);
    idle.limit = RateSample::Limit::nothing_more;
    const BytesPerSecond before = estimator.median(20_s);
    estimator.observe(idle);
    EXPECT_EQ(estimator.median(20_s), before);
    RateSample fast = sample_of(8e6, 21_s);
    fast.limit = RateSample::Limit::nothing_more;
    estimator.observe(fast);
    EXPECT_GT(estimator.median(21_s), before);
}

TEST(RateEstimator, ExpectsOutagesAsOftenAsTheyHappen) {
    // A link that is out in three of ten seconds, each for itself.
    RateEstimator estimator;
    Random random(7);
    for (int i = 0; i < 400; ++i) estimator.observe(sample_of(random.uniform() < 0.3 ? 2e3 : 2e6, Seconds(i), 16000_B));
    const double out =
        estimator.forecast(400_s).mean([](BytesPerSecond rate) { return rate < bytes_per_second(1e5) ? 1.0 : 0.0; });
    EXPECT_NEAR(out, 0.3, 0.12);
}

TEST(RateEstimator, LearnsThatStatesLast) {
    // Twenty seconds fast, twenty slow: after a slow second the next is slow, after a fast one fast.
    RateEstimator estimator;
    const auto slow_next = [&](Seconds now) {
        return estimator.forecast(now).mean(
            [](BytesPerSecond rate) { return rate < bytes_per_second(3e5) ? 1.0 : 0.0; });
    };
    for (int i = 0; i < 195; ++i) estimator.observe(sample_of(i / 20 % 2 == 0 ? 3e6 : 3e4, Seconds(i)));
    EXPECT_GT(slow_next(195_s), 0.8);
    for (int i = 200; i < 215; ++i) estimator.observe(sample_of(3e6, Seconds(i)));
    EXPECT_LT(slow_next(215_s), 0.2);
}

RC_GTEST_PROP(RateEstimator, StaysFiniteWhateverItSees, ()) {
    RateEstimator estimator;
    double now = 0.0;
    const int count = *rc::gen::inRange(0, 300);
    for (int i = 0; i < count; ++i) {
        now += *rc::gen::inRange(-10, 1000) / 10.0;
        estimator.observe({.ended = Seconds(now),
                           .took = Seconds(*rc::gen::inRange(-1, 1000000) / 1e4),
                           .size = Bytes(*rc::gen::inRange<std::int64_t>(-5, 1000000000000))});
    }
    const RateDistribution forecast = estimator.forecast(Seconds(now));
    RC_ASSERT(forecast.total() > 0.0);
    RC_ASSERT(std::isfinite(forecast.mean([](BytesPerSecond rate) { return rate.in(bytes_per_second); })));
    RC_ASSERT(std::isfinite(estimator.seconds_per_byte(Seconds(now))));
}

TEST(RoundTripEstimator, KeepsTheLeastOfTenSecondsAndSmoothsAsRfc6298) {
    RoundTripEstimator estimator;
    estimator.observe(100_ms, 0_s);
    EXPECT_EQ(estimator.expected(), 100_ms);
    EXPECT_EQ(estimator.variation(), 50_ms);
    estimator.observe(180_ms, 1_s);
    EXPECT_NEAR(estimator.variation().count(), 0.75 * 0.05 + 0.25 * 0.08, 1e-12);
    EXPECT_NEAR(estimator.expected().count(), 0.110, 1e-12);
    EXPECT_EQ(estimator.least(), 100_ms);
    estimator.observe(150_ms, 10.5_s);
    EXPECT_EQ(estimator.least(), 150_ms) << "100 ms is too long ago, and 180 ms is not the least";
}

TEST(SlownessEstimator, FollowsADeviceThatHeatsUp) {
    SlownessEstimator estimator({.drift = 1e-4, .observation = 0.01, .prior = 0.01});
    EXPECT_EQ(estimator.expected(0_s), 1.0);
    for (int i = 0; i < 600; ++i) {
        estimator.observe({.took = Seconds(0.3 * (1.0 + i / 600.0)), .expected = 300_ms}, Seconds(i));
    }
    EXPECT_NEAR(estimator.expected(600_s), 2.0, 0.05);
}

TEST(QueueEstimator, ForgetsWhatIsOld) {
    QueueEstimator estimator;
    EXPECT_EQ(estimator.expected(0_s), 0_s);
    estimator.observe(400_ms, 0_s);
    EXPECT_EQ(estimator.expected(0_s), 400_ms);
    EXPECT_LT(estimator.expected(30_s), 40_ms);
}

}  // namespace
}  // namespace breakeven
