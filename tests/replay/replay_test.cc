// Replays: the oracle is beaten by nobody, seeds decide everything, known links give known answers, and what the
// adaptive policy reaches on recordings it was not tuned on.
#include "breakeven/replay/replay.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "breakeven/error.h"
#include "breakeven/time/random.h"
#include "tests/fakes/shared_data.h"

namespace breakeven {
namespace {

using namespace literals;

RecordedLink link_of(const std::vector<Capacity::Step>& steps, Seconds duration, Seconds round_trip = 50_ms) {
    return {.name = "made",
            .duration = duration,
            .up = Capacity::of_steps(steps, duration),
            .down = Capacity::of_steps(steps, duration),
            .round_trips = {{.start = 0_s, .time = round_trip}},
            .filled = {}};
}

RecordedLink steady(double rate, Seconds duration) {
    return link_of({{.start = 0_s, .rate = bytes_per_second(rate)}}, duration);
}

/// A rate a second, from a walk with outages.
RecordedLink bursty(std::uint64_t seed, int seconds, double outage) {
    Random random(seed);
    std::vector<Capacity::Step> steps;
    double logarithm = std::log(1e6);
    for (int i = 0; i < seconds; ++i) {
        logarithm = 0.8 * logarithm + 0.2 * std::log(1e6) + 0.6 * random.normal();
        const bool is_out = random.uniform() < outage && i + 1 < seconds;
        steps.push_back({.start = Seconds(i), .rate = bytes_per_second(is_out ? 0.0 : std::exp(logarithm))});
    }
    return link_of(steps, Seconds(seconds));
}

ReplayQuestion question_of(Seconds device, std::uint64_t seed = 1) {
    ReplayQuestion question{.plans = example_plans(device),
                            .world = {.seed = seed},
                            .policies = {policy_kinds().begin(), policy_kinds().end()},
                            .deadline = {},
                            .powers = {},
                            .up_energy = {},
                            .down_energy = {}};
    return question;
}

const PolicyResult& of(const TraceResult& trace, PolicyKind kind) {
    for (const PolicyResult& policy : trace.policies) {
        if (policy.kind == kind) return policy;
    }
    throw std::logic_error("no such policy");
}

RC_GTEST_PROP(Replay, NobodyBeatsTheOracle, ()) {
    const RecordedLink link = bursty(*rc::gen::arbitrary<std::uint64_t>(), *rc::gen::inRange(20, 200), 0.1);
    const ReplayQuestion question =
        question_of(*rc::gen::element(300_ms, 1500_ms), *rc::gen::inRange<std::uint64_t>(0, 1000));
    const TraceResult result = replay(link, question);
    RC_ASSERT(std::abs(of(result, PolicyKind::oracle).regret) < 1e-12);
    for (const PolicyResult& policy : result.policies) {
        RC_ASSERT(policy.regret >= -1e-12);
    }
    // The best fixed plan is the best of the plans, and the static best is one of them.
    RC_ASSERT(std::abs(of(result, PolicyKind::best_fixed).regret_best_fixed) < 1e-12);
    for (const PolicyKind kind : {PolicyKind::always_local, PolicyKind::always_offload, PolicyKind::static_best}) {
        RC_ASSERT(of(result, kind).regret_best_fixed >= -1e-12);
    }
}

RC_GTEST_PROP(Replay, TheOracleTakesTheBestPlanOfEachRequest, ()) {
    const RecordedLink link = bursty(*rc::gen::arbitrary<std::uint64_t>(), *rc::gen::inRange(5, 60), 0.1);
    const ReplayQuestion question = question_of(300_ms);
    const World world(link, question.plans, question.world);
    Seconds total{0.0};
    for (std::size_t i = 0; i < world.size(); ++i) {
        Seconds best = world.latency(i, 0);
        for (std::size_t plan = 1; plan < 4; ++plan) best = std::min(best, world.latency(i, plan));
        total += best;
    }
    const double mean = of(replay(link, question), PolicyKind::oracle).mean_latency.count();
    RC_ASSERT(std::abs(mean - total.count() / static_cast<double>(world.size())) < 1e-9);
}

TEST(Replay, OfOneSeedIsAlwaysTheSame) {
    const RecordedLink link = bursty(3, 300, 0.1);
    const TraceResult one = replay(link, question_of(300_ms, 5));
    const TraceResult two = replay(link, question_of(300_ms, 5));
    const TraceResult other = replay(link, question_of(300_ms, 6));
    for (std::size_t i = 0; i < one.policies.size(); ++i) {
        EXPECT_EQ(one.policies[i].mean_latency, two.policies[i].mean_latency);
        EXPECT_EQ(one.policies[i].p99_latency, two.policies[i].p99_latency);
        EXPECT_NE(one.policies[i].mean_latency, other.policies[i].mean_latency);
    }
}

TEST(Replay, EveryPolicyMeetsTheSameArrivalsAndLuck) {
    const TraceResult result = replay(bursty(3, 100, 0.1), question_of(300_ms));
    for (const auto& course : result.courses) {
        ASSERT_EQ(course.size(), result.courses[0].size());
        for (std::size_t i = 0; i < course.size(); ++i) EXPECT_EQ(course[i].at, result.courses[0][i].at);
    }
    // An answer of the same plan takes the same time, whoever chose it, unless it was hedged.
    const auto& local = result.courses[1];
    for (const auto& course : result.courses) {
        for (std::size_t i = 0; i < course.size(); ++i) {
            if (course[i].plan != local[i].plan) continue;
            EXPECT_EQ(course[i].latency, local[i].latency);
        }
    }
}

TEST(Replay, OfAConstantLinkTakesWhatTheFormulaSays) {
    ReplayQuestion question = question_of(300_ms);
    question.world.device_noise = 0.0;
    question.world.server_noise = 0.0;
    const TraceResult result = replay(steady(1e6, 60_s), question);
    const Conditions conditions{.up = megabytes_per_second(1), .down = megabytes_per_second(1), .round_trip = 50_ms};
    EXPECT_NEAR(of(result, PolicyKind::always_offload).mean_latency.count(),
                plan_time(question.plans.points[1], conditions).count(), 1e-9);
    EXPECT_NEAR(of(result, PolicyKind::always_local).mean_latency.count(), 0.3, 1e-9);
    EXPECT_NEAR(of(result, PolicyKind::static_best).regret, 0.0, 1e-9);
    EXPECT_LE(of(result, PolicyKind::adaptive).regret, 0.02);
    EXPECT_EQ(of(result, PolicyKind::adaptive).duplicated, 0.0);
    EXPECT_FALSE(result.is_bursty());
}

TEST(Replay, OfAnOutageCostsAFewHedges) {
    // Fast, then nothing for ten minutes, then fast: an offload into the outage would wait for minutes.
    const RecordedLink link = link_of({{.start = 0_s, .rate = bytes_per_second(5e6)},
                                       {.start = 300_s, .rate = bytes_per_second(0)},
                                       {.start = 900_s, .rate = bytes_per_second(5e6)}},
                                      1200_s);
    const TraceResult result = replay(link, question_of(300_ms));
    EXPECT_GT(of(result, PolicyKind::always_offload).regret, 100.0);
    EXPECT_LT(of(result, PolicyKind::adaptive).regret, 0.02);
    EXPECT_LT(of(result, PolicyKind::adaptive).p99_latency, 500_ms);
    EXPECT_LT(of(result, PolicyKind::adaptive).duplicated, 0.02);
}

TEST(Replay, OfALinkThatFlipsAtEveryDecisionCostsNoMoreThanStaying) {
    std::vector<Capacity::Step> steps;
    for (int i = 0; i < 600; ++i) steps.push_back({.start = Seconds(i), .rate = bytes_per_second(i % 2 ? 5e6 : 2e4)});
    const TraceResult result = replay(link_of(steps, 600_s), question_of(300_ms));
    EXPECT_LE(of(result, PolicyKind::adaptive).regret_best_fixed, 0.01);
    EXPECT_TRUE(result.is_bursty());
}

TEST(Replay, CountsTheDeadlinesMissed) {
    ReplayQuestion question = question_of(300_ms);
    question.deadline = 600_ms;
    const TraceResult result = replay(bursty(11, 1000, 0.1), question);
    EXPECT_EQ(of(result, PolicyKind::always_local).deadline_missed, 0.0);
    EXPECT_GT(of(result, PolicyKind::always_offload).deadline_missed, 0.05);
    EXPECT_EQ(of(result, PolicyKind::adaptive).deadline_missed, 0.0) << "a local run fits into it";
}

TEST(Replay, EnergyIsTheDevicesAndNeedsPowers) {
    ReplayQuestion question = question_of(300_ms);
    question.world.device_noise = 0.0;
    const RecordedLink link = steady(1e6, 60_s);
    const TraceResult without = replay(link, question);
    EXPECT_FALSE(without.policies[0].energy.has_value());
    EXPECT_NE(without.policies[0].energy_reason, "");
    question.powers = {.active = watts(5), .idle = watts(1)};
    question.up_energy = joules_per_byte(1e-6);
    question.down_energy = joules_per_byte(1e-6);
    const TraceResult with = replay(link, question);
    EXPECT_NEAR(of(with, PolicyKind::always_local).energy->in(joules), 1.5, 1e-9);
    const PolicyResult& offload = of(with, PolicyKind::always_offload);
    EXPECT_NEAR(offload.energy->in(joules), offload.mean_latency.count() * 1.0 + 154000e-6, 1e-9);
}

TEST(Replay, IsThousandsOfTimesFasterThanTheRecording) {
    const RecordedLink link = bursty(3, 3600, 0.1);
    const auto start = std::chrono::steady_clock::now();
    const TraceResult result = replay(link, question_of(300_ms));
    const Seconds took = std::chrono::steady_clock::now() - start;
    EXPECT_GT(result.duration * static_cast<double>(result.policies.size()) / took, 1000.0);
}

TEST(World, RefusesATraceWithoutARequest) {
    ReplayQuestion question = question_of(300_ms);
    question.world.period = 1e6_s;
    EXPECT_THROW(replay(steady(1e6, 10_s), question), Error);
    question.world.period = Seconds(1e-9);
    EXPECT_THROW(replay(steady(1e6, 10_s), question), Error);
}

TEST(PolicyKind, IsReadAndPrinted) {
    for (const PolicyKind kind : policy_kinds()) EXPECT_EQ(parse_policy_kind(name(kind)), kind);
    EXPECT_THROW(parse_policy_kind("best"), Error);
}

std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

/// Every recording with a rate, as docs/decisions says they were filled.
std::vector<TraceResult> replay_recordings(const ReplayQuestion& question) {
    const TraceFill with{.uplink_share = 0.3, .downlink_share = 1.0, .up = {}, .down = {}, .round_trip = 50_ms};
    std::vector<TraceResult> results;
    for (const auto& entry : std::filesystem::directory_iterator(fakes::shared_data() / "traces")) {
        const std::string name = entry.path().filename().string();
        if (entry.path().extension() != ".csv" || name.starts_with("cicv5g")) continue;
        results.push_back(replay(fill(parse_trace_csv(contents(entry.path()), name), with), question));
    }
    for (const char* name : {"ATT-LTE-driving-2016", "TMobile-UMTS-driving", "Verizon-LTE-short"}) {
        const std::string path = (fakes::shared_data() / "traces" / "mahimahi" / name).string();
        const Trace trace = mahimahi_trace(name, parse_mahimahi(contents(path + ".up"), name),
                                           parse_mahimahi(contents(path + ".down"), name));
        results.push_back(replay(fill(trace, with), question));
    }
    return results;
}

TEST(AdaptivePolicy, ReachesItsGoalsOnRecordings) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    for (const Seconds device : {300_ms, 1500_ms}) {
        ReplayQuestion question = question_of(device);
        question.policies = {PolicyKind::adaptive};
        const std::vector<TraceResult> traces = replay_recordings(question);
        EXPECT_GE(traces.size(), 25U);
        for (const TraceResult& trace : traces) {
            const PolicyResult& policy = trace.policies[0];
            const Seconds total = policy.mean_latency * static_cast<double>(policy.requests);
            const Seconds best_fixed = total / (1.0 + policy.regret_best_fixed);
            EXPECT_LE(total, best_fixed * 1.01 + 3 * device) << trace.name;
        }
        const PolicyResult slow = pooled(traces, Burstiness::slow, question).at(0);
        const PolicyResult bursty = pooled(traces, Burstiness::bursty, question).at(0);
        EXPECT_LE(slow.regret, 0.02);
        EXPECT_LE(bursty.regret, 0.085) << "docs/decisions has the figures by file";
        EXPECT_LE(bursty.duplicated, 0.08);
        std::printf("device %.1f s: slow %.2f %%, bursty %.2f %% with %.2f %% duplicated\n", device.count(),
                    100 * slow.regret, 100 * bursty.regret, 100 * bursty.duplicated);
    }
}

}  // namespace
}  // namespace breakeven
