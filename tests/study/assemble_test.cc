// Cells become results: what was measured stays as it was, the rest follows from equations 2.1 to 2.5.
#include "breakeven/study/assemble.h"

#include <gtest/gtest.h>

#include "breakeven/study/edge.h"
#include "breakeven/study/variants.h"

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
