// PowerTrace: energy of windows against plain sums; gaps; the trapezoid rule.
#include "breakeven/meters/power_trace.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "breakeven/time/random.h"

namespace breakeven {
namespace {

using namespace literals;

TEST(PowerTrace, AWindowHasTheEnergyOfThePiecesInIt) {
    const PowerTrace trace({{0_s, 1_s, watts(2)}, {1_s, 3_s, watts(4)}, {3_s, 4_s, watts(8)}});
    EXPECT_DOUBLE_EQ(trace.energy({0_s, 4_s}).energy->in(joules), 2 + 8 + 8);
    EXPECT_DOUBLE_EQ(trace.energy({0.5_s, 3.25_s}).energy->in(joules), 1 + 8 + 2);
    EXPECT_DOUBLE_EQ(trace.energy({1.5_s, 2_s}).energy->in(joules), 2);
    EXPECT_DOUBLE_EQ(trace.energy({2_s, 2_s}).energy->in(joules), 0);
}

RC_GTEST_PROP(PowerTrace, AnyWindowIsTheSumOverItsPieces, (std::uint64_t seed)) {
    Random random(seed);
    std::vector<PowerPiece> pieces;
    Seconds at{random.uniform()};
    for (int i = 0; i < 40; ++i) {
        if (random.uniform() < 0.2) at += Seconds(random.uniform());  // a gap
        const Seconds to = at + Seconds(0.01 + random.uniform());
        pieces.push_back({at, to, watts(random.uniform() * 5)});
        at = to;
    }
    const PowerTrace trace(pieces);
    const Seconds a{random.uniform() * at.count() * 1.2 - 0.5};
    const Seconds b = a + Seconds(random.uniform() * 10);
    double energy = 0;
    double covered = 0;
    for (const PowerPiece& piece : pieces) {
        const double overlap = std::max(0.0, std::min(b, piece.to).count() - std::max(a, piece.from).count());
        energy += overlap * piece.power.in(watts);
        covered += overlap;
    }
    const WindowEnergy found = trace.energy({a, b});
    RC_ASSERT(std::abs(found.recorded.in(joules)-energy) < 1e-9);
    RC_ASSERT(std::abs(found.covered.count() - covered) < 1e-9);
    RC_ASSERT(found.energy.has_value() == (found.covered >= covered_min * (b - a)));
}

TEST(PowerTrace, ASmallHoleIsTakenToBeLikeTheRestAndALargeOneHasNoEnergy) {
    const PowerTrace trace({{0_s, 50_s, watts(2)}, {52_s, 100_s, watts(2)}});
    EXPECT_NEAR(trace.energy({0_s, 100_s}).energy->in(joules), 200, 1e-9) << "2 % are missing";
    EXPECT_DOUBLE_EQ(trace.energy({0_s, 100_s}).recorded.in(joules), 196);
    EXPECT_FALSE(trace.energy({45_s, 55_s}).energy.has_value()) << "20 % are missing";
    EXPECT_FALSE(trace.energy({95_s, 105_s}).energy.has_value()) << "the recording ended";
    EXPECT_FALSE(trace.energy({200_s, 201_s}).energy.has_value());
    EXPECT_FALSE(PowerTrace().energy({0_s, 1_s}).energy.has_value());
}

TEST(PowerTrace, SamplesAtUnequalRatesMakeTheTrapezoidSum) {
    // 3 + sin(t) over 0 to 8 s at rates that change; integral 24 + 1 - cos(8).
    std::vector<PowerSample> samples;
    Random random(7);
    for (double t = 0.0; t < 8.0; t += 0.0005 + 0.001 * random.uniform()) {
        samples.push_back({Seconds(t), watts(3 + std::sin(t))});
    }
    samples.push_back({8_s, watts(3 + std::sin(8.0))});
    const PowerTrace trace = PowerTrace::of_samples(samples);
    EXPECT_NEAR(trace.energy({0_s, 8_s}).energy->in(joules), 24 + 1 - std::cos(8.0), 1e-5);
    EXPECT_NEAR(trace.energy({1_s, 2_s}).energy->in(joules), 3 + std::cos(1.0) - std::cos(2.0), 1e-3);
}

TEST(PowerTrace, AMissingStretchOfSamplesIsAGap) {
    std::vector<PowerSample> samples;
    for (int i = 0; i < 100; ++i) {
        if (i < 40 || i >= 60) samples.push_back({Seconds(0.1 * i), watts(1)});
    }
    const PowerTrace trace = PowerTrace::of_samples(samples);
    EXPECT_NEAR(trace.energy({0_s, 9.9_s}).covered.count(), 9.9 - 2.0, 1e-9);
    EXPECT_FALSE(trace.energy({4.2_s, 5.8_s}).energy.has_value());
}

TEST(PowerTrace, OneSampleSaysNothing) {
    EXPECT_TRUE(PowerTrace::of_samples(std::vector<PowerSample>{{1_s, watts(1)}}).empty());
}

}  // namespace
}  // namespace breakeven
