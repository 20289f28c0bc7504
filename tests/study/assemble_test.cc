// Cells become results: what was measured stays as it was, the rest follows from equations 2.1 to 2.5.
#include "breakeven/study/assemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "breakeven/study/edge.h"
#include "breakeven/study/variants.h"
#include "breakeven/thesis/system.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

Json latency(double p50) {
    return {{"n", 100},     {"mean_s", p50}, {"sd_s", p50 / 10},
            {"min_s", p50}, {"p50_s", p50},  {"p90_s", p50},
            {"p99_s", p50}, {"max_s", p50},  {"ci95_s", {0.9 * p50, 1.1 * p50}}};
}

Json result(double p50) {
    return {{"latency", latency(p50)},
            {"energy_j", nullptr},
            {"counters",
             {{"instructions", {{"count", 5e6}, {"reason", ""}}},
              {"cycles", {{"count", nullptr}, {"reason", "not here"}}}}}};
}

Json offloaded(double p50) {
    Json json = result(p50);
    json["server"] = {{"queue_s", latency(0.0)}, {"compute_s", latency(0.004)}, {"network_s", latency(p50 - 0.004)}};
    return json;
}

RecordEntry cell(CellKind kind, const Json& result, const std::optional<LinkProfile>& link = {}) {
    Json value{{"type", "cell"},
               {"kind", name(kind)},
               {"variant", "abc"},
               {"platform", "cpu:2"},
               {"machine", "lab"},
               {"result", result},
               {"payload", {{"up", 3072}, {"down", 400}}}};
    if (link) value["link"] = link_profile_text(*link);
    return {std::string(name(kind)) + (link ? link->name : ""), value};
}

ThesisSettings settings() {
    return {.links = {*study_link("ethernet"), *study_link("5g")},
            .power = {watts(5), watts(3)},
            .idle_low = watts(1),
            .slowdown = 1.0,
            .notes = {}};
}

StudyFolder folder(const ThesisSettings& how = settings()) {
    Variant variant{.network = "MobileNet", .side = 32, .recipe = "PQ", .parameters = 3516964};
    variant.input = Bytes(3072);
    variant.output = Bytes(400);
    return {.name = "board",
            .entries = {{"settings",
                         {{"type", "settings"}, {"settings", to_json(how)}, {"circumstances", Json::array({"here"})}}},
                        {"variant abc", {{"type", "variant"}, {"sha256", "abc"}, {"facts", to_json(variant)}}},
                        cell(CellKind::local, result(0.010)),
                        cell(CellKind::server, offloaded(0.005)),
                        cell(CellKind::link, offloaded(0.030), study_link("ethernet"))}};
}

const Row& row_of(const Results& results, const std::string& series) {
    for (const Row& row : results.rows) {
        if (row.series() == series) return row;
    }
    ADD_FAILURE() << "no " << series;
    return results.rows.front();
}

TEST(Assemble, GivesALocalModelledAndMeasuredRows) {
    const Results results = assemble({folder()});
    ASSERT_EQ(results.rows.size(), 4U);  // here; ethernet and 5g modelled; ethernet measured
    EXPECT_EQ(row_of(results, "cpu:2").latency.origin, Origin::measured);
    EXPECT_EQ(row_of(results, "ethernet to server cpu:2").latency.value, Seconds(0.030));
    EXPECT_EQ(row_of(results, "cpu:2").counters.at("instructions"), 5e6);
    EXPECT_FALSE(row_of(results, "cpu:2").counters.contains("cycles"));
}

TEST(Assemble, ModelsAnOffloadByEquation22) {
    const Results results = assemble({folder()});
    const double expected = 0.020 + 3072 / 3.04e6 + 0.004 + 400 / 7.13e6;
    EXPECT_NEAR(row_of(results, "ethernet to server cpu:2 (modelled)").latency.value.count(), expected, 1e-12);
    EXPECT_NEAR(row_of(results, "ethernet to server cpu:2").predicted->count(), expected, 1e-12);
}

TEST(Assemble, PricesWaitingByEquation25UnderBothIdlePowers) {
    const Results results = assemble({folder()});
    const Row& row = row_of(results, "ethernet to server cpu:2");
    const double network = 3072 * 128e-9 + 400 * 57e-9;
    EXPECT_NEAR(row.energy_high->value.in(joules), 0.030 * 3 + network, 1e-12);
    EXPECT_NEAR(row.energy_low->value.in(joules), 0.030 * 1 + network, 1e-12);
    EXPECT_NEAR(row_of(results, "cpu:2").energy_high->value.in(joules), 0.010 * 5, 1e-12);
}

TEST(Assemble, HasNoEnergyWhereTheLinkHasNone) {
    const Row& row = row_of(assemble({folder()}), "5g to server cpu:2 (modelled)");
    EXPECT_FALSE(row.energy_high);
}

TEST(Assemble, PartsOfAMeasuredOffloadAddUpToIt) {
    const Results results = assemble({folder()});
    for (const Row& row : results.rows) {
        Seconds total{0.0};
        for (const Stage& stage : row.stages) total += stage.latency.value;
        EXPECT_NEAR(total.count(), row.latency.value.count(), 1e-12) << row.series();
    }
}

TEST(Assemble, OfASlowedDeviceIsModelled) {
    ThesisSettings slow = settings();
    slow.slowdown = 8.0;
    const Results results = assemble({folder(slow)});
    EXPECT_EQ(row_of(results, "cpu:2").latency.origin, Origin::modelled);
    EXPECT_NEAR(row_of(results, "cpu:2").latency.value.count(), 0.080, 1e-12);
    EXPECT_EQ(row_of(results, "ethernet to server cpu:2").latency.value, Seconds(0.030)) << "the server is not slower";
}

TEST(Assemble, NamesTheMachineWhereThereAreSeveral) {
    StudyFolder server = folder();
    server.name = "lab";
    const Results results = assemble({folder(), server});
    EXPECT_EQ(results.variants.size(), 1U);
    EXPECT_EQ(results.rows.size(), 8U);
    row_of(results, "board cpu:2");
    row_of(results, "ethernet to lab server cpu:2 (modelled)");
}

/// Another machine: quicker, with a newer program, that built the same network another way and has one more.
StudyFolder another_machine() {
    StudyFolder other = folder();
    other.name = "lab";
    for (RecordEntry& entry : other.entries) {
        entry.key += " of breakeven 9";
        if (entry.value.value("variant", "") == "abc") entry.value["variant"] = "def";
        if (entry.value.value("sha256", "") == "abc") entry.value["sha256"] = "def";
        if (entry.value.contains("machine")) entry.value["machine"] = "lab";
        if (entry.value.contains("result")) entry.value["result"]["latency"] = latency(0.002);
    }
    Variant more{.network = "VGG16", .side = 32, .recipe = "", .parameters = 14871716};
    more.input = Bytes(3072);
    more.output = Bytes(400);
    other.entries.push_back({"variant ghi", {{"type", "variant"}, {"sha256", "ghi"}, {"facts", to_json(more)}}});
    RecordEntry big = cell(CellKind::local, result(0.200));
    big.key = "big";
    big.value["variant"] = "ghi";
    other.entries.push_back(big);
    return other;
}

TEST(Merge, TheSameVariantOfTwoMachinesIsOneAndItsPlatformsStandSideBySide) {
    const Results results = assemble({folder(), another_machine()});
    ASSERT_EQ(results.variants.size(), 2U) << "MobileNet PQ 32 was built twice, byte by byte another file";
    EXPECT_EQ(row_of(results, "board cpu:2").variant, row_of(results, "lab cpu:2").variant);
    EXPECT_EQ(row_of(results, "board cpu:2").latency.value, Seconds(0.010));
    EXPECT_EQ(row_of(results, "lab cpu:2").latency.value, Seconds(0.002));
    EXPECT_EQ(row_of(results, "lab cpu:2").machine, "lab");
}

TEST(Merge, AVariantThatOnlyOneMachineHasIsItsAlone) {
    const Results results = assemble({folder(), another_machine()});
    const auto of_vgg = std::ranges::count_if(
        results.rows, [&](const Row& row) { return results.variants[row.variant].network == "VGG16"; });
    EXPECT_EQ(of_vgg, 1);
    const Row& lab = row_of(results, "lab cpu:2");
    EXPECT_EQ(results.variants[lab.variant].network, "MobileNet");
}

TEST(Merge, TheDevicesSettingsHoldForAll) {
    StudyFolder other = another_machine();
    ThesisSettings others = settings();
    others.power = {watts(50), watts(30)};
    others.slowdown = 4.0;
    other.entries.front().value["settings"] = to_json(others);
    const Results results = assemble({folder(), other});
    EXPECT_NEAR(row_of(results, "ethernet to lab server cpu:2").energy_high->value.in(joules),
                0.002 * 3 + 3072 * 128e-9 + 400 * 57e-9, 1e-12)
        << "the device waits, whoever's server it is";
    EXPECT_NEAR(row_of(results, "lab cpu:2").latency.value.count(), 0.008, 1e-12) << "its own study's slowdown";
    EXPECT_NEAR(row_of(results, "lab cpu:2").energy_high->value.in(joules), 0.008 * 50, 1e-12) << "and its own powers";
    EXPECT_EQ(row_of(results, "board cpu:2").latency.origin, Origin::measured);
}

TEST(Merge, AServersOwnPlatformsHaveNoEnergyOfTheDevice) {
    StudyFolder other = another_machine();
    ThesisSettings others = settings();
    others.power = {};
    other.entries.front().value["settings"] = to_json(others);
    const Results results = assemble({folder(), other});
    EXPECT_TRUE(row_of(results, "board cpu:2").energy_high);
    EXPECT_FALSE(row_of(results, "lab cpu:2").energy_high) << "the device's powers are not the lab's";
    EXPECT_FALSE(row_of(results, "lab cpu:2").energy_reason.empty());
}

TEST(Merge, AnotherMachinesOwnPlatformsAreNoPlaceForTheDevicesWork) {
    const Results results = assemble({folder(), another_machine()});
    EXPECT_TRUE(row_of(results, "lab cpu:2").is_elsewhere);
    EXPECT_FALSE(row_of(results, "ethernet to lab server cpu:2").is_elsewhere);
    for (const Wins& one : wins(results, WinBy::latency)) EXPECT_NE(one.series, "lab cpu:2");
    EXPECT_FALSE(system_scenarios(results).empty());
}

TEST(Merge, SaysWhatIsNotAlike) {
    StudyFolder board = folder(), other = another_machine();
    board.entries.back().key = R"({"breakeven":"0.1.0"})";
    other.entries.back().key = R"({"breakeven":"0.2.0"})";
    const Results results = assemble({board, other});
    EXPECT_THAT(results.notes, testing::Contains(testing::HasSubstr("several versions of Breakeven stand side by side: "
                                                                    "0.1.0, 0.2.0")));
    EXPECT_THAT(results.notes, testing::Contains(testing::HasSubstr("board has 1 of the 2 variants")));
}

TEST(Assemble, ACellMeasuredForLongerReplacesTheFirstLook) {
    StudyFolder twice = folder();
    RecordEntry longer = cell(CellKind::local, result(0.011));
    longer.key = "the same cell, for 10 s";
    twice.entries.push_back(longer);
    const Results results = assemble({twice});
    EXPECT_EQ(results.rows.size(), 4U);
    EXPECT_EQ(row_of(results, "cpu:2").latency.value, Seconds(0.011));
}

TEST(Merge, FoldersOfOneNameStayApart) {
    const Results results = assemble({folder(), folder()});
    row_of(results, "board cpu:2");
    row_of(results, "board 2 cpu:2");
}

TEST(Assemble, ReadsWhatOlderVersionsWrote) {
    StudyFolder old = folder();
    old.entries.front().value["settings"].erase("factors");
    const Results results = assemble({old});
    ASSERT_TRUE(results.factors);
    EXPECT_EQ(results.rows.size(), 4U);
}

TEST(Assemble, CountsWithTheUsersFactors) {
    ThesisSettings mine = settings();
    mine.factors = R"({"grid": {"co2_kg_per_kwh": {"value": 0.03, "source": "a Swedish grid"}}})";
    EXPECT_NEAR(assemble({folder(mine)}).factors->grid.co2_a_kilowatt_hour.in(kilograms), 0.03, 1e-12);
}

TEST(Assemble, TellsTheMeteredEnergyWholeAndAboveIdle) {
    StudyFolder metered = folder();
    for (RecordEntry& entry : metered.entries) {
        if (entry.value.value("kind", "") != "local") continue;
        entry.value["result"]["energy_j"] = {{"value", 0.06}, {"origin", "measured"}};
        entry.value["result"]["energy_above_idle_j"] = {{"value", 0.02}, {"origin", "measured"}};
        entry.value["idle_power_w"] = {{"value", 4.0}, {"origin", "measured"}};
    }
    const Results results = assemble({metered});
    EXPECT_EQ(row_of(results, "cpu:2").energy_high->value, joules(0.06));
    EXPECT_EQ(row_of(results, "cpu:2").above_idle->value, joules(0.02));
    EXPECT_EQ(results.idle_power->value, watts(4));
    EXPECT_NEAR(row_of(results, "ethernet to server cpu:2").device->value.in(joules), 0.030 * 3, 1e-12)
        << "what the user says of waiting goes before what was metered";
    ThesisSettings unknown = settings();
    unknown.power.idle.reset();
    metered.entries.front() = folder(unknown).entries.front();
    EXPECT_NEAR(row_of(assemble({metered}), "ethernet to server cpu:2").device->value.in(joules), 0.030 * 4, 1e-12);
}

TEST(Assemble, TakesTheNewestOfACellThatWasMeasuredAgain) {
    StudyFolder again = folder();
    again.entries.push_back(cell(CellKind::local, result(0.012)));
    const Results results = assemble({again});
    EXPECT_EQ(results.rows.size(), 4U);
    EXPECT_EQ(row_of(results, "cpu:2").latency.value, Seconds(0.012));
}

TEST(Catalogue, IsReadAndEveryFigureHasItsSource) {
    const EdgeCatalogue& catalogue = published_catalogue();
    EXPECT_EQ(catalogue.devices.size(), 7U);
    EXPECT_FALSE(catalogue.figures.empty());
    for (const EdgeDevice& device : catalogue.devices) EXPECT_FALSE(device.source.empty()) << device.name;
    for (const EdgeFigure& figure : catalogue.figures) {
        EXPECT_FALSE(figure.source.empty()) << figure.platform;
        EXPECT_EQ(figure.latency.origin, Origin::published);
    }
}

TEST(EdgeFigure, DividesByPowerAndPriceWhereTheyAreKnown) {
    EdgeFigure figure{.platform = "a",
                      .network = "b",
                      .latency = {Seconds(0.020), Origin::measured},
                      .power = {},
                      .price = {},
                      .source = "c"};
    EXPECT_DOUBLE_EQ(figure.per_second(), 50.0);
    EXPECT_FALSE(figure.per_second_and_watt());
    figure.power = Figure<Watts>{watts(2), Origin::modelled};
    figure.price = dollars(100);
    EXPECT_DOUBLE_EQ(*figure.per_second_and_watt(), 25.0);
    EXPECT_DOUBLE_EQ(*figure.per_second_and_dollar(), 0.5);
}

}  // namespace
}  // namespace breakeven
