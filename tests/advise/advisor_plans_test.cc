// Plans out of measurements: what was timed stays, what is modelled says so, and stages sum to the latency.
#include "breakeven/advise/advisor_plans.h"

#include <gtest/gtest.h>

namespace breakeven {
namespace {

using namespace literals;

const LinkProfile lab{
    .name = "lab", .one_way_latency = 10_ms, .up = megabytes_per_second(3), .down = megabytes_per_second(7)};

Plan offload(Bytes up, Seconds predicted, Seconds beyond) {
    Plan plan;
    plan.kind = PlanKind::offload;
    plan.link = lab.name;
    plan.cost.up = up;
    plan.cost.latency = {predicted + beyond, Origin::measured};
    plan.predicted_latency = predicted;
    return plan;
}

TEST(ExpectedOverhead, LiesBetweenTheNearestSizesAndOnTheNearestBeyond) {
    const std::vector<Plan> plans{offload(600_kB, 200_ms, 3_ms), offload(100_kB, 60_ms, 1_ms)};
    const auto at = [&](Bytes up) { return expected_overhead(plans, "lab", up).count(); };
    EXPECT_NEAR(at(100_kB), 0.001, 1e-12);
    EXPECT_NEAR(at(350_kB), 0.002, 1e-12);
    EXPECT_NEAR(at(5_kB), 0.001, 1e-12);
    EXPECT_NEAR(at(900_kB), 0.003, 1e-12);
    EXPECT_EQ(expected_overhead(plans, "elsewhere", 100_kB), 0_s);
    // A link that was quicker than the model owes nothing.
    EXPECT_EQ(expected_overhead({offload(10_kB, 50_ms, -2_ms)}, "lab", 10_kB), 0_s);
}

TEST(MeasuredSplit, ASlowerDeviceAddsToTheHeadAloneAndMakesItModelled) {
    const CutTimes cut{.cut = {"pool1"},
                       .payload = {.up = 30_kB, .down = 40_B},
                       .predicted = {},
                       .measured = {.head = 2_ms, .tail = 3_ms},
                       .tail_size = 1_kB};
    const OffloadMeasurement measured{
        .p50 = 36_ms, .p99 = 40_ms, .head = 2_ms, .server = ServerTimes{.queue = 0_s, .compute = 3_ms}, .deployed = {}};
    const Platform cpu = parse_platform("cpu:1");
    const ServerWay server{"grpc://edge:1", {lab, std::nullopt}};
    const Plan as_is = measured_split(measured, cut, cpu, server, {});
    EXPECT_EQ(as_is.cost.latency.origin, Origin::measured);
    EXPECT_NEAR(as_is.cost.latency.value.count(), 0.036, 1e-12);
    const Plan slow = measured_split(measured, cut, cpu, server, {.power = {}, .slowdown = 8, .inferences = 1});
    EXPECT_EQ(slow.cost.latency.origin, Origin::modelled);
    EXPECT_NEAR(slow.cost.latency.value.count(), 0.036 + 7 * 0.002, 1e-12);
    EXPECT_NEAR(slow.latency_p99->count(), 0.040 + 7 * 0.002, 1e-12);
    Seconds sum{0.0};
    for (const Stage& stage : slow.stages) sum += stage.latency.value;
    EXPECT_NEAR(sum.count(), slow.cost.latency.value.count(), 1e-12);
    EXPECT_EQ(slow.title(), "split over lab at pool1");
}

TEST(LocalPlan, OfASlowerDeviceIsMeasuredWhereAQuotaSlowedItAndElseModelledWithTheReason) {
    const PlanMaking making{.power = {}, .slowdown = 8, .inferences = 1};
    LocalMeasurement local{.platform = parse_platform("cpu:1"), .p50 = 10_ms, .p99 = 12_ms};
    local.slowed.reason = "it is too short";
    const Plan modelled = local_plan(local, making);
    EXPECT_EQ(modelled.cost.latency.origin, Origin::modelled);
    EXPECT_NEAR(modelled.cost.latency.value.count(), 0.080, 1e-12);
    EXPECT_NE(modelled.remarks.back().find("it is too short"), std::string::npos);
    local.slowed = {.times = SlowedTimes{.p50 = 84_ms, .p99 = 99_ms}, .reason = {}};
    const Plan slowed = local_plan(local, making);
    EXPECT_EQ(slowed.cost.latency.origin, Origin::measured);
    EXPECT_NEAR(slowed.cost.latency.value.count(), 0.084, 1e-12);
    EXPECT_NEAR(slowed.latency_p99->count(), 0.099, 1e-12);
}

}  // namespace
}  // namespace breakeven
