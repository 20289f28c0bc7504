// Warm-up: the border is found where the series was built to have it, and a series that never settles is called so.
#include "breakeven/stats/warmup.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "breakeven/time/random.h"

namespace breakeven {
namespace {

using Level = std::function<double(int)>;

/// Latencies around 10 ms * level(i), with noise of `noise` and one spike of ten times in `spike_every`.
std::vector<Seconds> series(int n, const Level& level, std::uint64_t seed = 1, double noise = 0.02) {
    Random random(seed);
    std::vector<Seconds> samples;
    for (int i = 0; i < n; ++i) {
        const double spike = random.uniform() < 0.01 ? 10.0 : 1.0;
        samples.emplace_back(0.01 * level(i) * std::exp(noise * random.normal()) * spike);
    }
    return samples;
}

const Level flat = [](int) { return 1.0; };

TEST(Warmup, OfASteadySeriesIsShort) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const Warmup warmup = find_warmup(series(500, flat, seed));
        EXPECT_EQ(warmup.steadiness, Steadiness::steady) << "seed " << seed;
        EXPECT_LE(warmup.count, 100U) << "seed " << seed;
    }
}

TEST(Warmup, DropsASlowFirstRun) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const Warmup warmup = find_warmup(series(
            200, [](int i) { return i == 0 ? 12.0 : 1.0; }, seed));
        EXPECT_EQ(warmup.steadiness, Steadiness::steady);
        EXPECT_GE(warmup.count, 1U) << "seed " << seed;
    }
}

TEST(Warmup, EndsWhereAStepIs) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const Warmup warmup = find_warmup(series(
            600, [](int i) { return i < 100 ? 1.4 : 1.0; }, seed));
        EXPECT_EQ(warmup.steadiness, Steadiness::steady) << "seed " << seed;
        EXPECT_GE(warmup.count, 95U) << "seed " << seed;
        EXPECT_LE(warmup.count, 200U) << "seed " << seed;
    }
}

TEST(Warmup, EndsWhereADecayHasFaded) {
    // 50 % slower at first, a time constant of 30 runs: after 100 runs 1.8 % are left.
    const Warmup warmup = find_warmup(series(1000, [](int i) { return 1.0 + 0.5 * std::exp(-i / 30.0); }));
    EXPECT_EQ(warmup.steadiness, Steadiness::steady);
    EXPECT_GE(warmup.count, 60U);
    EXPECT_LE(warmup.count, 250U);
}

TEST(Warmup, ASpikeInTheMiddleMovesNoBorder) {
    std::vector<Seconds> samples = series(400, flat, 3);
    const Warmup before = find_warmup(samples);
    samples[190] = Seconds(2.0);
    const Warmup after = find_warmup(samples);
    EXPECT_EQ(after.steadiness, Steadiness::steady);
    EXPECT_LE(after.count, before.count + 20);
}

TEST(Warmup, ASeriesThatKeepsSlowingDownIsDrifting) {
    const Warmup warmup = find_warmup(series(600, [](int i) { return 1.0 + i / 600.0; }));
    EXPECT_EQ(warmup.steadiness, Steadiness::drifting);
}

TEST(Warmup, AStepInTheSecondHalfIsDrifting) {  // thermal throttling begins
    const Warmup warmup = find_warmup(series(600, [](int i) { return i < 400 ? 1.0 : 1.3; }));
    EXPECT_EQ(warmup.steadiness, Steadiness::drifting);
}

TEST(Warmup, NeedsTenBatches) {
    EXPECT_EQ(find_warmup(series(49, flat)).steadiness, Steadiness::too_few);
    EXPECT_EQ(find_warmup(series(50, flat)).steadiness, Steadiness::steady);
    EXPECT_EQ(find_warmup({}).steadiness, Steadiness::too_few);
}

TEST(Warmup, OfEqualSamplesIsNone) {
    const std::vector<Seconds> equal(100, Seconds(0.01));
    EXPECT_EQ(find_warmup(equal), (Warmup{0, Steadiness::steady}));
}

RC_GTEST_PROP(Warmup, NeverDropsMoreThanHalf, (std::uint64_t seed)) {
    Random random(seed);
    const int n = *rc::gen::inRange(0, 300);
    std::vector<Seconds> samples;
    for (int i = 0; i < n; ++i) samples.emplace_back(random.exponential() * (random.uniform() < 0.5 ? 1.0 : 10.0));
    RC_ASSERT(2 * find_warmup(samples).count <= samples.size());
}

RC_GTEST_PROP(Warmup, DoesNotDependOnTheUnit, (std::uint64_t seed)) {
    std::vector<Seconds> samples = series(
        200, [](int i) { return i < 40 ? 2.0 : 1.0; }, seed);
    const Warmup before = find_warmup(samples);
    for (Seconds& sample : samples) sample *= 1024.0;
    RC_ASSERT(find_warmup(samples) == before);
}

}  // namespace
}  // namespace breakeven
