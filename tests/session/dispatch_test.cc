// Tests of session/dispatch.h, in virtual time.
#include "breakeven/session/dispatch.h"

#include <gtest/gtest.h>

#include "breakeven/plan/adaptive_policy.h"
#include "breakeven/plan/baseline_policies.h"
#include "breakeven/time/random.h"
#include "session/virtual_world.h"

namespace breakeven {
namespace {

using namespace literals;
using fakes::Fate;

constexpr std::size_t local = 0, offload = 1, split = 2;

std::vector<Tensor> input() {
    Tensor tensor(DType::float32, {4});
    for (std::size_t i = 0; i < 4; ++i) tensor.mutable_as<float>()[i] = static_cast<float>(i);
    return {tensor};
}

/// All of it adds 3: the head 1, the tail 2.
class World {
   public:
    explicit World(const DispatchOptions& options = {}, std::unique_ptr<Policy> policy = nullptr)
        : whole_server(alarms, 3.0F), tail_server(alarms, 2.0F) {
        arrangement = std::make_shared<Arrangement>();
        arrangement->table = plan_table({{.name = "local", .device = 300_ms, .server = 0_s, .payload = {}},
                                         {.name = "offload", .server = 20_ms, .payload = {.up = 150_kB, .down = 4_kB}},
                                         {.name = "split",
                                          .device = 100_ms,
                                          .server = 15_ms,
                                          .payload = {.up = 40_kB, .down = 4_kB},
                                          .round_trips = 1,
                                          .rest_on_device = 200_ms}},
                                        "test");
        const auto part = [&](float step, Seconds takes) {
            return std::make_shared<fakes::VirtualPart>(alarms, step, [this, takes] { return takes * slowness; });
        };
        whole = part(3.0F, 300_ms);
        head = part(1.0F, 100_ms);
        rest = part(2.0F, 200_ms);
        const TensorSpec x{"x", DType::float32, {4}}, m{"m", DType::float32, {4}}, y{"y", DType::float32, {4}};
        const auto seam = std::make_shared<PartsSeam>(
            "test", PartsSeam::Ends{.whole = {{x}, {y}}, .head = {{x}, {m}}, .tail = {{m}, {y}}});
        const auto there = [](fakes::VirtualServer& server) {
            return std::shared_ptr<PartThere>(&server, [](PartThere*) {});
        };
        arrangement->ways = {{.head = whole},
                             {.there = there(whole_server)},
                             {.head = head, .there = there(tail_server), .rest = rest, .seam = seam}};
        arrangement->policy = policy ? std::move(policy)
                                     : std::make_unique<AdaptivePolicy>(arrangement->table, AdaptivePolicy::Options{});
        dispatch = std::make_shared<Dispatch>(alarms, &whole_server, options, arrangement);
    }
    ~World() {
        alarms.run_until(alarms.now() + 100_s);  // closing waits for what is under way
        dispatch->close();
    }

    /// Begins one; what it came to is there once virtual time has got so far.
    std::shared_ptr<std::optional<Inferred>> infer() {
        auto result = std::make_shared<std::optional<Inferred>>();
        dispatch->infer(input(), [result](std::variant<Inferred, std::exception_ptr> done) {
            ASSERT_FALSE(result->has_value()) << "answered twice";
            *result = std::get<Inferred>(std::move(done));
        });
        return result;
    }

    fakes::VirtualAlarms alarms;
    fakes::VirtualServer whole_server, tail_server;
    std::shared_ptr<fakes::VirtualPart> whole, head, rest;
    double slowness = 1.0;
    std::shared_ptr<Arrangement> arrangement;
    std::shared_ptr<Dispatch> dispatch;
};

std::unique_ptr<Policy> always(std::size_t plan) {
    return std::make_unique<FixedPolicy>(plan, "always");
}

void expect_right(const Inferred& result) {
    ASSERT_EQ(result.outputs.size(), 1U);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(result.outputs[0].as<float>()[i], static_cast<float>(i) + 3.0F);
    }
}

TEST(Dispatch, TheServerAnswersAndItsPartsAreTold) {
    World world({}, always(offload));
    world.whole_server.fate = [] { return Fate{.after = 80_ms, .sending = 50_ms, .compute = 20_ms}; };
    const auto result = world.infer();
    world.alarms.run_until(1_s);
    ASSERT_TRUE(result->has_value());
    expect_right(**result);
    EXPECT_EQ((*result)->where, RanOn::server);
    EXPECT_EQ((*result)->plan, "offload");
    EXPECT_NEAR((*result)->took.total.count(), 0.08, 1e-9);
    EXPECT_NEAR((*result)->took.server.count(), 0.02, 1e-9);
    EXPECT_NEAR((*result)->took.network.count(), 0.06, 1e-9);
    EXPECT_EQ(world.whole->runs, 0);
    EXPECT_EQ(world.dispatch->counters().answered_there, 1);
}

TEST(Dispatch, ASplitRunsItsHeadHereAndItsTailThere) {
    World world({}, always(split));
    const auto result = world.infer();
    world.alarms.run_until(1_s);
    ASSERT_TRUE(result->has_value());
    expect_right(**result);
    EXPECT_EQ((*result)->where, RanOn::both);
    EXPECT_NEAR((*result)->took.device.count(), 0.1, 1e-9);
    EXPECT_EQ(world.rest->runs, 0);
}

TEST(Dispatch, ASplitThatLosesItsServerGoesOnFromTheCut) {
    World world({}, always(split));
    world.tail_server.fate = [] { return Fate{.after = 10_ms, .what = Fate::What::lost}; };
    const auto result = world.infer();
    world.alarms.run_until(1_s);
    ASSERT_TRUE(result->has_value());
    expect_right(**result);
    EXPECT_EQ((*result)->where, RanOn::device);
    EXPECT_NEAR((*result)->took.total.count(), 0.1 + 0.01 + 0.2, 1e-9);
    EXPECT_EQ(world.whole->runs, 0);
    EXPECT_NE((*result)->failure, "");
}

struct Failure {
    Fate::What what;
    std::int64_t SessionCounters::*counter;
};
class DispatchFailure : public testing::TestWithParam<Failure> {};
INSTANTIATE_TEST_SUITE_P(Each, DispatchFailure,
                         testing::Values(Failure{Fate::What::lost, &SessionCounters::lost},
                                         Failure{Fate::What::refused, &SessionCounters::refused},
                                         Failure{Fate::What::absent, &SessionCounters::refused},
                                         Failure{Fate::What::garbage, &SessionCounters::garbage}));

TEST_P(DispatchFailure, IsAnsweredHereAtOnceAndCounted) {
    World world({}, always(offload));
    world.whole_server.fate = [] { return Fate{.after = 10_ms, .what = GetParam().what}; };
    const auto result = world.infer();
    world.alarms.run_until(1_s);
    ASSERT_TRUE(result->has_value());
    expect_right(**result);
    EXPECT_EQ((*result)->where, RanOn::device);
    EXPECT_NEAR((*result)->took.total.count(), 0.31, 1e-9);
    EXPECT_NE((*result)->failure, "");
    EXPECT_EQ(world.dispatch->counters().*GetParam().counter, 1);
    EXPECT_EQ(world.dispatch->counters().rescued, 1);
}

TEST(Dispatch, AServerThatNeverAnswersIsGivenUpAfterTheLongestWait) {
    World world({.answer_within = 2_s}, always(offload));
    world.whole_server.fate = [] { return Fate{}; };
    const auto result = world.infer();
    world.alarms.run_until(5_s);
    ASSERT_TRUE(result->has_value());
    expect_right(**result);
    EXPECT_NEAR((*result)->took.total.count(), 2.3, 1e-6);
    EXPECT_EQ(world.dispatch->counters().late, 1);
}

TEST(Dispatch, TheDeadlineIsKeptWhateverThePolicy) {
    World world({.deadline = 500_ms}, always(offload));
    world.whole_server.fate = [] { return Fate{}; };
    const auto result = world.infer();
    world.alarms.run_until(5_s);
    ASSERT_TRUE(result->has_value());
    expect_right(**result);
    EXPECT_EQ((*result)->in_time, true);
    EXPECT_TRUE((*result)->hedged);
    EXPECT_EQ(world.whole_server.open, 0) << "the other is cancelled";
}

TEST(Dispatch, WhereNoTimeIsLeftToTryTheServerItIsNotTried) {
    World world({.deadline = 340_ms}, always(offload));
    const auto result = world.infer();
    world.alarms.run_until(5_s);
    EXPECT_EQ((*result)->where, RanOn::device);
    EXPECT_EQ(world.whole_server.started, 0);
    EXPECT_EQ((*result)->in_time, true);
}

TEST(Dispatch, ADeviceThatGotSlowerIsStartedEarlier) {
    World world({.deadline = 800_ms}, always(offload));
    world.slowness = 1.8;
    for (int i = 0; i < 40; ++i) {
        world.whole_server.fate = [] { return Fate{}; };
        const auto result = world.infer();
        world.alarms.run_until(world.alarms.now() + 2_s);
        ASSERT_TRUE(result->has_value());
        if (i < 4) continue;  // it must be found out first
        EXPECT_EQ((*result)->in_time, true) << "inference " << i;
    }
}

TEST(Dispatch, FirstAnswerWinsWhenTheServerIsLateButNotLost) {
    World world({.deadline = 500_ms}, always(offload));
    world.whole_server.fate = [] { return Fate{.after = 300_ms}; };  // the device starts at about 160 ms
    const auto result = world.infer();
    world.alarms.run_until(5_s);
    ASSERT_TRUE(result->has_value());
    EXPECT_TRUE((*result)->hedged);
    EXPECT_EQ((*result)->where, RanOn::server);
    EXPECT_NEAR((*result)->took.total.count(), 0.3, 1e-9);
    EXPECT_EQ(world.whole->runs, 1);
    EXPECT_EQ(world.whole->finished, 0) << "cancelled";
    EXPECT_EQ(world.dispatch->counters().hedges_won, 0);
}

TEST(Dispatch, ThePolicysReviewStartsTheDeviceWhenBytesStop) {
    World world;  // adaptive
    world.whole_server.fate =
        world.tail_server.fate = [] { return Fate{.after = 40_ms, .sending = 20_ms, .compute = 15_ms}; };
    for (int i = 0; i < 20; ++i) {
        world.infer();
        world.alarms.run_until(world.alarms.now() + 1_s);
    }
    ASSERT_GT(world.dispatch->counters().answered_there, 10);
    world.whole_server.fate = world.tail_server.fate = [] { return Fate{.after = {}, .sending = 1000_s}; };
    const auto result = world.infer();
    world.alarms.run_until(world.alarms.now() + 2_s);
    ASSERT_TRUE(result->has_value());
    EXPECT_TRUE((*result)->hedged);
    expect_right(**result);
    EXPECT_LT((*result)->took.total, 700_ms);
    EXPECT_EQ(world.dispatch->counters().hedges_won, 1);
}

TEST(Dispatch, ADeadServerIsLeftAloneAndFoundBack) {
    World world({.deadline = 500_ms}, always(offload));
    world.whole_server.fate = [] { return Fate{.after = 5_ms, .what = Fate::What::lost}; };
    world.whole_server.answers_looks = false;
    for (int i = 0; i < 60; ++i) {
        const auto result = world.infer();
        world.alarms.run_until(world.alarms.now() + 1_s);
        ASSERT_EQ((*result)->in_time, true);
    }
    EXPECT_EQ(world.whole_server.started, 3);
    EXPECT_FALSE(world.dispatch->outlook().server_ready);
    EXPECT_GE(world.whole_server.looks, 10) << "at least every five seconds";
    EXPECT_LE(world.whole_server.looks, 30);
    world.whole_server.fate = [] { return Fate{.after = 50_ms}; };
    world.whole_server.answers_looks = true;
    for (int i = 0; i < 8; ++i) {
        world.infer();
        world.alarms.run_until(world.alarms.now() + 1_s);
    }
    EXPECT_TRUE(world.dispatch->outlook().server_ready);
    EXPECT_GT(world.dispatch->counters().answered_there, 0);
}

TEST(Dispatch, AServerThatLostTheNetworkIsLookedAtAtOnce) {
    World world({}, always(offload));
    world.whole_server.fate = [] { return Fate{.after = 5_ms, .what = Fate::What::absent}; };
    world.infer();
    world.alarms.run_until(1_s);
    EXPECT_FALSE(world.dispatch->outlook().server_ready);
    world.infer();
    world.alarms.run_until(2_s);
    EXPECT_EQ(world.whole_server.looks, 1);
    EXPECT_TRUE(world.dispatch->outlook().server_ready);
}

TEST(Dispatch, AServerThatTakesRequestsAndKeepsSilentIsLeftAlone) {
    World world({.deadline = 500_ms}, always(offload));
    world.whole_server.fate = [] { return Fate{.after = {}, .sending = 5_ms}; };
    world.whole_server.answers_looks = false;
    for (int i = 0; i < 10; ++i) {
        world.infer();
        world.alarms.run_until(world.alarms.now() + 1_s);
    }
    EXPECT_EQ(world.whole_server.started, 3);
    EXPECT_EQ(world.dispatch->counters().breaker_opened, 1);
}

TEST(Dispatch, WhileItIsLocalThePolicyProbesAndADeadLinkIsNoticed) {
    World world;
    world.whole_server.fate = world.tail_server.fate = [] { return Fate{.after = 2_s, .sending = 1.9_s}; };
    world.whole_server.answers_probes = false;
    world.whole_server.answers_looks = false;
    for (int i = 0; i < 60; ++i) {
        world.infer();
        world.alarms.run_until(world.alarms.now() + 1_s);
    }
    EXPECT_GT(world.whole_server.probes, 0);
    EXPECT_FALSE(world.dispatch->outlook().server_ready);
}

TEST(Dispatch, AlwaysLocalAsksNobody) {
    World world({}, always(local));
    const auto result = world.infer();
    world.alarms.run_until(1_s);
    expect_right(**result);
    EXPECT_EQ(world.whole_server.started + world.tail_server.started, 0);
    EXPECT_EQ(world.dispatch->counters().answered_here, 1);
}

// ---- ten minutes of faults

struct Storm {
    SessionCounters counters;
    int in_time = 0, wrong = 0, unanswered = 0, inferences = 0;
    std::vector<double> latencies;
};

/// Requests every 200 ms while the server goes through spells of every fault, some seconds each.
Storm ten_minutes(std::uint64_t seed) {
    World world({.deadline = 500_ms});
    Random random(seed);
    enum class Spell { well, dead, silent, resets, slow_link, delayed, garbage, truncated, flaky };
    auto spell = std::make_shared<Spell>(Spell::well);
    const auto fate = [&random, spell]() -> Fate {
        const auto good = [&](double factor) {
            return Fate{.after = Seconds(0.06 * factor * (0.7 + random.exponential() * 0.3)),
                        .sending = Seconds(0.03 * factor),
                        .compute = 15_ms};
        };
        switch (*spell) {
            case Spell::well: return good(1.0);
            case Spell::dead: return {.after = 1_ms, .what = Fate::What::lost};
            case Spell::silent: return {.after = {}, .sending = 10_ms};
            case Spell::resets: return {.after = Seconds(0.1 * random.uniform()), .what = Fate::What::lost};
            case Spell::slow_link: return good(100.0);
            case Spell::delayed: return good(1.0 + 10.0 * random.uniform());
            case Spell::garbage: return {.after = 40_ms, .what = Fate::What::garbage};
            case Spell::truncated: return {.after = 40_ms, .what = Fate::What::refused};
            case Spell::flaky:
                return random.uniform() < 0.5 ? good(1.0) : Fate{.after = 20_ms, .what = Fate::What::absent};
        }
        return {};
    };
    world.whole_server.fate = world.tail_server.fate = fate;
    Storm storm;
    std::vector<std::shared_ptr<std::optional<Inferred>>> results;
    Seconds change{0.0};
    for (int i = 0; i < 3000; ++i) {
        const Seconds now = i * 200_ms;
        world.alarms.run_until(now);
        world.slowness = 1.0 + 0.05 * random.uniform();
        if (now >= change) {
            *spell = static_cast<Spell>(random.below(9));
            const bool reachable = *spell != Spell::dead && *spell != Spell::silent;
            world.whole_server.answers_looks = world.whole_server.answers_probes = reachable;
            change = now + Seconds(1.0 + 8.0 * random.uniform());
        }
        results.push_back(world.infer());
    }
    world.alarms.run_until(620_s);
    storm.inferences = static_cast<int>(results.size());
    for (const auto& result : results) {
        if (!result->has_value()) {
            ++storm.unanswered;
            continue;
        }
        const bool right = (*result)->outputs.size() == 1 && (*result)->outputs[0].as<float>()[2] == 5.0F;
        if (!right) ++storm.wrong;
        if ((*result)->in_time == true) ++storm.in_time;
        storm.latencies.push_back((*result)->took.total.count());
    }
    storm.counters = world.dispatch->counters();
    EXPECT_EQ(world.whole_server.open + world.tail_server.open, 0) << "nothing is left under way";
    return storm;
}

TEST(Dispatch, TenMinutesOfFaultsLoseNoAnswerMissNoDeadlineAndTellNothingWrong) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
        const Storm storm = ten_minutes(seed);
        EXPECT_EQ(storm.inferences, 3000);
        EXPECT_EQ(storm.unanswered, 0);
        EXPECT_EQ(storm.wrong, 0);
        EXPECT_EQ(storm.in_time, storm.inferences);
        EXPECT_GT(storm.counters.answered_there, 150) << "the server is used while it is well";
        EXPECT_GT(storm.counters.hedged, 0);
        EXPECT_GT(storm.counters.breaker_opened, 0);
        EXPECT_EQ(storm.counters.answered_here + storm.counters.answered_there, storm.inferences);
    }
}

TEST(Dispatch, TheSameSeedGivesTheSameCourse) {
    EXPECT_EQ(ten_minutes(7).latencies, ten_minutes(7).latencies);
}

}  // namespace
}  // namespace breakeven
