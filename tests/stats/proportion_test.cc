// Proportions: published worked examples, exact enumeration as oracle, and the ends.
#include "breakeven/stats/proportion.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "breakeven/error.h"
#include "breakeven/time/random.h"

namespace breakeven {
namespace {

TEST(Wilson, EqualsPublishedExamples) {
    // Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    const auto check = [](Tally tally, double low, double high) {
        const Interval<Probability> interval = wilson_interval(tally);
        EXPECT_NEAR(interval.low.in(of_one), low, 5e-5);
        EXPECT_NEAR(interval.high.in(of_one), high, 5e-5);
    };
    check({81, 263}, 0.2553, 0.3662);
    check({15, 148}, 0.0624, 0.1605);
    check({0, 20}, 0.0000, 0.1611);
    check({1, 29}, 0.0061, 0.1718);
}

TEST(Wilson, HoldsTheTruthAtTheEnds) {
    EXPECT_EQ(wilson_interval({0, 5}).low, of_one(0));
    EXPECT_EQ(wilson_interval({5, 5}).high, of_one(1));
    EXPECT_LT(wilson_interval({5, 5}).low, of_one(0.6));
}

TEST(Wilson, RefusesAnEmptyTally) {
    EXPECT_THROW(wilson_interval({0, 0}), Error);
}

TEST(Wilson, HoldsAnAccuracyOf90PercentAsOftenAsItSays) {
    // Exact: the coverage is a sum of binomial probabilities, no simulation needed.
    constexpr std::int64_t n = 400;
    constexpr double p = 0.9;
    double covered = 0.0;
    for (std::int64_t k = 0; k <= n; ++k) {
        const Interval<Probability> interval = wilson_interval({k, n});
        if (interval.low > of_one(p) || interval.high < of_one(p)) continue;
        const double x = static_cast<double>(k);
        const double m = static_cast<double>(n);
        covered += std::exp(std::lgamma(m + 1) - std::lgamma(x + 1) - std::lgamma(m - x + 1) + x * std::log(p) +
                            (m - x) * std::log(1 - p));
    }
    EXPECT_GE(covered, 0.93);
    EXPECT_LE(covered, 0.97);
}

RC_GTEST_PROP(Wilson, HoldsTheShareAndIsSymmetric, ()) {
    const std::int64_t total = *rc::gen::inRange<std::int64_t>(1, 100000);
    const std::int64_t right = *rc::gen::inRange<std::int64_t>(0, total + 1);
    const Interval<Probability> interval = wilson_interval({right, total});
    RC_ASSERT(interval.low <= share({right, total}) && share({right, total}) <= interval.high);
    const Interval<Probability> mirrored = wilson_interval({total - right, total});
    RC_ASSERT(std::abs(interval.low.in(of_one) + mirrored.high.in(of_one)-1.0) < 1e-12);
}

/// Both tails of the fair binomial by Pascal's triangle.
double mcnemar_by_enumeration(int b, int c) {
    const int n = b + c;
    std::vector<double> row{1.0};
    for (int i = 0; i < n; ++i) {
        std::vector<double> next(row.size() + 1, 0.0);
        for (std::size_t k = 0; k < row.size(); ++k) {
            next[k] += 0.5 * row[k];
            next[k + 1] += 0.5 * row[k];
        }
        row = next;
    }
    const int fewer = std::min(b, c);
    double p = 0.0;
    for (int k = 0; k <= n; ++k) {
        if (k <= fewer || k >= n - fewer) p += row[static_cast<std::size_t>(k)];
    }
    return p;
}

TEST(McNemar, EqualsEnumerationForEverySmallTable) {
    for (int b = 0; b <= 25; ++b) {
        for (int c = 0; c <= 25; ++c) {
            EXPECT_NEAR(mcnemar_p({b, c, 100}).in(of_one), mcnemar_by_enumeration(b, c), 1e-10) << b << " " << c;
        }
    }
}

TEST(McNemar, WithoutDisagreementSaysNothing) {
    EXPECT_EQ(mcnemar_p({0, 0, 1000}), of_one(1));
}

TEST(PairedDifference, HoldsTheTruthAsOftenAsItSays) {
    // 90 % right the first, 88 % the second, agreeing mostly; the true difference is -2 points.
    constexpr double only_first = 0.05;
    constexpr double only_second = 0.03;
    Random random(9);
    int held = 0;
    constexpr int cases = 1000;
    for (int i = 0; i < cases; ++i) {
        Disagreement counts{0, 0, 1000};
        for (std::int64_t k = 0; k < counts.total; ++k) {
            const double u = random.uniform();
            if (u < only_first) {
                ++counts.only_first_right;
            } else if (u < only_first + only_second) {
                ++counts.only_second_right;
            }
        }
        const Interval<Probability> interval = paired_difference_interval(counts);
        if (interval.low <= of_one(-0.02) && of_one(-0.02) <= interval.high) ++held;
    }
    EXPECT_GE(held, 930);
    EXPECT_LE(held, 975);
}

TEST(PairedDifference, TurnsItsSignWithTheModels) {
    const Interval<Probability> one = paired_difference_interval({30, 10, 500});
    const Interval<Probability> other = paired_difference_interval({10, 30, 500});
    EXPECT_DOUBLE_EQ(one.low.in(of_one), -other.high.in(of_one));
    EXPECT_LT(one.high, of_one(0));
}

}  // namespace
}  // namespace breakeven
