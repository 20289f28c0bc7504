// Sync: pulses in noisy recordings of other rates, clocks with offset and drift; and the whole recorded meter with
// them.
#include "breakeven/meters/sync.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "breakeven/error.h"
#include "breakeven/meters/recorded_meter.h"
#include "breakeven/time/random.h"

namespace breakeven {
namespace {

using namespace literals;
using testing::HasSubstr;

/// An instrument: what a device of so many watts at rest and under load draws, with the instrument's clock and noise.
struct Instrument {
    ClockMap clock;
    Seconds step = 2_ms;
    double noise = 0.1;
    std::vector<TimeWindow> loads;  ///< by the run's clock
    static constexpr double rest = 1.0;
    static constexpr double load = 2.0;

    PowerTrace record(Seconds from, Seconds to, std::uint64_t seed = 1) const {
        Random random(seed);
        std::vector<PowerSample> samples;
        for (Seconds run = from; run < to; run += step) {
            double power = rest + noise * random.normal();
            for (const TimeWindow& window : loads) power += run >= window.from && run < window.to ? load - rest : 0.0;
            samples.push_back({clock.to_recording(run), watts(power)});
        }
        return PowerTrace::of_samples(samples);
    }
    void add_pulse(Seconds begin, const Pulse& pulse = {}) {
        for (std::size_t i = 0; i < Pulse::code.size(); ++i) {
            const Seconds from = begin + pulse.chip * static_cast<double>(i);
            if (Pulse::code[i] > 0) loads.push_back({from, from + pulse.chip});
        }
    }
};

TEST(Sync, FindsThePulseWithinMilliseconds) {
    for (const double noise : {0.0, 0.1, 0.5}) {
        for (const Seconds step : {1_ms, 7_ms, 20_ms}) {
            Instrument instrument{.clock = {100_s, 1.0}, .step = step, .noise = noise, .loads = {{15_s, 18_s}}};
            instrument.add_pulse(7.3_s);
            const PowerTrace trace = instrument.record(0_s, 20_s);
            const auto found = find_pulse(trace, {}, trace.span());
            ASSERT_TRUE(found.has_value()) << noise << " " << step.count();
            EXPECT_NEAR(found->at.count(), 107.3, std::max(0.006, 0.9 * step.count())) << noise << " " << step.count();
            EXPECT_GT(found->score, pulse_score_min);
        }
    }
}

TEST(Sync, FindsNoneWhereThereIsNone) {
    int mistaken = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const Instrument instrument{.clock = {}, .step = 10_ms, .noise = 0.3, .loads = {{5_s, 8_s}, {9_s, 9.4_s}}};
        const PowerTrace trace = instrument.record(0_s, 30_s, seed);
        mistaken += find_pulse(trace, {}, trace.span()).has_value() ? 1 : 0;
    }
    EXPECT_LE(mistaken, 1);
    EXPECT_FALSE(find_pulse(PowerTrace(), {}, {0_s, 1_s}).has_value());
}

TEST(Sync, TwoPulsesTellOffsetAndDrift) {
    for (const double drift : {-3e-4, 0.0, 5e-4}) {
        Instrument instrument{.clock = {-20_s, 1.0 + drift}, .loads = {}};
        instrument.add_pulse(30_s);
        instrument.add_pulse(90_s);
        const PowerTrace trace = instrument.record(25_s, 95_s);
        const ClockMap map = match_clocks(trace, {}, {30_s, 90_s}, std::nullopt, "a");
        EXPECT_NEAR(map.rate, 1.0 + drift, 5e-5);
        EXPECT_NEAR(map.to_recording(60_s).count(), instrument.clock.to_recording(60_s).count(), 0.003);
    }
}

TEST(Sync, SaysWhichPulseIsMissing) {
    Instrument instrument{.clock = {}, .loads = {}};
    const auto refusal = [&](const PowerTrace& trace) -> std::string {
        try {
            match_clocks(trace, {}, {5_s, 25_s}, std::nullopt, "power.csv");
        } catch (const Error& error) {
            return error.what();
        }
        return "accepted";
    };
    EXPECT_THAT(refusal(instrument.record(0_s, 30_s)), HasSubstr("at the run's begin"));
    instrument.add_pulse(5_s);
    EXPECT_THAT(refusal(instrument.record(0_s, 30_s)), HasSubstr("at the run's end"));
    EXPECT_THAT(refusal(PowerTrace()), HasSubstr("power.csv"));
}

/// A run metered by an instrument that records what the run burns, both in virtual time.
class Recorded : public testing::Test {
   protected:
    RecordedMeterOptions options(Matching matching) {
        RecordedMeterOptions made;
        made.name = "csv:power.csv";
        made.matching = matching;
        made.calendar = [this] { return clock.now() + calendar_offset; };
        made.burn = [this](Seconds time) { load(time); };
        made.read = [this] { return Recording{instrument.record(0_s, clock.now()), has_calendar_time}; };
        return made;
    }
    void load(Seconds time) {
        instrument.loads.push_back({clock.now(), clock.now() + time});
        clock.advance(time);
    }
    /// Two stretches, of 2 s and 4 s of load with a rest between.
    std::vector<EnergyReading> run(RecordedMeter& meter) {
        clock.advance(3_s);
        meter.prepare();
        for (const Seconds time : {2_s, 4_s}) {
            clock.advance(1_s);
            meter.start();
            load(time);
            EXPECT_FALSE(meter.stop({}).energy.has_value());
        }
        return meter.settle();
    }

    VirtualClock clock;
    Instrument instrument{.clock = {}, .step = 5_ms, .noise = 0.01, .loads = {}};
    Seconds calendar_offset{1.7e9};
    bool has_calendar_time = true;
};

TEST_F(Recorded, EnergyOfEachStretchByTimeStamps) {
    instrument.clock.offset = calendar_offset;
    RecordedMeter meter(options(Matching::calendar), clock);
    const auto readings = run(meter);
    ASSERT_EQ(readings.size(), 2U);
    EXPECT_NEAR(readings[0].energy->value.in(joules), 4, 0.03);
    EXPECT_NEAR(readings[1].energy->value.in(joules), 8, 0.03);
    EXPECT_EQ(readings[0].energy->origin, Origin::measured);
    EXPECT_TRUE(meter.settle().empty()) << "all is told";
}

TEST_F(Recorded, EnergyOfEachStretchByPulsesThroughAForeignClock) {
    instrument.clock = {-12.34_s, 1.0003};
    has_calendar_time = false;
    RecordedMeter meter(options(Matching::pulse), clock);
    const auto readings = run(meter);
    ASSERT_EQ(readings.size(), 2U);
    EXPECT_NEAR(readings[0].energy->value.in(joules), 4, 0.04);
    EXPECT_NEAR(readings[1].energy->value.in(joules), 8, 0.04);
    EXPECT_THAT(meter.matched(), HasSubstr("offset -12.3"));
}

TEST_F(Recorded, PulsesMendACalendarThatIsSecondsOff) {
    instrument.clock = {calendar_offset + 4.2_s, 1.0};
    RecordedMeter meter(options(Matching::pulse), clock);
    EXPECT_NEAR(run(meter).at(1).energy->value.in(joules), 8, 0.04);
}

TEST_F(Recorded, WithoutTimeStampsOrPulsesThereIsAReason) {
    has_calendar_time = false;
    RecordedMeter meter(options(Matching::calendar), clock);
    const auto readings = run(meter);
    ASSERT_EQ(readings.size(), 2U);
    EXPECT_THAT(readings[0].reason, HasSubstr("sync=pulse"));
}

TEST_F(Recorded, ARecordingThatEndedInTheMiddleCostsOnlyWhatItDoesNotHold) {
    instrument.clock.offset = calendar_offset;
    RecordedMeterOptions made = options(Matching::calendar);
    made.read = [this] { return Recording{instrument.record(0_s, 8_s), true}; };
    RecordedMeter meter(made, clock);
    const auto readings = run(meter);
    EXPECT_NEAR(readings[0].energy->value.in(joules), 4, 0.03);
    EXPECT_THAT(readings[1].reason, HasSubstr("ended early"));
}

TEST_F(Recorded, WhatTheInstrumentWritesLateIsWaitedFor) {
    instrument.clock = {-5_s, 1.0};
    has_calendar_time = false;
    RecordedMeterOptions made = options(Matching::pulse);
    made.read = [this] { return Recording{instrument.record(0_s, clock.now() - 3_s), false}; };  // it buffers 3 s
    RecordedMeter meter(made, clock);
    EXPECT_NEAR(run(meter).at(1).energy->value.in(joules), 8, 0.04);
}

TEST_F(Recorded, AFileThatNeverComesIsAReasonAfterSomePatience) {
    RecordedMeterOptions made = options(Matching::calendar);
    int tries = 0;
    made.read = [&]() -> Recording {
        ++tries;
        throw Error(ErrorKind::input, "read 'power.csv'", "No such file");
    };
    RecordedMeter meter(made, clock);
    const auto readings = run(meter);
    ASSERT_EQ(readings.size(), 2U);
    EXPECT_THAT(readings[0].reason, HasSubstr("No such file"));
    EXPECT_GT(tries, 10);
}

}  // namespace
}  // namespace breakeven
