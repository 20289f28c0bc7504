// Radio and PowerFit: energies by hand from the published states; fits of what was made to be fitted, and of real runs.
#include "breakeven/link/radio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "breakeven/error.h"
#include "breakeven/link/power_fit.h"
#include "breakeven/time/random.h"
#include "fakes/shared_data.h"

namespace breakeven {
namespace {

using namespace literals;
using testing::HasSubstr;

/// LTE as Huang et al. 2012 measured it, in round numbers.
Radio lte() {
    Radio radio;
    radio.promotion = RadioState{260_ms, watts(1.2)};
    radio.base = watts(1.3);
    radio.up = joules_per_byte(3.5e-6);
    radio.down = joules_per_byte(0.4e-6);
    radio.tail = {{1_s, watts(1.1)}, {10_s, watts(1.0)}};
    return radio;
}

RadioUse use_of(std::optional<Seconds> every) {
    return {.payload = {Bytes(100'000), Bytes(1'000)},
            .time = {.rtt = 60_ms, .up = 200_ms, .down = 1_ms},
            .server = 40_ms,
            .every = every};
}

TEST(RadioEnergy, OfAnIsolatedExchangeIsMostlyTail) {
    const RadioEnergy energy = radio_energy(lte(), use_of(std::nullopt));
    EXPECT_NEAR(energy.promotion.in(joules), 0.26 * 1.2, 1e-12);
    EXPECT_NEAR(energy.transfer.in(joules), 1.3 * 0.201 + 0.35 + 0.0004, 1e-12);
    EXPECT_NEAR(energy.waiting.in(joules), 1.1 * 0.1, 1e-12);
    EXPECT_NEAR(energy.tail.in(joules), 1.1 + 10.0, 1e-12);
    EXPECT_EQ(energy.promotion_time, Seconds(260_ms));
    EXPECT_GT(energy.tail / energy.total(), 0.9);
}

TEST(RadioEnergy, ExchangesWithinTheTailNeedNoPromotion) {
    const RadioEnergy energy = radio_energy(lte(), use_of(3.301_s));
    EXPECT_EQ(energy.promotion, joules(0));
    EXPECT_NEAR(energy.tail.in(joules), 1.1 + 2.0 * 1.0, 1e-9) << "3 s lie between two exchanges";
    EXPECT_EQ(radio_energy(lte(), use_of(0.1_s)).tail, joules(0)) << "they follow one upon the other";
}

RC_GTEST_PROP(RadioEnergy, ALongerPauseNeverCostsAnExchangeLess, (std::uint32_t a, std::uint32_t b)) {
    const Seconds shorter(std::min(a, b) % 100000 / 5000.0);
    const Seconds longer(std::max(a, b) % 100000 / 5000.0);
    if (shorter > longer) return;
    RC_ASSERT(radio_energy(lte(), use_of(shorter)).total() <= radio_energy(lte(), use_of(longer)).total());
}

TEST(WaitingCost, SuspendingPaysFromWhereTheWakeUpIsEarned) {
    const Suspension suspension{.power = watts(0.1), .wake_time = 200_ms, .wake_energy = joules(0.45)};
    const WaitingCost cost = waiting_cost(2_s, watts(1), suspension);
    EXPECT_NEAR(cost.awake.in(joules), 2.0, 1e-12);
    EXPECT_NEAR(cost.suspended.in(joules), 0.65, 1e-12);
    EXPECT_NEAR(cost.pays_from->count(), 0.5, 1e-12);
    const WaitingCost at = waiting_cost(*cost.pays_from, watts(1), suspension);
    EXPECT_NEAR(at.awake.in(joules), at.suspended.in(joules), 1e-12) << "the break-even of waiting";
    EXPECT_FALSE(waiting_cost(2_s, watts(0.1), suspension).pays_from.has_value());
}

std::vector<PowerPoint> made(double base, double up, double down, double noise, std::size_t n) {
    Random random(11);
    std::vector<PowerPoint> points;
    for (std::size_t i = 0; i < n; ++i) {
        const double u = random.uniform() * 5e6;
        const double d = random.uniform() * 50e6;
        points.push_back(
            {bytes_per_second(u), bytes_per_second(d), watts(base + up * u + down * d + noise * random.normal())});
    }
    return points;
}

TEST(PowerFit, FindsTheLineThatMadeThePoints) {
    const PowerFit exact = fit_power(made(3, 0, 4e-8, 0, 100), DataDirection::down, "made");
    EXPECT_NEAR(exact.base.in(watts), 3, 1e-9);
    EXPECT_NEAR(exact.slope.in(joules_per_byte), 4e-8, 1e-16);
    EXPECT_NEAR(exact.r_squared, 1, 1e-9);
    EXPECT_NEAR(exact.held_out_error, 0, 1e-9);
    const PowerFit noisy = fit_power(made(3, 0, 4e-8, 0.5, 2000), DataDirection::down, "made");
    EXPECT_LE(noisy.slope_ci95.low, joules_per_byte(4e-8));
    EXPECT_GE(noisy.slope_ci95.high, joules_per_byte(4e-8));
    EXPECT_NEAR(noisy.rmse.in(watts), 0.5, 0.03);
    const JointPowerFit joint = fit_power_jointly(made(3, 6e-7, 4e-8, 0, 200), "made");
    EXPECT_NEAR(joint.base.in(watts), 3, 1e-8);
    EXPECT_NEAR(joint.up.in(joules_per_byte), 6e-7, 1e-14);
    EXPECT_NEAR(joint.down.in(joules_per_byte), 4e-8, 1e-14);
}

TEST(PowerFit, CoversTheSlopeAsOftenAsItSays) {
    int covered = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        Random random(1000 + seed);
        std::vector<PowerPoint> points;
        double noise = 0.0;  // neighbours resemble each other, in the rate and in what the rate does not explain
        double rate = 10.0;
        for (int i = 0; i < 600; ++i) {
            noise = 0.7 * noise + random.normal();
            rate = std::max(0.0, 10.0 + 0.7 * (rate - 10.0) + random.normal());
            points.push_back({bytes_per_second(0), bytes_per_second(rate), watts(20 + 0.3 * rate + noise)});
        }
        const PowerFit fit = fit_power(points, DataDirection::down, "made");
        covered += fit.slope_ci95.low.in(joules_per_byte) <= 0.3 && fit.slope_ci95.high.in(joules_per_byte) >= 0.3;
    }
    EXPECT_GE(covered, 364) << "91 %";
    EXPECT_LE(covered, 396) << "99 %";
}

TEST(PowerFit, RefusesWhatTellsNoLine) {
    const auto refusal = [](const std::vector<PowerPoint>& points) -> std::string {
        try {
            fit_power(points, DataDirection::up, "walk.csv");
        } catch (const Error& error) {
            return error.what();
        }
        return "fitted";
    };
    EXPECT_THAT(refusal(made(1, 0, 0, 0, 5)), HasSubstr("at least 30"));
    EXPECT_THAT(refusal(std::vector<PowerPoint>(50)), HasSubstr("never changes"));
    EXPECT_THROW(fit_power_jointly(std::vector<PowerPoint>(50), "a"), Error);
    EXPECT_THROW(parse_power_points("time_s,uplink_Bps,downlink_Bps\n0,1,1\n", "a"), Error);
    EXPECT_THROW(parse_power_points("uplink_Bps,downlink_Bps,device_power_W\n0,1,-4\n", "a"), Error);
    EXPECT_TRUE(parse_power_points("uplink_Bps,downlink_Bps,device_power_W\n0,1,\n,,3\n", "a").empty());
}

std::vector<PowerPoint> walked(const std::string& run) {
    std::ifstream file(fakes::shared_data() / "traces" / ("sigcomm21_walk_power_" + run + ".csv"));
    std::ostringstream text;
    text << file.rdbuf();
    return parse_power_points(text.str(), run);
}

/// Expected: the same least squares by numpy.linalg.lstsq.
TEST(PowerFit, OfRealWalksIsWhatNumpyFinds) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    const std::vector<PowerPoint> down = walked("run123");
    ASSERT_EQ(down.size(), 881U);
    EXPECT_EQ(busier(down), DataDirection::down);
    const PowerFit fit = fit_power(down, DataDirection::down, "run123");
    EXPECT_NEAR(fit.base.in(watts), 5.408044225515376, 1e-9);
    EXPECT_NEAR(fit.slope.in(joules_per_byte)*125e3 * 1e3, 1.9270507311897815, 1e-9) << "mW per Mbit/s";
    EXPECT_NEAR(fit.r_squared, 0.70839481484843, 1e-9);
    EXPECT_NEAR(fit.rmse.in(watts), 0.9498936134175914, 1e-9);
    EXPECT_LT(std::abs(fit.held_out_error), 0.10) << "one half of the walk predicts the energy of the other";
    const PowerFit flat = fit_power(walked("run20048"), DataDirection::down, "run20048");
    EXPECT_LT(flat.r_squared, 0.01) << "this phone's power does not follow its rate, and the fit says so";
    EXPECT_LT(std::abs(flat.held_out_error), 0.10);
}

TEST(PowerFit, OfBothDirectionsIsWhatNumpyFinds) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    std::vector<PowerPoint> both = walked("run123");
    const std::vector<PowerPoint> up = walked("run195");
    both.insert(both.end(), up.begin(), up.end());
    const JointPowerFit fit = fit_power_jointly(both, "Verizon");
    EXPECT_NEAR(fit.base.in(watts), 5.09136623, 1e-7);
    EXPECT_NEAR(fit.up.in(joules_per_byte)*125e3, 7.91178045e-03, 1e-9);
    EXPECT_NEAR(fit.down.in(joules_per_byte)*125e3, 2.12726320e-03, 1e-9);
    EXPECT_NEAR(fit.r_squared, 0.592953115208637, 1e-9);
    EXPECT_NEAR(fit.rmse.in(watts), 1.0287253971657859, 1e-9);
}

}  // namespace
}  // namespace breakeven
