// Races in virtual time: runners whose speed is known.
#include "breakeven/measure/race.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <memory>

#include "breakeven/time/random.h"
#include "fakes/fake_runner.h"

namespace breakeven {
namespace {

using fakes::FakeRunner;

/// Runners with a median and a noise, both in seconds, in one world.
struct Field {
    VirtualClock clock;
    std::vector<std::unique_ptr<FakeRunner>> runners;
    std::vector<Tensor> inputs;

    FakeRunner& add(Seconds median, double noise, std::uint64_t seed) {
        auto random = std::make_shared<Random>(seed);
        runners.push_back(std::make_unique<FakeRunner>(
            clock, [=](std::size_t) { return median * (1.0 + noise * (2.0 * random->uniform() - 1.0)); }));
        return *runners.back();
    }
    RaceResult run(const RaceLimits& limits) {
        std::vector<Racer> racers;
        for (const auto& runner : runners) racers.push_back({*runner, inputs});
        return race(racers, limits, clock);
    }
};

TEST(Race, TheFastestWinsAndTheSlowAreToldSo) {
    Field field;
    field.add(Seconds(0.012), 0.05, 1);
    field.add(Seconds(0.010), 0.05, 2);
    field.add(Seconds(0.011), 0.05, 3);
    const RaceResult result = field.run({.time = Seconds(30)});
    EXPECT_EQ(result.winner, 1U);
    EXPECT_TRUE(result.settled);
    EXPECT_EQ(result.standings[0].finish, Finish::slower);
    EXPECT_EQ(result.standings[2].finish, Finish::slower);
    EXPECT_NEAR(result.standings[0].ratio, 1.2, 0.03);
    EXPECT_NEAR(result.standings[2].ratio, 1.1, 0.03);
}

TEST(Race, WhoIsMuchSlowerCostsFewRuns) {
    Field field;
    field.add(Seconds(0.010), 0.02, 1);
    FakeRunner& slow = field.add(Seconds(1.0), 0.02, 2);
    field.add(Seconds(0.0101), 0.02, 3);
    field.run({.time = Seconds(30)});
    EXPECT_LE(slow.runs, 3U);
}

TEST(Race, TwoOfOneSpeedAreTied) {
    Field field;
    field.add(Seconds(0.010), 0.01, 1);
    field.add(Seconds(0.010), 0.01, 2);
    const RaceResult result = field.run({.time = Seconds(60)});
    EXPECT_TRUE(result.settled);
    EXPECT_EQ(result.standings[0].finish, Finish::tied);
    EXPECT_EQ(result.standings[1].finish, Finish::tied);
}

TEST(Race, AFailureEndsOneRacerAlone) {
    Field field;
    field.add(Seconds(0.010), 0.01, 1);
    field.runners.push_back(std::make_unique<FakeRunner>(field.clock, [](std::size_t run) -> Seconds {
        if (run == 7) throw Error(ErrorKind::input, "run the model", "it broke");
        return Seconds(0.001);
    }));
    const RaceResult result = field.run({.time = Seconds(5)});
    EXPECT_EQ(result.winner, 0U);
    EXPECT_EQ(result.standings[1].finish, Finish::failed);
    ASSERT_TRUE(result.standings[1].failure);
    EXPECT_EQ(result.standings[0].finish, Finish::tied);
}

TEST(Race, WhereAllFailNobodyWins) {
    Field field;
    field.runners.push_back(std::make_unique<FakeRunner>(
        field.clock, [](std::size_t) -> Seconds { throw Error(ErrorKind::input, "run the model", "it broke"); }));
    EXPECT_FALSE(field.run({}).winner);
}

TEST(Race, ASlowDriftOfTheMachineMovesNobody) {
    Field field;
    for (const double pace : {1.0, 1.05}) {
        field.runners.push_back(std::make_unique<FakeRunner>(field.clock, [&field, pace](std::size_t) {
            return Seconds(0.01 * pace * (1.0 + 0.1 * field.clock.now().count()));  // doubles within 10 s
        }));
    }
    const RaceResult result = field.run({.time = Seconds(20)});
    EXPECT_EQ(result.winner, 0U);
    EXPECT_NEAR(result.standings[1].ratio, 1.05, 0.02);
}

TEST(Race, TheTimeIsKeptUpToOneRound) {
    Field field;
    for (std::uint64_t i = 0; i < 4; ++i) field.add(Seconds(0.5), 0.3, i + 1);
    field.run({.time = Seconds(10)});
    EXPECT_LE(field.clock.now(), Seconds(10.0 + 4 * 0.65));
}

TEST(Race, AskedToStopItReturnsWhatIsKnown) {
    Field field;
    std::atomic<bool> stop = false;
    field.runners.push_back(std::make_unique<FakeRunner>(field.clock, [&](std::size_t run) {
        if (run == 100) stop = true;
        return Seconds(0.01);
    }));
    field.add(Seconds(0.01), 0.5, 2);
    const RaceResult result = field.run({.time = Seconds(1e6), .stop = &stop});
    EXPECT_LT(field.clock.now(), Seconds(10));
    EXPECT_TRUE(result.winner);
}

RC_GTEST_PROP(Race, NobodyWhoIsClearlyFasterLoses, ()) {
    Field field;
    const auto count = *rc::gen::inRange<std::size_t>(2, 6);
    const auto best = *rc::gen::inRange<std::size_t>(0, count);
    const auto seed = static_cast<std::uint64_t>(*rc::gen::inRange(1, 1000000));
    for (std::size_t i = 0; i < count; ++i) field.add(Seconds(i == best ? 0.010 : 0.011), 0.1, seed * 16 + i);
    const RaceResult result = field.run({.time = Seconds(30)});
    RC_ASSERT(result.winner == best);
}

TEST(Race, RestsUntilTheThreadsOfTheOneBeforeAreAsleep) {
    // The first's threads look for work for 40 ms after each run; meanwhile the second, really quicker, takes longer.
    const auto winner_with = [](Seconds rest) {
        Field field;
        Seconds spins_until{0.0};
        field.runners.push_back(std::make_unique<FakeRunner>(field.clock, [&](std::size_t) {
            spins_until = field.clock.now() + Seconds(0.044);
            return Seconds(0.004);
        }));
        field.runners.push_back(std::make_unique<FakeRunner>(
            field.clock, [&](std::size_t) { return Seconds(field.clock.now() < spins_until ? 0.008 : 0.003); }));
        return field.run({.time = Seconds(5), .rest = rest}).winner;
    };
    EXPECT_EQ(winner_with(Seconds(0.0)), 0U);
    EXPECT_EQ(winner_with(Seconds(0.05)), 1U);
}

}  // namespace
}  // namespace breakeven
