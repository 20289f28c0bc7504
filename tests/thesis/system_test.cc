// The whole system on a table whose sums are known by hand.
#include "breakeven/thesis/system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "breakeven/thesis/charts.h"
#include "breakeven/thesis/documents.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

/// Round figures: 0.1 mJ/B on the network, a quarter of it marginal; a server of 100 W, half of it idle, a fifth of the
/// time at work, PUE 1.5.
constexpr const char* round_factors = R"({
    "networks": {"fixed": {"attributed_kwh_per_gb": {"value": 0.0277777777777777778, "source": "round"},
                           "marginal_share": {"value": 0.25, "source": "round"}}},
    "servers": {"cpu": {"busy_w": {"value": 100, "source": "round"}, "idle_share": {"value": 0.5, "source": "round"},
                        "utilisation": {"value": 0.2, "source": "round"},
                        "pue": {"value": 1.5, "source": "round"},
                        "price_per_hour": {"value": 0.36, "source": "round"}}},
    "grid": {"co2_kg_per_kwh": {"value": 0.36, "source": "round"}, "price_per_kwh": {"value": 0.36, "source": "round"}}
})";

Stage stage(StageKind kind, Side side, double milliseconds) {
    return {kind, side, "somewhere", {Seconds(milliseconds * 1e-3), Origin::measured}};
}

/// One variant: 100 ms and 500 mJ here; over ethernet 30 ms, 10 of them the server's, 90 mJ waiting and 1 mJ sending
/// 10 kB; over 5g the same, its joules per byte not known.
Results small() {
    Results results;
    results.factors = parse_factors(round_factors, "round");
    results.variants.push_back({.network = "VGG16", .side = 32, .recipe = "", .parameters = 1});
    Row here{.variant = 0, .kind = PlanKind::local, .platform = "cpu:1"};
    here.stages = {stage(StageKind::compute, Side::device, 100)};
    here.latency = {Seconds(0.100), Origin::measured};
    here.device = Figure<Joules>{joules(0.5), Origin::modelled};
    here.energy_high = here.device;
    results.rows.push_back(here);
    Row there{.variant = 0, .kind = PlanKind::offload, .platform = "server cpu:2", .link = "ethernet"};
    there.stages = {stage(StageKind::round_trip, Side::link, 20), stage(StageKind::compute, Side::server, 10)};
    there.latency = {Seconds(0.030), Origin::measured};
    there.device = Figure<Joules>{joules(0.09), Origin::modelled};
    there.by_byte = Figure<Joules>{joules(0.001), Origin::modelled};
    there.payload = {Bytes(9'600), Bytes(400)};
    results.rows.push_back(there);
    there.link = "5g";
    there.by_byte.reset();
    results.rows.push_back(there);
    results.scenarios = scenarios_of(results);
    return results;
}

const SystemScenario& scenario(const std::vector<SystemScenario>& all, const std::string& series) {
    const auto found = std::ranges::find(all, series, &SystemScenario::series);
    EXPECT_NE(found, all.end()) << series;
    return *found;
}

TEST(WholeSystem, AddsDeviceRadioNetworkAndServer) {
    const auto all = system_scenarios(small());
    const SystemScenario& s = scenario(all, "ethernet to server cpu:2");
    EXPECT_EQ(s.network, "fixed");
    EXPECT_EQ(s.server, "cpu");
    EXPECT_NEAR(s.device->in(joules), 0.09, 1e-12);
    EXPECT_NEAR(s.radio->in(joules), 0.001, 1e-12);
    EXPECT_NEAR(s.attributed.network.in(joules), 1.0, 1e-9) << "10 kB at 0.1 mJ/B";
    EXPECT_NEAR(s.marginal.network.in(joules), 0.25, 1e-9);
    EXPECT_NEAR(s.attributed.server.in(joules), 1.5 * (50 + 50 / 0.2) * 0.010, 1e-9);
    EXPECT_NEAR(s.marginal.server.in(joules), 1.5 * 50 * 0.010, 1e-9);
    EXPECT_NEAR(s.attributed.energy().in(joules), 0.091 + 1.0 + 4.5, 1e-9);
    EXPECT_NEAR(s.marginal.co2.in(kilograms), (0.091 + 0.25 + 0.75) / 3.6e6 * 0.36, 1e-15);
    EXPECT_NEAR(s.marginal.cost.in(money), 0.091 / 3.6e6 * 0.36 + 0.36 * 0.010 / 3600, 1e-15);
}

TEST(WholeSystem, OfALocalRowIsTheDevicesAlone) {
    const auto all = system_scenarios(small());
    const SystemScenario& s = scenario(all, "cpu:1");
    EXPECT_NEAR(s.attributed.energy().in(joules), 0.5, 1e-12);
    EXPECT_EQ(s.attributed.energy(), s.marginal.energy());
    EXPECT_TRUE(s.network.empty());
    EXPECT_FALSE(s.alone);
}

TEST(WholeSystem, TakesTheRadiosRateWhereTheLinkHasNoJoulesPerByte) {
    const Results results = small();
    const auto all = system_scenarios(results);
    const SystemScenario& s = scenario(all, "5g to server cpu:2");
    const Radio radio = results.factors->radio("5g-mmwave");
    EXPECT_NEAR(s.radio->in(joules), 9'600 * radio.up.in(joules_per_byte) + 400 * radio.down.in(joules_per_byte),
                1e-12);
    EXPECT_EQ(s.network, "mobile");
    EXPECT_GT(*s.alone, joules(1)) << "a tail of seconds";
}

TEST(WholeSystem, IsNotSummedWhereThePowersAreNotKnown) {
    Results results = small();
    for (Row& row : results.rows) row.device.reset();
    for (const SystemScenario& s : system_scenarios(results)) EXPECT_FALSE(s.is_whole()) << s.series;
    EXPECT_TRUE(system_wins(results, SystemBy::attributed).empty());
    const auto json = results_json(results, check_thesis(), {});
    for (const auto& s : json.at("whole_system").at("scenarios")) {
        EXPECT_TRUE(s.at("attributed").at("energy_j").is_null());
        EXPECT_TRUE(s.at("device_j").is_null());
    }
    bool said = false;
    for (const Chart& chart : charts(results, check_thesis())) {
        if (chart.group == "system") said = said || !chart.reason.empty();
    }
    EXPECT_TRUE(said);
}

TEST(WholeSystem, ChoosesAnotherPlaceThanTheDevicesOwnEnergy) {
    const Results results = small();
    EXPECT_EQ(system_wins(results, SystemBy::attributed).front().series, "cpu:1") << "0.5 J against 5.6 J";
    const Finding finding = whole_system(results);
    EXPECT_THAT(finding.lines, testing::Contains(HasSubstr("another place than the whole system's for 1 of 1")));
    EXPECT_THAT(finding.lines, testing::Contains(HasSubstr("network 1.00 J, server 4.50 J")));
}

TEST(WholeSystem, IsSilentWithoutFactors) {
    Results results = small();
    results.factors.reset();
    EXPECT_TRUE(system_scenarios(results).empty());
    EXPECT_TRUE(whole_system(results).lines.empty());
    EXPECT_TRUE(results_json(results, check_thesis(), {}).at("whole_system").is_null());
    EXPECT_EQ(rows_csv(results).find("network_attributed_j"), std::string::npos);
}

RC_GTEST_PROP(WholeSystem, NeverAddsMoreThanItsShare, (std::uint16_t up, std::uint16_t down)) {
    Results results = small();
    for (Row& row : results.rows) {
        if (row.kind == PlanKind::offload) row.payload = {Bytes(up), Bytes(down)};
    }
    for (const SystemScenario& s : system_scenarios(results)) {
        RC_ASSERT(s.marginal.energy() <= s.attributed.energy());
        RC_ASSERT(s.marginal.cost <= s.attributed.cost);
    }
}

TEST(RowsCsv, HasTheWholeSystemsColumns) {
    const std::string csv = rows_csv(small());
    const auto columns = [](const std::string& line) { return std::ranges::count(line, ','); };
    std::istringstream lines(csv);
    std::string header, line;
    std::getline(lines, header);
    EXPECT_THAT(header, HasSubstr(",network_attributed_j,network_marginal_j,"));
    while (std::getline(lines, line)) EXPECT_EQ(columns(line), columns(header)) << line;
}

TEST(EnergyAboveIdle, StandsBesideTheWhole) {
    Results results = small();
    results.rows[0].above_idle = Figure<Joules>{joules(0.2), Origin::measured};
    results.idle_power = Figure<Watts>{watts(3), Origin::measured};
    const auto findings = answer(results, check_thesis()).findings;
    const auto found = std::ranges::find(findings, "idle", &Finding::id);
    ASSERT_NE(found, findings.end());
    EXPECT_THAT(found->lines, testing::Contains(HasSubstr("3.00 W at rest (measured)")));
    EXPECT_THAT(found->lines,
                testing::Contains(HasSubstr("500 mJ an inference at the median over 1 variants, of that 200 mJ")));
    const auto all = charts(results, check_thesis());
    EXPECT_TRUE(std::ranges::any_of(all, [](const Chart& c) { return c.id == "energy-above-idle"; }));
}

}  // namespace
}  // namespace breakeven
