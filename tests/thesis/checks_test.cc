// What of the thesis can be checked, held to its printed numbers.
#include "breakeven/thesis/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace breakeven {
namespace {

using testing::DoubleNear;

const ThesisChecks& checks() {
    static const ThesisChecks all = check_thesis();
    return all;
}

double watts_of(Idle idle, NetworkEnergy network) {
    for (const DerivedIdle& power : checks().idle_powers) {
        if (power.idle == idle && power.network == network) return power.power.in(watts);
    }
    return 0.0;
}

const ShareCheck& share(const std::string& link, const std::string& server, Reading reading, Aggregate aggregate) {
    const auto found = std::ranges::find_if(checks().shares, [&](const ShareCheck& s) {
        return s.link == link && s.server == server && s.reading == reading && s.aggregate == aggregate;
    });
    EXPECT_NE(found, checks().shares.end());
    return *found;
}

TEST(IdlePower, FollowsFromTheRadioToCpuRowAlone) {
    EXPECT_THAT(watts_of(Idle::high, NetworkEnergy::left_out), DoubleNear(220.0 / 72.0, 1e-12));
    EXPECT_THAT(watts_of(Idle::low, NetworkEnergy::left_out), DoubleNear(66.0 / 72.0, 1e-12));
    // The mean input of the eleven networks is 273,324 B / 11; the answer has 400 B (eq. 2.4 with the radio's
    // energies).
    const double network = 273'324.0 / 11.0 * 139e-9 + 400.0 * 110e-9;
    EXPECT_THAT(watts_of(Idle::high, NetworkEnergy::counted), DoubleNear((0.220 - network) / 0.072, 1e-9));
    EXPECT_THAT(watts_of(Idle::low, NetworkEnergy::counted), DoubleNear((0.066 - network) / 0.072, 1e-9));
}

TEST(Equation25, PredictsEveryOtherPrintedEnergyWithin7Millijoules) {
    // Three other rows, two tables, mean, sd, max and min; with the network's energy counted and left out.
    ASSERT_EQ(checks().energies.size(), 3U * 2U * 4U * 2U);
    for (const EnergyCheck& check : checks().energies) {
        EXPECT_THAT(check.predicted.in(millijoules), DoubleNear(check.printed.in(millijoules), 7.0))
            << check.link << " " << check.server << " " << name(check.idle) << " " << name(check.aggregate);
    }
}

TEST(Equation25, FitsBetterWithTheNetworksEnergyLeftOut) {
    EXPECT_LT(checks().energy_error_max(NetworkEnergy::left_out), checks().energy_error_max(NetworkEnergy::counted));
    EXPECT_LT(checks().energy_error_max(NetworkEnergy::left_out), millijoules(2));
}

TEST(NetworkShare, IsThatOfEquation22UnderBothReadings) {
    // 2 x 10 ms + 49,152 B at 3.04 MB/s + 400 B at 7.13 MB/s; the same input at 7.13 MB/s; over radio 2 x 29 ms.
    EXPECT_NEAR(share("ethernet", "GPU", Reading::upload_rate, Aggregate::max).network.count(),
                0.020 + 49152 / 3.04e6 + 400 / 7.13e6, 1e-12);
    EXPECT_NEAR(share("ethernet", "GPU", Reading::download_rate, Aggregate::max).network.count(),
                0.020 + 49552 / 7.13e6, 1e-12);
    EXPECT_NEAR(share("wifi", "CPU", Reading::upload_rate, Aggregate::max).network.count(),
                0.058 + 49152e-6 + 400 / 3.53e6, 1e-12);
    EXPECT_NEAR(share("wifi", "CPU", Reading::download_rate, Aggregate::min).network.count(), 0.058 + 3472 / 3.53e6,
                1e-12);
    const double mean_input = 273'324.0 / 11.0;
    EXPECT_NEAR(share("ethernet", "CPU", Reading::upload_rate, Aggregate::mean).network.count(),
                0.020 + mean_input / 3.04e6 + 400 / 7.13e6, 1e-12);
}

TEST(NetworkShare, StandsBesideWhatTable42Prints) {
    EXPECT_NEAR(share("ethernet", "GPU", Reading::upload_rate, Aggregate::max).printed.count(), 31e-3, 1e-12);
    EXPECT_NEAR(share("ethernet", "CPU", Reading::upload_rate, Aggregate::mean).printed.count(), 29e-3, 1e-12);
    EXPECT_NEAR(share("wifi", "CPU", Reading::upload_rate, Aggregate::min).printed.count(), 59e-3, 1e-12);
    EXPECT_EQ(checks().shares.size(), 4U * 2U * 3U);
}

TEST(Reading, OfTheUploadRateIsRuledOutByThePrintedMaximaAndTheOtherIsNot) {
    EXPECT_TRUE(checks().ruled_out(Reading::upload_rate));
    EXPECT_FALSE(checks().ruled_out(Reading::download_rate));
    EXPECT_TRUE(share("ethernet", "GPU", Reading::upload_rate, Aggregate::max).ruled_out());   // 36 ms > 31 ms
    EXPECT_TRUE(share("wifi", "GPU", Reading::upload_rate, Aggregate::max).ruled_out());       // 107 ms > 79 ms
    EXPECT_TRUE(share("wifi", "CPU", Reading::upload_rate, Aggregate::max).ruled_out());       // 107 ms > 96 ms
    EXPECT_FALSE(share("ethernet", "CPU", Reading::upload_rate, Aggregate::max).ruled_out());  // 36 ms < 47 ms
}

TEST(Table21, ComesOutWhole) {
    ASSERT_EQ(checks().counts.size(), 11U);
    for (const CountCheck& check : checks().counts)
        EXPECT_EQ(check.counted, check.printed) << check.network << check.side;
}

TEST(Table51, ComesOutWholeWithinOnePoint) {
    ASSERT_EQ(checks().fits.size(), 33U);
    for (const FitCheck& check : checks().fits) {
        EXPECT_NEAR(check.computed_percent, check.printed_percent, 1.0) << check.network << check.side << check.level;
    }
}

TEST(Contradictions, NameTheReadingTheTextAndTheThresholds) {
    const std::string all = [] {
        std::string text;
        for (const std::string& line : contradictions(checks())) text += line + "\n";
        return text;
    }();
    EXPECT_THAT(all, testing::HasSubstr("upload rate takes 36.2 ms"));
    EXPECT_THAT(all, testing::HasSubstr("32.0 mJ"));
    EXPECT_THAT(all, testing::HasSubstr("24.0 ms in one place, 25.0 ms in another"));
    EXPECT_THAT(all, testing::Not(testing::HasSubstr("at the download rate takes")));
}

}  // namespace
}  // namespace breakeven
