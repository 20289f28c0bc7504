// The break-even map: at every place the plan that the cost function finds cheapest, by asking it again.
#include "breakeven/plan/break_even_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>

namespace breakeven {
namespace {

using namespace literals;

MapPlan local(Seconds latency) {
    return {.title = "local",
            .kind = PlanKind::local,
            .shares = {.device = DeviceShare{{latency, Origin::measured}, "cpu:1"}, .server = {}, .payload = {}},
            .deploy = {}};
}

MapPlan remote(const std::string& title, std::optional<Seconds> head, Seconds tail, Bytes up) {
    MapPlan plan{.title = title, .kind = head ? PlanKind::split : PlanKind::offload, .shares = {}, .deploy = {}};
    if (head) plan.shares.device = DeviceShare{{*head, Origin::measured}, "cpu:1"};
    plan.shares.server = ServerShare{{0_s, Origin::measured}, {tail, Origin::measured}, "grpc://edge:1"};
    plan.shares.payload = {.up = up, .down = 40_B};
    return plan;
}

TEST(BreakEvenMap, TheBorderIsWhereTheFormulaSaysItIs) {
    // Without TCP, offloading 100 kB costs RTT + 100 kB / rate + 5 ms + 40 B / rate; the device takes 100 ms.
    const auto map = map_of({local(100_ms), remote("offload", {}, 5_ms, 100_kB)}, {}, {});
    ASSERT_TRUE(map.has_value());
    for (std::size_t row = 0; row < map->axes.rows; ++row) {
        for (std::size_t column = 0; column < map->axes.columns; ++column) {
            const double rate = map->axes.up(row).in(bytes_per_second);
            const double there = map->axes.round_trip(column).count() + 100040 / rate + 0.005;
            EXPECT_EQ(map->titles[map->at(row, column).plan], there < 0.1 ? "offload" : "local");
            EXPECT_NEAR(map->at(row, column).figure, std::min(there, 0.1), 1e-12);
        }
    }
}

TEST(BreakEvenMap, MorePlansNeverMakeAPlaceWorse) {
    rc::check([] {
        const auto milliseconds = [] { return Seconds(*rc::gen::inRange(1, 300) / 1e3); };
        std::vector<MapPlan> plans{local(milliseconds()),
                                   remote("offload", {}, milliseconds(), Bytes(*rc::gen::inRange(100, 500000)))};
        const MapQuestion question{.tcp = TcpUse{.history = TcpUse::History::repeated, .rest = 1_s},
                                   .axes = {.columns = 8, .rows = 6}};
        const auto few = map_of(plans, question, {});
        plans.push_back(remote("split", milliseconds(), milliseconds(), Bytes(*rc::gen::inRange(100, 500000))));
        const auto more = map_of(plans, question, {});
        for (std::size_t i = 0; i < few->places.size(); ++i) {
            RC_ASSERT(more->places[i].figure <= few->places[i].figure);
        }
    });
}

TEST(BreakEvenMap, SlowStartMovesTheBorder) {
    const std::vector<MapPlan> plans{local(150_ms), remote("offload", {}, 5_ms, 150_kB)};
    MapQuestion question;
    const auto count_local = [&](const BreakEvenMap& map) {
        return std::count_if(map.places.begin(), map.places.end(),
                             [&](const auto& place) { return map.kinds[place.plan] == PlanKind::local; });
    };
    const auto formula = count_local(*map_of(plans, question, {}));
    question.tcp = TcpUse{.history = TcpUse::History::repeated, .rest = 2_s};
    EXPECT_GT(count_local(*map_of(plans, question, {})), formula);
}

TEST(BreakEvenMap, WhatMustBeSentFirstCounts) {
    std::vector<MapPlan> plans{local(100_ms), remote("offload", {}, 5_ms, 10_kB)};
    const MapQuestion question{.inferences = 1};
    EXPECT_THAT(map_of(plans, question, {})->titles, testing::Contains("offload"));
    plans[1].deploy = Bytes(std::int64_t{1} << 30);
    EXPECT_THAT(map_of(plans, question, {})->titles, testing::ElementsAre("local"));
}

TEST(BreakEvenMap, LinksLieWhereTheyBelong) {
    const LinkProfile wifi{
        .name = "wifi", .one_way_latency = 29_ms, .up = megabytes_per_second(1), .down = megabytes_per_second(3.53)};
    const auto map = map_of({local(1_ms)}, {}, {wifi});
    ASSERT_EQ(map->marks.size(), 1U);
    const auto column = static_cast<std::size_t>(std::lround(map->marks[0].column));
    const auto row = static_cast<std::size_t>(std::lround(map->marks[0].row));
    EXPECT_NEAR(map->axes.round_trip(column).count(), 0.058, 0.058 * 0.1);
    EXPECT_NEAR(map->axes.up(row).in(bytes_per_second), 1e6, 1e6 * 0.25);
}

TEST(BreakEvenMap, AnEnergyMapNeedsTheEnergyOfAByte) {
    MapQuestion question{.goal = Goal::energy, .power = {.active = watts(5), .idle = watts(1)}};
    const std::vector<MapPlan> plans{remote("offload", {}, 5_ms, 10_kB)};
    EXPECT_FALSE(map_of(plans, question, {}).has_value());
    question.up_energy = joules_per_byte(1e-7);
    question.down_energy = joules_per_byte(1e-7);
    EXPECT_TRUE(map_of(plans, question, {}).has_value());
}

}  // namespace
}  // namespace breakeven
