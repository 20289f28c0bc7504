// Plan tables and policies: what is refused, what is chosen where the answer is plain, what a budget bounds.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "breakeven/error.h"
#include "breakeven/plan/adaptive_policy.h"
#include "breakeven/plan/baseline_policies.h"
#include "breakeven/plan/plan_table.h"

namespace breakeven {
namespace {

using namespace literals;

RateSample sample_of(double rate, Seconds at) {
    return {.ended = at, .took = Seconds(150000 / rate), .size = 150000_B};
}

/// A policy that has seen this rate for a minute, and the moment after.
AdaptivePolicy settled(double rate) {
    AdaptivePolicy policy(example_plans(300_ms), {});
    for (int i = 0; i < 60; ++i) {
        Observation seen{.at = Seconds(i)};
        seen.up = sample_of(rate, Seconds(i));
        seen.round_trip = 50_ms;
        policy.observe(seen);
    }
    return policy;
}

TEST(PlanTable, ReadsItsFile) {
    const PlanTable table = parse_plan_table(
        R"({"plans": [{"name": "offload", "server": "20ms", "up": "150kB", "down": "4kB"},
                      {"name": "slow", "device": "900ms"}, {"name": "local", "device": "300ms"},
                      {"name": "split", "device": "75ms", "server": "15ms", "up": "75kB", "rest_on_device": "225ms"}]})",
        "plans.json");
    ASSERT_EQ(table.points.size(), 4U);
    EXPECT_EQ(table.local, 2U) << "the fastest of the local plans";
    EXPECT_EQ(table.points[0].payload, (Payload{.up = 150000_B, .down = 4000_B}));
    EXPECT_EQ(table.rescue(0), 300_ms) << "an offload starts anew";
    EXPECT_EQ(table.rescue(3), 225_ms) << "a split goes on from its cut";
    EXPECT_EQ(full_offload(table), 0U);
}

TEST(PlanTable, RefusesTheRest) {
    for (const char* text :
         {"", "[]", "{}", R"({"plans": 3})", R"({"plans": []})", R"({"plans": [{"name": "local"}]})",
          R"({"plans": [{"name": "local", "device": 3}]})", R"({"plans": [{"name": "local", "device": "3"}]})",
          R"({"plans": [{"device": "3s"}]})", R"({"plans": [{"name": "a", "device": "3s", "speed": "3s"}]})",
          R"({"plans": [{"name": "offload", "up": "3kB"}]})",
          R"({"plans": [{"name": "a", "device": "3s"}, {"name": "a", "device": "3s"}]})",
          R"({"plans": [{"name": "a", "device": "3s", "server": "1s"}]})",
          R"({"plans": [{"name": "a", "device": "30000s"}]})"}) {
        EXPECT_THROW(parse_plan_table(text, "plans.json"), Error) << text;
    }
}

TEST(PlanTable, SumsAPlansStagesBySide) {
    Plan plan;
    plan.kind = PlanKind::split;
    plan.link = "wifi";
    const auto stage = [](StageKind kind, Side side, Seconds time) {
        return Stage{.kind = kind, .side = side, .where = "x", .latency = {time, Origin::measured}};
    };
    plan.stages = {stage(StageKind::compute, Side::device, 10_ms), stage(StageKind::round_trip, Side::link, 58_ms),
                   stage(StageKind::upload, Side::link, 49_ms), stage(StageKind::compute, Side::server, 5_ms),
                   stage(StageKind::download, Side::link, 1_ms)};
    plan.cost.up = 49152_B;
    plan.cost.down = 400_B;
    const PlanPoint point = plan_point(plan);
    EXPECT_EQ(point.device, 10_ms);
    EXPECT_EQ(point.server, 5_ms);
    EXPECT_EQ(point.round_trips, 1);
    EXPECT_EQ(point.payload, (Payload{.up = 49152_B, .down = 400_B}));
}

TEST(PlanTime, IsTheStudysSum) {
    const PlanPoint point = example_plans(300_ms).points[1];
    const Conditions conditions{.up = megabytes_per_second(1),
                                .down = megabytes_per_second(2),
                                .round_trip = 50_ms,
                                .queue = 7_ms,
                                .device_slowness = 3.0,
                                .server_slowness = 2.0};
    EXPECT_NEAR(plan_time(point, conditions).count(), 0.050 + 0.150 + 0.007 + 2 * 0.020 + 0.002, 1e-12);
    EXPECT_NEAR(plan_time(example_plans(300_ms).points[0], conditions).count(), 0.9, 1e-12);
}

TEST(AdaptivePolicy, TakesTheFastestPlanOfASteadyLink) {
    for (const double rate : {1e4, 1e5, 4e5, 8e5, 1.2e6, 1e7}) {
        AdaptivePolicy policy = settled(rate);
        const PlanTable table = example_plans(300_ms);
        const Conditions conditions{.up = bytes_per_second(rate), .down = bytes_per_second(rate), .round_trip = 50_ms};
        const Choice choice = policy.choose({.now = 60_s});
        const Seconds best = plan_time(table.points[static_best(table, conditions)], conditions);
        EXPECT_LE(plan_time(table.points[choice.plan], conditions), best * 1.05) << rate;
    }
}

TEST(AdaptivePolicy, ProbesWhenItIsLocalAndItsNewsAreOld) {
    AdaptivePolicy policy = settled(1e4);
    EXPECT_EQ(policy.choose({.now = 59.1_s}).probe, 0_B) << "it has just heard of the link";
    const Choice choice = policy.choose({.now = 65_s});
    EXPECT_EQ(choice.plan, 0U);
    EXPECT_GT(choice.probe, 0_B);
    EXPECT_EQ(policy.choose({.now = 65.1_s}).probe, 0_B) << "one is under way";
}

Waiting silent_wait(Seconds elapsed) {
    return {.plan = 1,
            .now = 60_s + elapsed,
            .elapsed = elapsed,
            .sending = elapsed,
            .acknowledged = 0_B,
            .complete = std::nullopt,
            .deadline = std::nullopt};
}

TEST(AdaptivePolicy, HedgesAPlanOfWhichNothingIsHeard) {
    AdaptivePolicy policy = settled(1e7);
    const Choice choice = policy.choose({.now = 60_s});
    EXPECT_EQ(choice.plan, 1U);
    ASSERT_TRUE(choice.review_after.has_value());
    EXPECT_GT(*choice.review_after, 50_ms) << "before a round trip nothing can be known";
    EXPECT_LT(*choice.review_after, 120_ms);
    EXPECT_EQ(policy.review(silent_wait(40_ms)).verdict, Review::Verdict::wait);
    EXPECT_EQ(policy.review(silent_wait(*choice.review_after)).verdict, Review::Verdict::start_local);
}

TEST(AdaptivePolicy, WaitsForAPlanThatComesOn) {
    AdaptivePolicy policy = settled(1e7);
    policy.choose({.now = 60_s});
    Waiting waiting = silent_wait(60_ms);
    waiting.acknowledged = 100000_B;
    const Review review = policy.review(waiting);
    EXPECT_EQ(review.verdict, Review::Verdict::wait);
    EXPECT_GT(*review.again_after, 60_ms);
}

TEST(AdaptivePolicy, DuplicatesNoMoreThanItsBudgetUnlessMuchIsSaved) {
    AdaptivePolicy policy = settled(1e7);
    int hedges = 0;
    for (int i = 0; i < 1000; ++i) {
        policy.choose({.now = 60_s});
        Waiting late = silent_wait(90_ms);
        late.acknowledged = 11000_B;  // another 0.48 s to go: a little more than the local run takes
        if (policy.review(late).verdict == Review::Verdict::start_local) ++hedges;
    }
    EXPECT_LE(hedges, 90);
    EXPECT_GE(hedges, 50) << "it uses what it has";
}

TEST(AdaptivePolicy, KeepsADeadlineThatALocalRunCanKeep) {
    AdaptivePolicy policy = settled(1e7);
    for (int i = 0; i < 200; ++i) {  // with no budget left either
        policy.choose({.now = 60_s});
        Seconds elapsed = 60_ms;
        for (;;) {
            Waiting waiting = silent_wait(elapsed);
            waiting.acknowledged = 20000_B;
            waiting.deadline = 500_ms;
            const Review review = policy.review(waiting);
            if (review.verdict == Review::Verdict::start_local) break;
            ASSERT_GT(*review.again_after, elapsed);
            elapsed = *review.again_after;
        }
        EXPECT_LE(elapsed, 200_ms);
    }
}

RC_GTEST_PROP(AdaptivePolicy, ChoosesAPlanThatIsThereWhateverItSaw, ()) {
    const PlanTable table = example_plans(Seconds(*rc::gen::inRange(1, 5000) / 1000.0));
    AdaptivePolicy policy(table, {});
    double now = 0.0;
    for (int i = 0; i < 50; ++i) {
        now += *rc::gen::inRange(0, 3000) / 1000.0;
        Observation seen{.at = Seconds(now)};
        if (*rc::gen::inRange(0, 2) == 0) seen.up = sample_of(*rc::gen::inRange(1, 100000000), Seconds(now));
        if (*rc::gen::inRange(0, 2) == 0) seen.round_trip = Seconds(*rc::gen::inRange(-10, 10000) / 1000.0);
        if (*rc::gen::inRange(0, 2) == 0) seen.queue = Seconds(*rc::gen::inRange(-10, 10000) / 1000.0);
        if (*rc::gen::inRange(0, 2) == 0) {
            seen.server = {.took = Seconds(*rc::gen::inRange(-10, 10000) / 1000.0), .expected = 20_ms};
        }
        policy.observe(seen);
        const Choice choice = policy.choose({.now = Seconds(now)});
        RC_ASSERT(choice.plan < table.points.size());
        RC_ASSERT(std::isfinite(choice.expected.count()) && choice.expected.count() >= 0.0);
        RC_ASSERT(choice.expected <= table.fallback().device * 1.5);
    }
}

TEST(LinearBandit, LearnsALinkThatNeverChanges) {
    for (const double rate : {5e4, 1e7}) {
        const PlanTable table = example_plans(300_ms);
        const Conditions conditions{.up = bytes_per_second(rate), .down = bytes_per_second(rate), .round_trip = 50_ms};
        LinearBandit bandit(table, {});
        std::size_t last_plan = 0;
        int best_chosen = 0;
        const std::size_t best = static_best(table, conditions);
        for (int i = 0; i < 1000; ++i) {
            last_plan = bandit.choose({.now = Seconds(i)}).plan;
            if (i >= 500 && last_plan == best) ++best_chosen;
            Observation seen{.at = Seconds(i)};
            seen.answer = {.plan = last_plan, .latency = plan_time(table.points[last_plan], conditions)};
            bandit.observe(seen);
        }
        EXPECT_GE(best_chosen, 450) << rate << ": all but the forced ones";
        EXPECT_LT(best_chosen, 500 + (rate > 1e6 ? 1 : 0)) << "some are forced where local is best";
    }
}

}  // namespace
}  // namespace breakeven
