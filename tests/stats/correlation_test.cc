// Correlations against values known by hand, and their intervals against simulation.
#include "breakeven/stats/correlation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "breakeven/time/random.h"

namespace breakeven {
namespace {

TEST(Pearson, IsOneOnAnyRisingLineAndMinusOneOnAFallingOne) {
    const std::vector<double> x{1, 2, 3, 4, 5}, up{10, 30, 50, 70, 90}, down{5, 4, 3, 2, 1};
    EXPECT_DOUBLE_EQ(pearson({x, up})->r, 1.0);
    EXPECT_DOUBLE_EQ(pearson({x, down})->r, -1.0);
}

TEST(Pearson, AgreesWithAHandComputedExample) {
    // sums of squares 10 and 10, of products 8.
    const std::vector<double> x{1, 2, 3, 4, 5}, y{2, 1, 4, 3, 5};
    EXPECT_NEAR(pearson({x, y})->r, 0.8, 1e-12);
    const double half = 1.959964 / std::sqrt(2.0);
    EXPECT_NEAR(pearson({x, y})->ci95->low, std::tanh(std::atanh(0.8) - half), 1e-6);
}

TEST(Spearman, SeesAnyMonotoneLineAndSharesTheRanksOfTies) {
    const std::vector<double> x{1, 2, 3, 4}, curved{1, 10, 1000, 1e6}, tied{1, 1, 2, 2};
    EXPECT_DOUBLE_EQ(spearman({x, curved})->r, 1.0);
    EXPECT_NEAR(spearman({x, tied})->r, 2.0 / std::sqrt(5.0), 1e-12);  // ranks 1.5, 1.5, 3.5, 3.5
}

TEST(Correlation, IsNothingWhereNothingCanBeSaid) {
    const std::vector<double> two{1, 2}, same{3, 3, 3}, three{1, 2, 4};
    EXPECT_FALSE(pearson({two, two}));
    EXPECT_FALSE(pearson({same, three}));
    EXPECT_FALSE(pearson({three, three})->ci95);
}

TEST(Correlation, IntervalHoldsTheTruthAsOftenAsItSays) {
    Random random(11);
    const double truth = 0.6;
    const int rounds = 2000;
    int held = 0;
    for (int round = 0; round < rounds; ++round) {
        std::vector<double> x, y;
        for (int i = 0; i < 33; ++i) {
            x.push_back(random.normal());
            y.push_back(truth * x.back() + std::sqrt(1 - truth * truth) * random.normal());
        }
        const auto found = pearson({x, y});
        held += found->ci95->low <= truth && truth <= found->ci95->high ? 1 : 0;
    }
    EXPECT_NEAR(held / static_cast<double>(rounds), 0.95, 0.015);
}

}  // namespace
}  // namespace breakeven
