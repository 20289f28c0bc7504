// Summary: quantiles against their definition and an outside table, laws that hold for every series, and the edges.
#include "breakeven/stats/summary.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "breakeven/error.h"

namespace breakeven {
namespace {

using namespace literals;

Distribution<double> summary_of(const std::vector<double>& values) {
    return *summarize(std::span<const double>(values));
}

/// Numbers as latencies are: positive, within six decades.
std::vector<double> arbitrary_latencies(std::size_t at_least) {
    const int n = *rc::gen::inRange(static_cast<int>(at_least), 80);
    std::vector<double> values;
    for (int i = 0; i < n; ++i) values.push_back(1e-6 * *rc::gen::inRange(1, 1000000));
    return values;
}

TEST(Quantile, EqualsWhatNumPyPrints) {  // numpy.percentile(..., method='linear'), worked out by hand from its manual
    const std::vector<double> four{1, 2, 3, 4};
    EXPECT_DOUBLE_EQ(quantile(four, 0.5), 2.5);
    EXPECT_DOUBLE_EQ(quantile(four, 0.9), 3.7);
    EXPECT_DOUBLE_EQ(quantile(four, 0.25), 1.75);
    EXPECT_DOUBLE_EQ(quantile(four, 0.0), 1.0);
    EXPECT_DOUBLE_EQ(quantile(four, 1.0), 4.0);
    const std::vector<double> one{7};
    EXPECT_DOUBLE_EQ(quantile(one, 0.99), 7.0);
}

RC_GTEST_PROP(Quantile, PutsItsShareOfTheNumbersBelow, ()) {
    std::vector<double> values = arbitrary_latencies(1);
    std::sort(values.begin(), values.end());
    const double share = 0.01 * *rc::gen::inRange(0, 101);
    const double q = quantile(values, share);
    const double n = static_cast<double>(values.size());
    const auto count = [&](const auto& which) {
        return static_cast<double>(std::count_if(values.begin(), values.end(), which));
    };
    const double below = count([&](double v) { return v < q; });
    const double up_to = count([&](double v) { return v <= q; });
    RC_ASSERT(below <= share * (n - 1) + 1 + 1e-9);
    RC_ASSERT(up_to >= share * (n - 1) - 1e-9);
}

TEST(Student, EqualsThePrintedTable) {  // two-sided 95 %, Abramowitz & Stegun table 26.10
    EXPECT_NEAR(student_factor(5), 2.571, 0.01);
    EXPECT_NEAR(student_factor(10), 2.228, 0.002);
    EXPECT_NEAR(student_factor(30), 2.042, 0.001);
    EXPECT_NEAR(student_factor(120), 1.980, 0.001);
}

TEST(Summary, OfNothingIsNothing) {
    EXPECT_FALSE(summarize(std::span<const Seconds>()).has_value());
    EXPECT_FALSE(summarize(std::span<const double>()).has_value());
}

TEST(Summary, OfOneSampleHasNoSpreadAndNoInterval) {
    const Summary one = *summarize(std::vector<Seconds>{20_ms});
    EXPECT_EQ(one.n, 1U);
    EXPECT_FALSE(one.sd.has_value());
    EXPECT_FALSE(one.ci95.has_value());
    EXPECT_EQ(one.p50, Seconds(20_ms));
    EXPECT_EQ(one.p99, one.max);
}

TEST(Summary, HasAnIntervalFromSixSamplesOn) {
    EXPECT_FALSE(summary_of({1, 2, 3, 4, 5}).ci95.has_value());
    EXPECT_TRUE(summary_of({1, 2, 3, 4, 5, 6}).ci95.has_value());
}

TEST(Summary, EqualsTheFormulasOnASmallSeries) {
    const Distribution<double> s = summary_of({2, 4, 4, 4, 5, 5, 7, 9});
    EXPECT_DOUBLE_EQ(s.mean, 5.0);
    EXPECT_DOUBLE_EQ(*s.sd, std::sqrt(32.0 / 7.0));
    EXPECT_DOUBLE_EQ(s.p50, 4.5);
    EXPECT_DOUBLE_EQ(s.min, 2.0);
    EXPECT_DOUBLE_EQ(s.max, 9.0);
}

TEST(Summary, OfEqualSamplesIsThatSample) {
    const Distribution<double> s = summary_of(std::vector<double>(50, 0.25));
    EXPECT_DOUBLE_EQ(s.p50, 0.25);
    EXPECT_DOUBLE_EQ(*s.sd, 0.0);
    EXPECT_EQ(s.ci95, (Interval<double>{0.25, 0.25}));
    EXPECT_EQ(s.outliers, 0U);
}

TEST(Summary, FlagsASpikeAndKeepsIt) {
    std::vector<double> values;
    for (int i = 0; i < 40; ++i) values.push_back(10.0 + 0.01 * (i % 7));
    values[20] = 90.0;
    const Distribution<double> s = summary_of(values);
    EXPECT_EQ(s.outliers, 1U);
    EXPECT_EQ(s.n, 40U);
    EXPECT_DOUBLE_EQ(s.max, 90.0);
}

TEST(Summary, RefusesWhatIsNoNumber) {
    EXPECT_THROW(summary_of({1.0, std::nan("")}), Error);
}

RC_GTEST_PROP(Summary, OrdersItsFigures, ()) {
    const Distribution<double> s = summary_of(arbitrary_latencies(6));
    RC_ASSERT(s.min <= s.p50 && s.p50 <= s.p90 && s.p90 <= s.p99 && s.p99 <= s.max);
    RC_ASSERT(s.ci95->low <= s.p50 && s.p50 <= s.ci95->high);
    RC_ASSERT(s.min <= s.ci95->low && s.ci95->high <= s.max);
    RC_ASSERT(s.min <= s.mean * (1 + 1e-12) && s.mean <= s.max * (1 + 1e-12));
}

RC_GTEST_PROP(Summary, DoesNotDependOnTheOrderExceptForTheInterval, ()) {
    std::vector<double> values = arbitrary_latencies(1);
    Distribution<double> before = summary_of(values);
    std::reverse(values.begin(), values.end());
    Distribution<double> after = summary_of(values);
    RC_ASSERT(before.ci95.has_value() == after.ci95.has_value());
    before.ci95.reset();
    after.ci95.reset();
    RC_ASSERT(before == after);
}

RC_GTEST_PROP(Summary, ScalesWithTheUnit, ()) {
    std::vector<double> values = arbitrary_latencies(6);
    const Distribution<double> before = summary_of(values);
    for (double& value : values) value *= 1024.0;  // a power of two: every digit must survive
    const Distribution<double> after = summary_of(values);
    RC_ASSERT(after.p90 == before.p90 * 1024.0);
    RC_ASSERT(after.ci95->low == before.ci95->low * 1024.0);
    RC_ASSERT(after.ci95->high == before.ci95->high * 1024.0);
    RC_ASSERT(*after.sd == *before.sd * 1024.0);
    RC_ASSERT(after.outliers == before.outliers);
}

}  // namespace
}  // namespace breakeven
