// The cost function against the study's printed figures and by its properties; advice ranks by what was asked.
#include "breakeven/plan/cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>

#include "breakeven/error.h"
#include "breakeven/plan/advice.h"

namespace breakeven {
namespace {

using namespace literals;

LinkProfile link(double latency_ms, double up_mbps, double down_mbps) {
    return {.name = "lab",
            .one_way_latency = Seconds(latency_ms / 1e3),
            .up = megabytes_per_second(up_mbps),
            .down = megabytes_per_second(down_mbps),
            .up_energy = joules_per_byte(139e-9),
            .down_energy = joules_per_byte(110e-9)};
}

ServerShare server(Seconds compute) {
    return {.queue = {0_s, Origin::measured}, .compute = {compute, Origin::measured}, .platform = "grpc://edge:8001"};
}

Shares offload_of(const Crossing& crossing, Seconds compute) {
    return {.device = {}, .server = server(compute), .payload = crossing.payload};
}

Stage on_device(Seconds latency) {
    return {.kind = StageKind::compute, .side = Side::device, .where = "cpu:1", .latency = {latency, Origin::measured}};
}

Seconds sum(const std::vector<Stage>& stages) {
    Seconds total{0.0};
    for (const Stage& stage : stages) total += stage.latency.value;
    return total;
}

TEST(Cost, OffloadIsTheStudysFormula) {
    // Equation 2.2 by hand: 2 * 29 ms + 49,152 B / 1 MB/s + 5 ms + 400 B / 3.53 MB/s.
    const Crossing crossing{link(29, 1, 3.53), {.up = 49152_B, .down = 400_B}};
    const Cost cost = plan_cost(modelled_stages(offload_of(crossing, 5_ms), {crossing.link, {}}), crossing,
                                {.active = {}, .idle = watts(0.915)});
    const double seconds = 0.058 + 0.049152 + 0.005 + 400 / 3.53e6;
    EXPECT_NEAR(cost.latency.value.count(), seconds, 1e-12);
    EXPECT_EQ(cost.latency.origin, Origin::modelled);
    // Equation 2.5, with the product that the printed division must be.
    ASSERT_TRUE(cost.energy.has_value());
    EXPECT_NEAR(cost.energy->value.in(joules), seconds * 0.915 + 49152 * 139e-9 + 400 * 110e-9, 1e-12);
    EXPECT_NEAR(cost.energy_delay()->value.in(joule_seconds), cost.energy->value.in(joules)*seconds, 1e-12);
}

TEST(Cost, LocalDrawsTheActivePower) {
    const Cost cost = plan_cost({on_device(58_ms)}, std::nullopt, {.active = watts(3), .idle = {}});
    EXPECT_EQ(cost.latency.origin, Origin::measured);
    EXPECT_NEAR(cost.energy->value.in(millijoules), 174, 1e-9);
    EXPECT_EQ(cost.energy->origin, Origin::modelled);
    EXPECT_EQ(cost.up, 0_B);
}

TEST(Cost, UnknownPowerIsAReasonNeverANumber) {
    const Crossing crossing{link(10, 3, 7), {.up = 1_kB, .down = 10_B}};
    const auto stages = modelled_stages(offload_of(crossing, 5_ms), {crossing.link, {}});
    EXPECT_THAT(plan_cost(stages, crossing, {}).energy_reason, testing::HasSubstr("idle power"));
    EXPECT_THAT(plan_cost({on_device(1_ms)}, std::nullopt, {}).energy_reason, testing::HasSubstr("active power"));
    Crossing free_of_figures = crossing;
    free_of_figures.link.up_energy.reset();
    const Cost cost = plan_cost(stages, free_of_figures, {.active = watts(1), .idle = watts(1)});
    EXPECT_FALSE(cost.energy.has_value());
    EXPECT_FALSE(cost.energy_delay().has_value());
    EXPECT_THAT(cost.energy_reason, testing::HasSubstr("link 'lab' has no energy figures"));
}

TEST(Cost, ASplitPaysForBothSides) {
    const Crossing crossing{link(10, 3, 7), {.up = 3000_B, .down = 7_B}};
    Shares shares = offload_of(crossing, 5_ms);
    shares.device = DeviceShare{.compute = {10_ms, Origin::measured}, .platform = "cpu:1"};
    const std::vector<Stage> stages = modelled_stages(shares, {crossing.link, {}});
    EXPECT_EQ(stages.front(), on_device(10_ms));
    const Cost cost = plan_cost(stages, crossing, {.active = watts(4), .idle = watts(1)});
    const double waiting = 0.020 + 0.001 + 0.005 + 1e-6;
    EXPECT_NEAR(cost.latency.value.count(), 0.010 + waiting, 1e-12);
    EXPECT_NEAR(cost.energy->value.in(joules), 0.010 * 4 + waiting * 1 + 3000 * 139e-9 + 7 * 110e-9, 1e-12);
}

TEST(Cost, StagesSumToTheLatencyWhateverWasMeasured) {
    rc::check([] {
        const Crossing crossing{
            link(*rc::gen::inRange(0, 100), *rc::gen::inRange(1, 50), 5),
            {.up = Bytes(*rc::gen::inRange(0, 1000000)), .down = Bytes(*rc::gen::inRange(0, 5000))}};
        const Seconds total(*rc::gen::inRange(1, 1000000) * 1e-6);
        const std::vector<Stage> stages = measured_stages(total, offload_of(crossing, 2_ms), {crossing.link, {}});
        RC_ASSERT(std::fabs((sum(stages) - total).count()) < 1e-9);
        for (const Stage& stage : stages) RC_ASSERT(stage.latency.value.count() >= 0);
        const Cost cost = plan_cost(stages, crossing, {});
        RC_ASSERT(std::fabs((cost.latency.value - total).count()) < 1e-9);
    });
}

TEST(Cost, TheDevicesOwnShareIsKeptWhereLessWasMeasuredThanModelled) {
    const Crossing crossing{link(10, 3, 7), {.up = 30_kB, .down = 10_B}};
    Shares shares = offload_of(crossing, 5_ms);
    shares.device = DeviceShare{.compute = {10_ms, Origin::measured}, .platform = "cpu:1"};
    const std::vector<Stage> stages = measured_stages(30_ms, shares, {crossing.link, {}});
    EXPECT_EQ(stages.front().latency.value, 10_ms);
    EXPECT_NEAR(sum(stages).count(), 0.030, 1e-12);
    EXPECT_NEAR(sum(measured_stages(5_ms, shares, {crossing.link, {}})).count(), 0.005, 1e-12);
}

TEST(Cost, ARestedConnectionPaysItsWindowInAStageOfItsOwn) {
    // 150 kB over 58 ms of round trip at 100 Mbit/s, each after two seconds: four round trips, not one.
    const Crossing crossing{link(29, 12.5, 12.5), {.up = Bytes(150004), .down = 64_B}};
    const Way warm{crossing.link, TcpUse{}};
    const Way rested{crossing.link, TcpUse{.history = TcpUse::History::repeated, .rest = Seconds(2.0)}};
    const auto window = [&](const Way& way) {
        Seconds total{0.0};
        for (const Stage& stage : modelled_stages(offload_of(crossing, 5_ms), way)) {
            if (stage.kind == StageKind::tcp) total += stage.latency.value;
        }
        return total;
    };
    EXPECT_LT(window(warm), 5_ms);
    EXPECT_GT(window(rested), 2.5 * 58_ms);
    const Seconds all = sum(modelled_stages(offload_of(crossing, 5_ms), rested));
    EXPECT_NEAR((all - 5_ms).count(), tcp_time(crossing.link, crossing.payload, *rested.tcp).total.count(), 1e-9);
}

TEST(Cost, CodingIsTheDevicesWorkBeforeTheLinkAndTheServersBehindIt) {
    const Crossing crossing{link(10, 1, 7), {.up = 10_kB, .down = 10_B}};
    Shares shares = offload_of(crossing, 5_ms);
    const Powers power{.active = watts(3), .idle = watts(1)};
    const Cost plain = plan_cost(modelled_stages(shares, {crossing.link, {}}), crossing, power);
    shares.coding = CodingShare{.encode = {2_ms, Origin::measured}, .decode = {1_ms, Origin::measured}, .codec = "q4"};
    const std::vector<Stage> stages = modelled_stages(shares, {crossing.link, {}});
    EXPECT_EQ(stages.front().kind, StageKind::encode);
    const Cost coded = plan_cost(stages, crossing, power);
    EXPECT_NEAR((coded.latency.value - plain.latency.value).count(), 0.003, 1e-12);
    EXPECT_NEAR((coded.energy->value - plain.energy->value).in(joules), 0.002 * 3 + 0.001 * 1, 1e-12);
    EXPECT_NEAR(sum(measured_stages(60_ms, shares, {crossing.link, {}})).count(), 0.060, 1e-12);
    EXPECT_EQ(measured_stages(10_ms, shares, {crossing.link, {}}).front().latency.value, 2_ms);
}

TEST(Cost, KeepingAConnectionWarmCostsItsBytesEnergyAndNoTime) {
    Crossing crossing{link(10, 1, 7), {.up = 10_kB, .down = 10_B}};
    const Powers power{.active = watts(3), .idle = watts(1)};
    const std::vector<Stage> stages = modelled_stages(offload_of(crossing, 5_ms), {crossing.link, {}});
    const Cost cold = plan_cost(stages, crossing, power);
    crossing.between = warm_traffic(10_s);
    const Cost warm = plan_cost(stages, crossing, power);
    EXPECT_EQ(warm.latency, cold.latency);
    EXPECT_EQ(warm.up, cold.up);
    EXPECT_NEAR((warm.energy->value - cold.energy->value).in(joules), 5190 * 139e-9 + 4460 * 110e-9, 1e-12);
}

TEST(Cost, MoreRateNeverCostsMore) {
    rc::check([] {
        const double rate = *rc::gen::inRange(1, 100);
        const Payload payload{.up = Bytes(*rc::gen::inRange(0, 1000000)), .down = 100_B};
        const Powers power{.active = watts(2), .idle = watts(1)};
        const Crossing slow{link(5, rate, 5), payload};
        const Crossing fast{link(5, rate * 2, 5), payload};
        const Cost a = plan_cost(modelled_stages(offload_of(slow, 1_ms), {slow.link, {}}), slow, power);
        const Cost b = plan_cost(modelled_stages(offload_of(fast, 1_ms), {fast.link, {}}), fast, power);
        RC_ASSERT(b.latency.value <= a.latency.value);
        RC_ASSERT(b.energy->value <= a.energy->value);
    });
}

Plan local(Seconds latency, std::optional<Joules> energy) {
    Plan plan;
    plan.kind = PlanKind::local;
    plan.stages = {on_device(latency)};
    plan.cost.latency = {latency, Origin::measured};
    if (energy) plan.cost.energy = Figure<Joules>{*energy, Origin::modelled};
    return plan;
}

Plan offload(Seconds latency, std::optional<Joules> energy) {
    Plan plan = local(latency, energy);
    plan.kind = PlanKind::offload;
    plan.link = "lab";
    plan.codec = "u8";
    plan.stages = {{.kind = StageKind::compute,
                    .side = Side::server,
                    .where = "grpc://edge:8001",
                    .latency = {latency, Origin::measured}}};
    return plan;
}

Advice advice_of(std::vector<Plan> plans, Objective objective) {
    Advice advice;
    advice.objective = objective;
    advice.links = {{.profile = link(10, 3, 7), .how = LinkUse::How::emulated, .reason = ""}};
    advice.plans = std::move(plans);
    rank(advice);
    return advice;
}

TEST(Advice, RanksByTheGoal) {
    const std::vector<Plan> plans{local(50_ms, joules(0.2)), offload(40_ms, joules(0.3))};
    EXPECT_EQ(advice_of(plans, {.goal = Goal::latency, .deadline = {}}).plans.front().kind, PlanKind::offload);
    EXPECT_EQ(advice_of(plans, {.goal = Goal::energy, .deadline = {}}).plans.front().kind, PlanKind::local);
    EXPECT_EQ(advice_of(plans, {.goal = Goal::energy_delay, .deadline = {}}).plans.front().kind, PlanKind::local);
}

TEST(Advice, UnknownEnergyNeverWinsAndComesLast) {
    const Advice advice =
        advice_of({local(50_ms, {}), offload(90_ms, joules(0.3))}, {.goal = Goal::energy, .deadline = {}});
    EXPECT_EQ(advice.plans.back().kind, PlanKind::local);
    EXPECT_EQ(advice.best, 0U);
    EXPECT_FALSE(advice_of({local(50_ms, {})}, {.goal = Goal::energy, .deadline = {}}).best.has_value());
}

TEST(Advice, ADeadlineIsHeldAgainstThe99thPercentile) {
    Plan spiky = local(40_ms, {});
    spiky.latency_p99 = 70_ms;
    const Advice advice = advice_of({spiky, offload(45_ms, {})}, {.goal = Goal::latency, .deadline = 50_ms});
    EXPECT_EQ(advice.best, 1U);
    EXPECT_FALSE(advice_of({spiky}, {.goal = Goal::latency, .deadline = 10_ms}).best.has_value());
}

TEST(Advice, BreakEvenIsTheBestOffloadOfTheLink) {
    Plan floats = offload(60_ms, joules(0.1));
    floats.codec = "raw";
    const Advice advice = advice_of({local(1_ms, {}), offload(40_ms, joules(0.3)), floats}, {});
    ASSERT_EQ(advice.break_evens.size(), 1U);
    EXPECT_EQ(advice.break_evens[0].latency.value, 40_ms);
    EXPECT_EQ(advice.break_evens[0].codec, "u8");
    EXPECT_EQ(advice.break_evens[0].energy->value, joules(0.1));
    EXPECT_EQ(advice.break_evens[0].platform, "grpc://edge:8001");
}

TEST(Advice, GoalsReadBack) {
    for (const Goal goal : {Goal::latency, Goal::energy, Goal::energy_delay}) EXPECT_EQ(parse_goal(name(goal)), goal);
    EXPECT_THROW(parse_goal("speed"), Error);
}

}  // namespace
}  // namespace breakeven
