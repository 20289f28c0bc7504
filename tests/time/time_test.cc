// Random streams equal an independent computation and are uniform; virtual time moves only when told to.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "breakeven/error.h"
#include "breakeven/time/clock.h"
#include "breakeven/time/random.h"

namespace breakeven {
namespace {

using namespace literals;

TEST(Random, EqualsAnIndependentComputationOfXoshiro) {
    // Computed with a separate program from the algorithm's description (splitmix64 seeds, xoshiro256++ steps).
    const auto check = [](std::uint64_t seed, const std::array<std::uint64_t, 4>& expected) {
        Random random(seed);
        for (const std::uint64_t value : expected) EXPECT_EQ(random.next(), value) << "seed " << seed;
    };
    check(0, {0x53175d61490b23dfU, 0x61da6f3dc380d507U, 0x5c0fdf91ec9a7bfcU, 0x02eebf8c3bbe5e1aU});
    check(1, {0xcfc5d07f6f03c29bU, 0xbf424132963fe08dU, 0x19a37d5757aaf520U, 0xbf08119f05cd56d6U});
    check(~std::uint64_t{0}, {0x56ccf8ce948e27b2U, 0xe68588432e5a5b90U, 0xe3e9b5a48119ca8bU, 0x460f19495532ae73U});
    Random far(1);
    for (int i = 0; i < 999; ++i) far.next();
    EXPECT_EQ(far.next(), 0x92d52100f9e1da0dU);
}

/// Pearson's statistic of counts that should all be equal.
double chi_square(const std::vector<int>& counts, double expected) {
    double sum = 0.0;
    for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
    return sum;
}

TEST(Random, IsUniform) {
    // 99 degrees of freedom: 61.1 and 148.2 are the 0.1 % and 99.9 % points of chi-square.
    constexpr int draws = 100000;
    Random random(7);
    std::vector<int> cells(100, 0);
    for (int i = 0; i < draws; ++i) {
        const double u = random.uniform();
        ASSERT_GE(u, 0.0);
        ASSERT_LT(u, 1.0);
        ++cells[static_cast<std::size_t>(u * 100)];
    }
    EXPECT_GT(chi_square(cells, draws / 100.0), 61.1);
    EXPECT_LT(chi_square(cells, draws / 100.0), 148.2);
}

TEST(Random, BelowIsUniformWhereTheRangeDoesNotDivide) {
    // 3 * 2^62 does not divide 2^64: without rejection the first third would come twice as often.
    constexpr std::uint64_t n = std::uint64_t{3} << 62U;
    Random random(8);
    std::vector<int> thirds(3, 0);
    for (int i = 0; i < 30000; ++i) ++thirds[static_cast<std::size_t>(random.below(n) >> 62U)];
    EXPECT_LT(chi_square(thirds, 10000.0), 13.8);  // 99.9 % point for two degrees of freedom
}

RC_GTEST_PROP(Random, BelowStaysBelow, (std::uint64_t seed)) {
    const std::uint64_t n = *rc::gen::inRange<std::uint64_t>(1, 1000);
    Random random(seed);
    for (int i = 0; i < 100; ++i) RC_ASSERT(random.below(n) < n);
}

TEST(Random, BelowNothingIsOurMistake) {
    EXPECT_THROW(Random(1).below(0), Error);
}

TEST(Random, HasTheMomentsItSays) {
    constexpr int draws = 200000;
    Random random(9);
    double sum = 0.0;
    double squares = 0.0;
    double fourths = 0.0;
    double exponential = 0.0;
    for (int i = 0; i < draws; ++i) {
        const double z = random.normal();
        sum += z;
        squares += z * z;
        fourths += z * z * z * z;
        exponential += random.exponential();
    }
    // Four standard errors each.
    EXPECT_NEAR(sum / draws, 0.0, 4 / std::sqrt(draws));
    EXPECT_NEAR(squares / draws, 1.0, 4 * std::sqrt(2.0 / draws));
    EXPECT_NEAR(fourths / draws, 3.0, 4 * std::sqrt(96.0 / draws));
    EXPECT_NEAR(exponential / draws, 1.0, 4 / std::sqrt(draws));
}

TEST(Random, SeedsGiveDifferentStreams) {
    Random a(1);
    Random b(2);
    int equal = 0;
    for (int i = 0; i < 1000; ++i) equal += a.next() == b.next() ? 1 : 0;
    EXPECT_EQ(equal, 0);
}

TEST(VirtualClock, MovesOnlyWhenToldTo) {
    VirtualClock clock;
    const Seconds start = clock.now();
    EXPECT_EQ(clock.now(), start);
    clock.advance(5_ms);
    EXPECT_EQ(clock.now() - start, Seconds(5_ms));
}

TEST(VirtualClock, SleepsAtOnceAndNeverGoesBack) {
    VirtualClock clock;
    clock.sleep_until(3_s);
    EXPECT_EQ(clock.now(), Seconds(3_s));
    clock.sleep_until(1_s);
    EXPECT_EQ(clock.now(), Seconds(3_s));
}

}  // namespace
}  // namespace breakeven
