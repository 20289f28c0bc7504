// What a table of results says, on a small one whose answers are known by hand.
#include "breakeven/thesis/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "breakeven/thesis/charts.h"
#include "breakeven/thesis/documents.h"
#include "breakeven/thesis/findings.h"

namespace breakeven {
namespace {

Stage stage(StageKind kind, Side side, double milliseconds, Origin origin) {
    return {kind, side, "somewhere", {Seconds(milliseconds * 1e-3), origin}};
}

/// MobileNet 32 as given and PQ; on the device 30 and 10 ms, over ethernet 22 ms (measured, modelled 20).
Results small() {
    Results results;
    for (const std::string recipe : {"", "PQ"}) {
        results.variants.push_back({.network = "MobileNet", .side = 32, .recipe = recipe, .parameters = 3516964});
        results.variants.back().input = Bytes(3072);
        const std::size_t variant = results.variants.size() - 1;
        const double local = recipe.empty() ? 30.0 : 10.0;
        Row here{.variant = variant, .kind = PlanKind::local, .platform = "cpu:1"};
        here.stages = {stage(StageKind::compute, Side::device, local, Origin::measured)};
        here.latency = {Seconds(local * 1e-3), Origin::measured};
        here.energy_high = Figure<Joules>{millijoules(5 * local), Origin::modelled};
        here.counters = {{"instructions", 1e6 * local}};
        results.rows.push_back(here);
        Row model{.variant = variant, .kind = PlanKind::offload, .platform = "cpu:2", .link = "ethernet"};
        model.stages = {stage(StageKind::round_trip, Side::link, 18, Origin::modelled),
                        stage(StageKind::compute, Side::server, 2, Origin::measured)};
        model.latency = {Seconds(20e-3), Origin::modelled};
        results.rows.push_back(model);
        Row measured = model;
        measured.latency = {Seconds(22e-3), Origin::measured};
        measured.predicted = Seconds(20e-3);
        measured.energy_high = Figure<Joules>{millijoules(66), Origin::modelled};
        results.rows.push_back(measured);
    }
    results.scenarios = scenarios_of(results);
    return results;
}

TEST(Contenders, LeaveOutAModelWhereTheSameWasMeasured) {
    const auto rows = contenders(small(), 0);
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[1]->latency.origin, Origin::measured);
}

TEST(Wins, CountTheQuickestOfEachVariant) {
    const auto by_latency = wins(small(), WinBy::latency);
    ASSERT_EQ(by_latency.size(), 2U);
    EXPECT_THAT((std::vector<std::string>{by_latency[0].series, by_latency[1].series}),
                testing::UnorderedElementsAre("ethernet to cpu:2", "cpu:1"));
    // 150 and 50 mJ here, 66 mJ offloaded.
    const auto by_energy = wins(small(), WinBy::energy_high);
    ASSERT_EQ(by_energy.size(), 2U);
    EXPECT_TRUE(wins(small(), WinBy::energy_low).empty()) << "no low idle power is known";
}

TEST(CompressionGain, IsTheUncompressedLatencyOverTheCompressed) {
    const auto gains = compression_gains(small());
    ASSERT_EQ(gains.size(), 1U);
    EXPECT_EQ(gains[0].recipe, "PQ");
    EXPECT_DOUBLE_EQ(gains[0].ratios.at(0), 3.0);
}

TEST(Scenario, KeepsWhatIsMeasuredApartFromWhatIsModelled) {
    const Results results = small();
    ASSERT_EQ(results.scenarios.size(), 2U);
    EXPECT_EQ(results.scenarios[0].origin, Origin::modelled);
    EXPECT_NEAR(results.scenarios[0].latency.mean.count(), 20e-3, 1e-12);
    EXPECT_FALSE(results.scenarios[0].high_idle) << "its energies are not known";
    EXPECT_NEAR(results.scenarios[1].latency.mean.count(), 22e-3, 1e-12);
    EXPECT_NEAR(results.scenarios[1].high_idle->mean.in(millijoules), 66.0, 1e-9);
}

TEST(Answer, ComputesItsSentencesFromTheTable) {
    const ThesisChecks checks = check_thesis();
    Results results = small();
    const StudyAnswer before = answer(results, checks);
    EXPECT_THAT(before.headline, testing::HasSubstr("1 of 2 variants"));
    for (Row& row : results.rows) {
        if (row.kind == PlanKind::local) row.latency.value = Seconds(1e-3);
    }
    EXPECT_EQ(answer(results, checks).headline, "cpu:1 is the quickest place for 2 of 2 variants");
}

TEST(Charts, SayWhyAFigureIsMissing) {
    Results results = small();
    for (Row& row : results.rows) {
        row.counters.clear();
        row.counters_reason = "this machine has no counters";
    }
    bool found = false;
    for (const Chart& chart : charts(results, check_thesis())) {
        if (chart.id != "counters") continue;
        found = true;
        EXPECT_EQ(chart.reason, "this machine has no counters");
    }
    EXPECT_TRUE(found);
}

TEST(Charts, HaveNamesOfTheirOwn) {
    std::set<std::string> ids;
    for (const Chart& chart : charts(small(), check_thesis())) EXPECT_TRUE(ids.insert(chart.id).second) << chart.id;
}

TEST(RowsCsv, HasALineForEachRowAndTheCountersAsColumns) {
    const std::string csv = rows_csv(small());
    EXPECT_EQ(std::ranges::count(csv, '\n'), 7);
    EXPECT_NE(csv.find(",instructions\n"), std::string::npos);
}

TEST(CsvField, IsQuotedWhereItMustBeAndNeverAFormula) {
    EXPECT_EQ(csv_field("plain"), "plain");
    EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
    EXPECT_EQ(csv_field("say \"so\""), "\"say \"\"so\"\"\"");
    EXPECT_EQ(csv_field("=cmd()"), "'=cmd()");
}

}  // namespace
}  // namespace breakeven
