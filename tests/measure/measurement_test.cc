// Measurement, in virtual time: turns, the warm-up, runs and windows, energy, interruption and failure.
#include "breakeven/measure/measurement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "breakeven/time/random.h"
#include "fakes/fake_runner.h"

namespace breakeven {
namespace {

using namespace literals;
using fakes::FakeRunner;
using testing::HasSubstr;

const Platform one_thread{"onnxruntime", "cpu", 1};
const Platform another{"openvino", "cpu", 1};
const Platform server{"grpc", "edge:8001", 0};

/// A meter that says what it was asked: one joule a stretch, and how often it was started and stopped.
class CountingMeter final : public Meter {
   public:
    std::string name() const override { return "counting"; }
    void start() override { ++starts; }
    EnergyReading stop(const Work& work) override {
        ++stops;
        busy += work.busy;
        return {Figure<Joules>{joules(1), Origin::measured}, ""};
    }
    int starts = 0;
    int stops = 0;
    Seconds busy{0.0};
};

class Measuring : public testing::Test {
   protected:
    FakeRunner runner(Seconds time) {
        return {clock, [time](std::size_t) { return time; }};
    }
    /// Noise of 1 % around `level(run)` times 10 ms.
    FakeRunner noisy(std::function<double(std::size_t)> level) {
        return {clock, [this, level = std::move(level)](std::size_t i) {
                    return 10_ms * (level(i) * std::exp(0.01 * random.normal()));
                }};
    }
    MeasurementSet run(const std::vector<Subject>& subjects) { return measure(subjects, options, clock, meter); }

    VirtualClock clock;
    Random random{1};
    PowerMeter meter{Powers{}};
    MeasureOptions options;
};

TEST_F(Measuring, TimesTheRunAndNothingElse) {
    FakeRunner runner = this->runner(20_ms);
    options.runs = 60;
    const MeasurementSet set = run({{one_thread, runner, {}}});
    ASSERT_EQ(set.measurements.size(), 1U);
    const Measurement& measurement = set.measurements[0];
    EXPECT_EQ(measurement.platform, one_thread);
    EXPECT_NEAR(measurement.latency->p50.count(), 0.02, 1e-12);
    EXPECT_EQ(measurement.latency->n, 60U);
    EXPECT_EQ(measurement.samples.size(), runner.runs) << "alone, every run is a sample";
    EXPECT_FALSE(set.interrupted);
    EXPECT_GT(set.peak_memory, 1_MiB);
}

TEST_F(Measuring, FindsTheWarmupAndStillDeliversTheRunsAskedFor) {
    FakeRunner runner = noisy([](std::size_t i) { return i < 40 ? 2.0 : 1.0; });
    options.runs = 200;
    const MeasurementSet set = run({{one_thread, runner, {}}});
    const Measurement& measurement = set.measurements[0];
    EXPECT_EQ(measurement.warmup.steadiness, Steadiness::steady);
    EXPECT_GE(measurement.warmup.count, 40U);
    EXPECT_LE(measurement.warmup.count, 60U);
    EXPECT_GE(measurement.latency->n, 200U);
    EXPECT_NEAR(measurement.latency->p50.count(), 0.01, 0.0002);
    EXPECT_EQ(measurement.samples.size(), measurement.warmup.count + measurement.latency->n) << "raw samples are kept";
    EXPECT_THAT(set.warnings, testing::IsEmpty());
}

TEST_F(Measuring, SaysWhenThereIsNoSteadyState) {
    FakeRunner runner = noisy([](std::size_t i) { return 1.0 + static_cast<double>(i) / 100.0; });
    options.runs = 300;
    const MeasurementSet set = run({{one_thread, runner, {}}});
    EXPECT_EQ(set.measurements[0].warmup.steadiness, Steadiness::drifting);
    EXPECT_THAT(set.warnings, testing::Contains(HasSubstr("no steady state")));
    EXPECT_LE(runner.runs, 800U) << "it must come to an end";
}

TEST_F(Measuring, LeavesOutTheFirstRunsOfASeriesTooShortToJudge) {
    FakeRunner runner(clock, [](std::size_t i) { return i == 0 ? 5_s : 1_s; });
    options.runs = 10;
    const MeasurementSet set = run({{one_thread, runner, {}}});
    EXPECT_EQ(set.measurements[0].latency->n, 10U);
    EXPECT_EQ(set.measurements[0].latency->max, Seconds(1_s));
    EXPECT_EQ(runner.runs, 10 + options.warmup_least);
    EXPECT_THAT(set.warnings, testing::Contains(HasSubstr("too few runs")));
}

TEST_F(Measuring, FillsAWindowWithSteadyRuns) {
    FakeRunner fast = noisy([](std::size_t i) { return i < 100 ? 1.5 : 1.0; });
    FakeRunner slow = noisy([](std::size_t) { return 7.0; });
    options.duration = 150_s;
    const MeasurementSet set = run({{one_thread, fast, {}}, {another, slow, {}}});
    for (const Measurement& measurement : set.measurements) {
        Seconds steady{0.0};
        for (std::size_t i = measurement.warmup.count; i < measurement.samples.size(); ++i) {
            steady += measurement.samples[i];
        }
        EXPECT_GE(steady, Seconds(150_s));
        EXPECT_LE(steady, Seconds(166_s)) << "it must not go on for long";
    }
    EXPECT_GE(set.measurements[0].warmup.count, 75U) << "of 100 slow runs, some went to settling";
}

TEST_F(Measuring, SubjectsTakeMirroredTurns) {
    std::string log;
    FakeRunner a = runner(100_ms);  // longer than a turn: one run each, and nothing to settle
    FakeRunner b = runner(100_ms);
    FakeRunner c = runner(100_ms);
    a.log = b.log = c.log = &log;
    a.letter = 'A', b.letter = 'B', c.letter = 'C';
    options.runs = 4;
    options.warmup_least = 2;
    run({{one_thread, a, {}}, {another, b, {}}, {server, c, {}}});
    EXPECT_EQ(log, "ABCCBAABCCBAABCCBA");
}

TEST_F(Measuring, ShuffledTurnsVisitEveryoneEachRoundAndFollowTheSeed) {
    const auto log_of = [&](std::uint64_t seed) {
        std::string log;
        FakeRunner a = runner(100_ms);
        FakeRunner b = runner(100_ms);
        FakeRunner c = runner(100_ms);
        a.log = b.log = c.log = &log;
        a.letter = 'A', b.letter = 'B', c.letter = 'C';
        options.runs = 20;
        options.order = TurnOrder::shuffled;
        options.seed = seed;
        run({{one_thread, a, {}}, {another, b, {}}, {server, c, {}}});
        return log;
    };
    const std::string log = log_of(1);
    for (std::size_t i = 0; i < log.size(); i += 3) {
        std::string round = log.substr(i, 3);
        std::sort(round.begin(), round.end());
        EXPECT_EQ(round, "ABC");
    }
    EXPECT_EQ(log, log_of(1));
    EXPECT_NE(log, log_of(2));
}

TEST_F(Measuring, AFastModelSettlesWithAnUncountedRunAfterEachChange) {
    FakeRunner a = runner(1_ms);
    FakeRunner b = runner(1_ms);
    options.runs = 100;
    const MeasurementSet set = run({{one_thread, a, {}}, {another, b, {}}});
    EXPECT_GT(a.runs, set.measurements[0].samples.size());
    EXPECT_LE(a.runs, set.measurements[0].samples.size() * 5 / 4 + 1) << "settling must stay cheap";
}

TEST_F(Measuring, ASlowSpellHitsAllSubjectsAlike) {
    // The machine is twice as slow from 2 s to 4 s. One after the other, only one of them would see it.
    const auto spell = [&](std::size_t) {
        const bool slow = clock.now() > 2_s && clock.now() < 4_s;
        return Seconds(slow ? 20_ms : 10_ms);
    };
    FakeRunner a(clock, spell);
    FakeRunner b(clock, spell);
    options.runs = 300;
    const MeasurementSet set = run({{one_thread, a, {}}, {another, b, {}}});
    EXPECT_NEAR(set.measurements[0].latency->mean / set.measurements[1].latency->mean, 1.0, 0.05);
}

TEST_F(Measuring, TellsTheNetworkFromTheServer) {
    FakeRunner remote = runner(40_ms);
    remote.server = ServerTimes{.queue = 5_ms, .compute = 10_ms};
    FakeRunner odd = runner(10_ms);
    odd.server = ServerTimes{.queue = 0_ms, .compute = 11_ms};
    const MeasurementSet set = run({{server, remote, {}}, {server, odd, {}}});
    const ServerSummary& parts = *set.measurements[0].server;
    EXPECT_NEAR(parts.queue.p50.count(), 0.005, 1e-12);
    EXPECT_NEAR(parts.compute.p50.count(), 0.010, 1e-12);
    EXPECT_NEAR(parts.network.p50.count(), 0.025, 1e-12);
    EXPECT_EQ(parts.network.n, set.measurements[0].latency->n);
    EXPECT_EQ(set.measurements[1].server->network.p50, Seconds(0)) << "no negative time from a faster clock";
}

TEST_F(Measuring, ALocalRunHasNoServer) {
    FakeRunner local = runner(10_ms);
    EXPECT_FALSE(run({{one_thread, local, {}}}).measurements[0].server.has_value());
}

TEST_F(Measuring, EnergyIsActivePowerTimesTheMeanLatency) {
    FakeRunner runner = noisy([](std::size_t i) { return i < 33 ? 3.0 : 1.0; });
    PowerMeter powers{Powers{.active = watts(5), .idle = watts(1)}};
    const MeasurementSet set = measure({{one_thread, runner, {}}}, options, clock, powers);
    const Measurement& measurement = set.measurements[0];
    EXPECT_NEAR(measurement.energy.energy->value.in(joules), 5.0 * measurement.latency->mean.count(), 1e-9);
    EXPECT_EQ(measurement.energy.energy->origin, Origin::modelled);
    EXPECT_EQ(measurement.meter, "powers");
}

TEST_F(Measuring, WithoutPowersThereIsAReasonInsteadOfAnEnergy) {
    FakeRunner local = runner(10_ms);
    FakeRunner remote = runner(10_ms);
    PowerMeter powers{Powers{.active = watts(5), .idle = {}}};
    EXPECT_THAT(run({{one_thread, local, {}}}).measurements[0].energy.reason, HasSubstr("--active-power"));
    const Measurement over_link = measure({{server, remote, {}}}, options, clock, powers).measurements[0];
    EXPECT_FALSE(over_link.energy.energy.has_value());
    EXPECT_THAT(over_link.energy.reason, HasSubstr("link"));
}

TEST_F(Measuring, AMeterCoversExactlyTheRuns) {
    CountingMeter counting;
    FakeRunner a = runner(1_ms);
    FakeRunner b = runner(1_ms);
    const MeasurementSet set = measure({{one_thread, a, {}}, {another, b, {}}}, options, clock, counting);
    EXPECT_EQ(counting.starts, counting.stops);
    Seconds samples{0.0};
    for (const Measurement& measurement : set.measurements) {
        for (const Seconds sample : measurement.samples) samples += sample;
    }
    EXPECT_NEAR(counting.busy.count(), samples.count(), 1e-9) << "settling runs are not metered";
    EXPECT_EQ(set.measurements[0].energy.energy->origin, Origin::measured);
    // One joule a turn of five equal runs, but for the first turn of one.
    EXPECT_NEAR(set.measurements[0].energy.energy->value.in(joules), 0.2, 0.02);
}

/// A counter of energy: 3 W at rest, 8 W while a run lasts; the meter counts rest by the clock.
class TwoPowers final : public Meter {
   public:
    explicit TwoPowers(VirtualClock& clock) : clock_(clock) {}
    std::string name() const override { return "two"; }
    void prepare() override { ++prepared; }
    void start() override { began_ = clock_.now(); }
    EnergyReading stop(const Work& work) override {
        const Seconds elapsed = clock_.now() - began_;
        EXPECT_NEAR(elapsed.count(), work.elapsed.count(), 1e-9);
        stretches.push_back(watts(3) * elapsed + watts(5) * work.busy);
        return recorded ? EnergyReading::none("later") : EnergyReading::measured(stretches.back());
    }
    std::vector<EnergyReading> settle() override {
        std::vector<EnergyReading> readings;
        if (!recorded) return readings;
        for (const Joules energy : stretches) readings.push_back(EnergyReading::measured(energy));
        return readings;
    }
    std::vector<Joules> stretches;
    bool recorded = false;
    int prepared = 0;

   private:
    VirtualClock& clock_;
    Seconds began_{0.0};
};

TEST_F(Measuring, IdlePowerIsMeasuredAndTheEnergyAboveItToldBesideTheWhole) {
    for (const bool recorded : {false, true}) {
        TwoPowers two(clock);
        two.recorded = recorded;
        FakeRunner a = runner(10_ms);
        FakeRunner b = runner(40_ms);
        options.idle_baseline = 5_s;
        const MeasurementSet set = measure({{one_thread, a, {}}, {another, b, {}}}, options, clock, two);
        ASSERT_TRUE(set.idle_power.has_value());
        EXPECT_NEAR(set.idle_power->value.in(watts), 3, 1e-9);
        EXPECT_EQ(set.idle_power->origin, Origin::measured);
        EXPECT_NEAR(set.measurements[0].energy.energy->value.in(joules), 8 * 0.01, 1e-9);
        EXPECT_NEAR(set.measurements[0].energy_above_idle->value.in(joules), 5 * 0.01, 1e-9);
        EXPECT_NEAR(set.measurements[1].energy_above_idle->value.in(joules), 5 * 0.04, 1e-9);
        EXPECT_EQ(two.prepared, 1);
    }
}

TEST_F(Measuring, WithoutAnIdlePowerThereIsAReasonAndNoEnergyAboveIt) {
    FakeRunner runner = this->runner(10_ms);
    options.idle_baseline = 1_s;
    PowerMeter powers{Powers{.active = watts(5), .idle = {}}};
    const MeasurementSet set = measure({{one_thread, runner, {}}}, options, clock, powers);
    EXPECT_FALSE(set.idle_power.has_value());
    EXPECT_THAT(set.idle_reason, HasSubstr("--idle-power"));
    EXPECT_TRUE(set.measurements[0].energy.energy.has_value());
    EXPECT_FALSE(set.measurements[0].energy_above_idle.has_value());
}

TEST_F(Measuring, AMeterThatIsLostInTheMiddleCostsTheEnergyAndNotTheTimes) {
    class Lost final : public Meter {
       public:
        std::string name() const override { return "lost"; }
        void start() override {}
        EnergyReading stop(const Work&) override {
            return ++stops < 12 ? EnergyReading::measured(joules(1)) : EnergyReading::none("the meter lost was lost");
        }
        int stops = 0;
    };
    Lost lost;
    FakeRunner runner = this->runner(10_ms);
    const Measurement measurement = measure({{one_thread, runner, {}}}, options, clock, lost).measurements[0];
    EXPECT_EQ(measurement.latency->n, 100U);
    EXPECT_FALSE(measurement.energy.energy.has_value());
    EXPECT_THAT(measurement.energy.reason, HasSubstr("was lost"));
}

TEST_F(Measuring, AFewStretchesThatTheMeterMissedAreTakenToBeLikeTheRest) {
    class Gap final : public Meter {
       public:
        std::string name() const override { return "gap"; }
        void start() override {}
        EnergyReading stop(const Work& work) override {
            return ++stops == 15 ? EnergyReading::none("a gap") : EnergyReading::measured(watts(4) * work.busy);
        }
        int stops = 0;
    };
    Gap gap;
    FakeRunner runner = this->runner(10_ms);
    options.runs = 1000;
    const Measurement measurement = measure({{one_thread, runner, {}}}, options, clock, gap).measurements[0];
    EXPECT_NEAR(measurement.energy.energy->value.in(joules), 0.04, 1e-9);
}

/// Counts a thousand instructions for each run of a runner; cannot count cycles.
class FakeCounters final : public Counters {
   public:
    explicit FakeCounters(const FakeRunner& runner) : runner_(runner) {}
    void start() override { before_ = runner_.runs; }
    std::vector<EventCount> stop() override {
        return {{Event::instructions, 1000.0 * static_cast<double>(runner_.runs - before_), ""},
                {Event::cycles, std::nullopt, "not supported"}};
    }

   private:
    const FakeRunner& runner_;
    std::size_t before_ = 0;
};

TEST_F(Measuring, CountsAreOfOneSteadyRun) {
    FakeRunner runner = this->runner(1_ms);
    FakeCounters counters(runner);
    options.counters = &counters;
    const Measurement measurement = run({{one_thread, runner, {}}}).measurements[0];
    ASSERT_EQ(measurement.counts.size(), 2U);
    EXPECT_NEAR(*measurement.counts[0].count, 1000, 1e-9);
    EXPECT_EQ(measurement.counts[1].count, std::nullopt);
    EXPECT_EQ(measurement.counts[1].reason, "not supported");
}

TEST_F(Measuring, StopsWhenToldAndReturnsWhatItHas) {
    std::atomic<bool> stop = false;
    FakeRunner runner(clock, [&](std::size_t i) {
        if (i == 30) stop = true;
        return 10_ms;
    });
    options.stop = &stop;
    const MeasurementSet set = run({{one_thread, runner, {}}});
    EXPECT_TRUE(set.interrupted);
    EXPECT_EQ(set.measurements[0].samples.size(), 31U);
    EXPECT_EQ(set.measurements[0].latency->n, 31U - options.warmup_least);
}

TEST_F(Measuring, StoppedBeforeItBeganHasNoFigures) {
    const std::atomic<bool> stop = true;
    FakeRunner runner = this->runner(10_ms);
    options.stop = &stop;
    const MeasurementSet set = run({{one_thread, runner, {}}});
    EXPECT_TRUE(set.interrupted);
    EXPECT_FALSE(set.measurements[0].latency.has_value());
    EXPECT_FALSE(set.measurements[0].energy.energy.has_value());
    EXPECT_EQ(runner.runs, 0U);
}

TEST_F(Measuring, AServerThatIsLostEndsItsOwnSeriesOnly) {
    FakeRunner lost(clock, [](std::size_t i) -> Seconds {
        if (i >= 70) throw Error(ErrorKind::unavailable, "infer on edge:8001", "connection reset");
        return 10_ms;
    });
    lost.server = ServerTimes{};
    FakeRunner local = runner(10_ms);
    const MeasurementSet set = run({{server, lost, {}}, {one_thread, local, {}}});
    EXPECT_EQ(set.measurements[0].failure->kind(), ErrorKind::unavailable);
    EXPECT_TRUE(set.measurements[0].latency.has_value()) << "what came before is kept";
    EXPECT_EQ(set.measurements[1].latency->n, 100U);
    EXPECT_FALSE(set.measurements[1].failure.has_value());
    EXPECT_THAT(set.warnings, testing::Contains(HasSubstr("connection reset")));
    EXPECT_FALSE(set.interrupted);
}

TEST_F(Measuring, AFirstRunThatFailsLeavesNoFigures) {
    FakeRunner refuses(clock, [](std::size_t) -> Seconds { throw Error(ErrorKind::input, "run", "wrong shape"); });
    const MeasurementSet set = run({{one_thread, refuses, {}}});
    EXPECT_EQ(set.measurements[0].failure->kind(), ErrorKind::input);
    EXPECT_FALSE(set.measurements[0].latency.has_value());
}

TEST_F(Measuring, TellsItsProgress) {
    FakeRunner runner = this->runner(10_ms);
    std::vector<Progress> told;
    std::vector<Seconds> when;
    options.runs = 1000;
    options.progress = [&](const Progress& progress) {
        told.push_back(progress);
        when.push_back(clock.now());
    };
    run({{one_thread, runner, {}}});
    ASSERT_GE(told.size(), 50U);
    for (std::size_t i = 1; i < told.size(); ++i) {
        EXPECT_GE(told[i].fraction, told[i - 1].fraction);
        EXPECT_GE(when[i] - when[i - 1], 100_ms - Seconds(1e-9)) << "not more often than ten times a second";
    }
    const std::size_t half = told.size() / 2;
    EXPECT_NEAR((when[half] + *told[half].left).count(), clock.now().count(), 0.5);
}

TEST_F(Measuring, NobodyIsMeasuredAtOnce) {
    const MeasurementSet set = run({});
    EXPECT_TRUE(set.measurements.empty());
    EXPECT_FALSE(set.interrupted);
}

}  // namespace
}  // namespace breakeven
