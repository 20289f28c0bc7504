// WholeSystem and Factors: sums by hand, properties, and the shipped file: whole, with a source for each figure.
#include "breakeven/plan/whole_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <sstream>

#include "breakeven/error.h"
#include "breakeven/link/power_fit.h"
#include "breakeven/plan/factors.h"
#include "fakes/shared_data.h"

namespace breakeven {
namespace {

using namespace literals;
using testing::HasSubstr;

SystemFactors round_factors() {
    return {.network = {joules_per_byte(4e-4), fraction(0.25)},
            .server = {watts(100), fraction(0.5), fraction(0.2), fraction(1.5), money(0.36)},
            .grid = {kilograms(0.5), money(0.2), money(2)}};
}

TEST(SystemCost, AddsUpByHand) {
    const SystemUse use{.device = joules(2), .payload = {Bytes(50'000), Bytes(0)}, .server = 10_ms};
    const SystemCost cost = system_cost(use, round_factors());
    EXPECT_NEAR(cost.attributed.network.in(joules), 20, 1e-9);
    EXPECT_NEAR(cost.marginal.network.in(joules), 5, 1e-9);
    EXPECT_NEAR(cost.attributed.server.in(joules), 1.5 * (50 + 50 / 0.2) * 0.01, 1e-9);
    EXPECT_NEAR(cost.marginal.server.in(joules), 1.5 * 50 * 0.01, 1e-9);
    EXPECT_NEAR(cost.attributed.energy().in(joules), 2 + 20 + 4.5, 1e-9);
    EXPECT_NEAR(cost.attributed.co2.in(kilograms), 26.5 / 3.6e6 * 0.5, 1e-15);
    EXPECT_NEAR(cost.marginal.cost.in(money), 2 / 3.6e6 * 0.2 + 5e-5 * 2 + 0.36 * 0.01 / 3600, 1e-15);
    EXPECT_NEAR(cost.attributed.cost.in(money), 2 / 3.6e6 * 0.2 + 5e-5 * 2 + 0.36 * 0.01 / 3600 / 0.2, 1e-15);
}

TEST(SystemCost, OfALocalPlanIsTheDevices) {
    const SystemCost cost = system_cost({.device = joules(3), .payload = {}}, round_factors());
    EXPECT_EQ(cost.attributed.energy(), joules(3));
    EXPECT_EQ(cost.marginal.energy(), joules(3));
    EXPECT_EQ(cost.attributed.cost, cost.marginal.cost);
}

RC_GTEST_PROP(SystemCost, OneMoreNeverTakesMoreThanItsShare, (std::uint16_t kilobytes, std::uint16_t milliseconds)) {
    const SystemUse use{
        .device = joules(1), .payload = {Bytes(kilobytes * 1000LL), Bytes(10)}, .server = Seconds(milliseconds * 1e-3)};
    const SystemCost cost = system_cost(use, round_factors());
    RC_ASSERT(cost.marginal.energy() <= cost.attributed.energy());
    RC_ASSERT(cost.marginal.cost <= cost.attributed.cost);
    RC_ASSERT(cost.marginal.co2 <= cost.attributed.co2);
}

TEST(Factors, TheShippedOnesAreWhole) {
    const Factors factors = parse_factors("", "shipped");
    const SystemFactors system = factors.system("mobile", "cpu");
    EXPECT_NEAR(system.network.attributed.in(joules_per_byte), 0.432e-3, 1e-9) << "0.12 kWh/GB";
    EXPECT_EQ(factors.currency, "USD");
    for (const Factor& factor : factors.figures) {
        EXPECT_GT(factor.source.size(), 10U) << factor.path;
        EXPECT_LE(factor.low.value_or(factor.value), factor.value) << factor.path;
        EXPECT_GE(factor.high.value_or(factor.value), factor.value) << factor.path;
    }
    EXPECT_EQ(factors.figures.size(), 2U * 2 + 2 * 5 + 3);
    // 150 kB over a mobile network, as the averages have it, is 65 J.
    EXPECT_NEAR((Bytes(150'000) * system.network.attributed).in(joules), 64.8, 0.1);
}

TEST(Factors, LtesPowersAreThoseOfTheirSource) {
    const Radio lte = parse_factors("", "shipped").radio("lte");
    // Huang et al. 2012: 1288.04 mW + 438.39 mW/Mbit/s up: at 5 Mbit/s 3480 mW.
    const Watts at_five = lte.base + watts(lte.up.in(joules_per_byte)*5e6 / 8);
    EXPECT_NEAR(at_five.in(watts), 3.48, 0.001);
    EXPECT_NEAR(lte.tail_time().count(), 11.576, 1e-9);
    // A request in an otherwise silent minute: about 12 J of tail.
    EXPECT_NEAR(radio_energy(lte, {}).tail.in(joules), 12.27, 0.01);
}

TEST(Factors, ASinglePacketTakesWhatTheSourceSays) {
    // Huang et al. 2012: promotion and tail around one packet are 12.76 J over LTE, 7.38 J over 3G, 0.04 J over Wi-Fi.
    const Factors factors = parse_factors("", "shipped");
    const auto alone = [&](const char* name) { return radio_energy(factors.radio(name), {}).total().in(joules); };
    EXPECT_NEAR(alone("lte"), 12.76, 0.02 * 12.76);
    EXPECT_NEAR(alone("3g"), 7.38, 0.005);
    EXPECT_NEAR(alone("wifi"), 0.04, 0.005);
}

TEST(Factors, EveryLinkHasItsNetworkAndOthersTheCommonOne) {
    const Factors factors = parse_factors("", "shipped");
    EXPECT_EQ(factors.link("ethernet").network, "fixed");
    EXPECT_EQ(factors.link("5g").network, "mobile");
    EXPECT_EQ(factors.link("my own").network, factors.link("other").network);
    const Factors mine = parse_factors(R"({"links": {"my own": {"network": "fixed", "radio": "lte"}}})", "mine");
    EXPECT_EQ(mine.link("my own").network, "fixed");
    EXPECT_EQ(mine.link("my own").radio, "lte");
    EXPECT_THROW(parse_factors(R"({"links": {"5g": {"network": "pigeons"}}})", "mine"), Error);
    EXPECT_THROW(parse_factors(R"({"links": {"5g": {"radio": "6g"}}})", "mine"), Error);
}

/// A run of Narayanan et al. 2021.
std::vector<PowerPoint> walked(const std::string& run) {
    std::ifstream file(fakes::shared_data() / "traces" / ("sigcomm21_walk_power_" + run + ".csv"));
    std::ostringstream text;
    text << file.rdbuf();
    return parse_power_points(text.str(), run);
}

TEST(Factors, MillimetreWavesPowerIsTheFitOfItsRuns) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    std::vector<PowerPoint> both = walked("run123");
    const std::vector<PowerPoint> up = walked("run195");
    both.insert(both.end(), up.begin(), up.end());
    const JointPowerFit fit = fit_power_jointly(both, "both");
    const Radio radio = parse_factors("", "shipped").radio("5g-mmwave");
    EXPECT_NEAR(radio.base / fit.base, 1.0, 0.002);
    EXPECT_NEAR(radio.up / fit.up, 1.0, 0.002);
    EXPECT_NEAR(radio.down / fit.down, 1.0, 0.002);
}

TEST(Factors, AUsersFileReplacesWhatItNames) {
    const Factors factors = parse_factors(
        R"({"grid": {"co2_kg_per_kwh": {"value": 0.03, "source": "a Swedish grid"}}, "radios": {"lte": {"asleep_w": 0.5}}})",
        "mine");
    EXPECT_NEAR(factors.grid.co2_a_kilowatt_hour.in(kilograms), 0.03, 1e-12);
    EXPECT_EQ(factors.radio("lte").asleep, watts(0.5));
    EXPECT_EQ(factors.networks.at("fixed").attributed, parse_factors("", "shipped").networks.at("fixed").attributed);
}

TEST(Factors, RefuseWhatTheyDoNotKnow) {
    const auto refusal = [](const std::string& text) -> std::string {
        try {
            parse_factors(text, "mine.json");
        } catch (const Error& error) {
            return error.what();
        }
        return "accepted";
    };
    EXPECT_THAT(refusal("{"), HasSubstr("not JSON"));
    EXPECT_THAT(refusal("[1]"), HasSubstr("object"));
    EXPECT_THAT(refusal(R"({"grids": {}})"), HasSubstr("unknown key 'grids'"));
    EXPECT_THAT(refusal(R"({"grid": {"price_per_kwh": {"value": "cheap"}}})"),
                HasSubstr("grid.price_per_kwh: it must be a number"));
    EXPECT_THAT(refusal(R"({"grid": {"price_per_kwh": null}})"), HasSubstr("'price_per_kwh' is missing"));
    EXPECT_THAT(refusal(R"({"servers": {"cpu": {"pue": {"value": 0.5}}}})"), HasSubstr("not between 1 and 10"));
    EXPECT_THAT(refusal(R"({"servers": {"mine": {"busy_w": {"value": 5}}}})"), HasSubstr("servers.mine"));
    EXPECT_THAT(
        refusal(
            R"({"networks": {"sat": {"attributed_kwh_per_gb": {"value": 1}, "marginal_share": {"value": 1, "source": "x"}}}})"),
        HasSubstr("'source' is missing"));
    EXPECT_THAT(refusal(R"({"radios": {"lte": {"tail": [{"time_s": -1, "power_w": 1}]}}})"),
                HasSubstr("radios.lte.tail"));
    EXPECT_THROW(parse_factors("", "shipped").radio("6g"), Error);
    EXPECT_THROW(parse_factors("", "shipped").system("mobile", "abacus"), Error);
}

}  // namespace
}  // namespace breakeven
