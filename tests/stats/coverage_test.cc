// Intervals keep their word: over synthetic series whose truth is known, 95 % intervals hold it 93 to 97 times of 100.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "breakeven/stats/compare.h"
#include "breakeven/stats/summary.h"
#include "breakeven/time/random.h"

namespace breakeven {
namespace {

constexpr int series_count = 1000;  // the coverage itself is then known to +- 1.4 points

/// A stationary AR(1) series with standard normal values.
std::vector<double> correlated(Random& random, std::size_t n, double correlation) {
    std::vector<double> values;
    double z = random.normal();
    for (std::size_t i = 0; i < n; ++i) {
        values.push_back(z);
        z = correlation * z + std::sqrt(1 - correlation * correlation) * random.normal();
    }
    return values;
}

double coverage(double truth, const std::function<std::vector<double>(Random&)>& series) {
    Random random(20240611);
    int held = 0;
    for (int i = 0; i < series_count; ++i) {
        const std::vector<double> values = series(random);
        const Interval<double> interval = *summarize(std::span<const double>(values))->ci95;
        if (interval.low <= truth && truth <= interval.high) ++held;
    }
    return 100.0 * held / series_count;
}

void expect_keeps_its_word(double percent_held) {
    EXPECT_GE(percent_held, 93.0);
    EXPECT_LE(percent_held, 97.5);  // short series cover a little more
}

TEST(IntervalOfTheMedian, HoldsItForIndependentSamples) {
    for (const std::size_t n : {50U, 100U, 300U, 1000U}) {
        expect_keeps_its_word(coverage(0.0, [&](Random& random) { return correlated(random, n, 0.0); }));
    }
}

TEST(IntervalOfTheMedian, HoldsItForSkewedSamples) {
    expect_keeps_its_word(coverage(std::log(2.0), [](Random& random) {
        std::vector<double> values;
        for (int i = 0; i < 200; ++i) values.push_back(random.exponential());
        return values;
    }));
}

TEST(IntervalOfTheMedian, HoldsItForSamplesThatResembleTheirNeighbours) {
    for (const std::size_t n : {500U, 1000U, 2000U}) {
        expect_keeps_its_word(coverage(0.0, [&](Random& random) { return correlated(random, n, 0.7); }));
    }
}

TEST(IntervalOfTheMedian, WouldNotHoldItIfNeighboursWereTakenForStrangers) {
    // What the correction is for: shuffling the same correlated values makes the interval far too short.
    const double held = coverage(0.0, [](Random& random) {
        std::vector<double> values = correlated(random, 500, 0.7);
        for (std::size_t i = values.size() - 1; i > 0; --i) std::swap(values[i], values[random.below(i + 1)]);
        return values;
    });
    EXPECT_LT(held, 75.0);
}

TEST(IntervalOfTheMedian, ShrinksWithTheRootOfTheSamples) {
    Random random(5);
    const auto width = [&](std::size_t n) {
        double sum = 0.0;
        for (int i = 0; i < 100; ++i) {
            const std::vector<double> values = correlated(random, n, 0.0);
            const Interval<double> interval = *summarize(std::span<const double>(values))->ci95;
            sum += interval.high - interval.low;
        }
        return sum;
    };
    EXPECT_NEAR(width(200) / width(3200), 4.0, 0.4);
}

/// The share of A/A pairs that are declared different, in percent. `shared` noise hits both of a pair.
double declared_different(std::size_t n, double correlation, double shared) {
    Random random(11);
    int different = 0;
    for (int i = 0; i < series_count; ++i) {
        const std::vector<double> a = correlated(random, n, correlation);
        const std::vector<double> b = correlated(random, n, correlation);
        const std::vector<double> both = correlated(random, n, 0.95);
        std::vector<Seconds> subject;
        std::vector<Seconds> baseline;
        for (std::size_t k = 0; k < n; ++k) {
            subject.emplace_back(0.01 * std::exp(0.05 * (a[k] + shared * both[k])));
            baseline.emplace_back(0.01 * std::exp(0.05 * (b[k] + shared * both[k])));
        }
        if (compare_medians({subject, baseline})->verdict() != Verdict::same) ++different;
    }
    return 100.0 * different / series_count;
}

TEST(Comparison, DeclaresTheSameProgramDifferentInAtMostFiveOfAHundredCases) {
    constexpr double by_chance = 1.4;  // two standard errors of a share of 5 % in 1,000 cases
    EXPECT_LE(declared_different(30, 0.0, 0.0), 5.0 + by_chance);
    EXPECT_LE(declared_different(100, 0.0, 2.0), 5.0 + by_chance);
    EXPECT_LE(declared_different(500, 0.3, 2.0), 5.0 + by_chance);
    EXPECT_LE(declared_different(1000, 0.7, 2.0), 5.0 + by_chance);
}

TEST(Comparison, IsNotSoShyThatItNeverDeclaresAnything) {
    EXPECT_GE(declared_different(100, 0.0, 0.0), 2.0);
}

TEST(Comparison, SharedNoiseCancels) {
    // Both series swing by a factor of two together; a subject 3 % slower must still show.
    Random random(3);
    std::vector<Seconds> subject;
    std::vector<Seconds> baseline;
    for (int i = 0; i < 400; ++i) {
        const double pace = 1.0 + (i % 2);
        baseline.emplace_back(pace * (1.0 + 0.01 * random.normal()));
        subject.emplace_back(1.03 * pace * (1.0 + 0.01 * random.normal()));
    }
    const MedianComparison comparison = *compare_medians({subject, baseline});
    EXPECT_LE(comparison.ci95.low, 1.03);
    EXPECT_GE(comparison.ci95.high, 1.03);
}

TEST(Comparison, FindsARealDifferenceAndItsDirection) {
    Random random(4);
    std::vector<Seconds> slow;
    std::vector<Seconds> fast;
    for (int i = 0; i < 200; ++i) {
        fast.emplace_back(1.0 + 0.05 * random.normal());
        slow.emplace_back(1.05 * (1.0 + 0.05 * random.normal()));
    }
    EXPECT_EQ(compare_medians({slow, fast})->verdict(), Verdict::slower);
    EXPECT_EQ(compare_medians({fast, slow})->verdict(), Verdict::faster);
    EXPECT_DOUBLE_EQ(compare_medians({slow, fast})->ratio, 1.0 / compare_medians({fast, slow})->ratio);
}

TEST(Comparison, NeedsSixPairs) {
    const std::vector<Seconds> five(5, Seconds(1.0));
    const std::vector<Seconds> six(6, Seconds(1.0));
    EXPECT_FALSE(compare_medians({five, five}).has_value());
    EXPECT_EQ(compare_medians({six, six})->verdict(), Verdict::same);
}

}  // namespace
}  // namespace breakeven
