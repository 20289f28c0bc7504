// Recording a link: against a link in virtual time whose rates are known.
#include "breakeven/wire/record.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "breakeven/error.h"
#include "breakeven/link/window.h"

namespace breakeven {
namespace {

using namespace literals;

/// Carries what a recording carries, after half a round trip of 40 ms, and answers at once.
struct FakeLink {
    VirtualClock clock;
    Capacity up;
    Capacity down;
    bool is_dead = false;
    Bytes carried{};

    TimedServer server() {
        return {.empty_call = [this](Seconds limit) { return pass({}, limit); },
                .call = [this](const Payload& payload, Seconds limit) { return pass(payload, limit); }};
    }
    std::optional<Seconds> pass(const Payload& payload, Seconds limit) {
        const Seconds start = clock.now();
        const auto sent = up.finish(start, payload.up);
        const auto received = sent ? down.finish(*sent + 20_ms, payload.down) : std::nullopt;
        if (is_dead || !received || *received + 20_ms - start > limit) {
            clock.advance(limit);
            return std::nullopt;
        }
        carried = carried + payload.up + payload.down;
        clock.sleep_until(*received + 20_ms);
        return clock.now() - start;
    }
};

Capacity steady(double rate) {
    const Capacity::Step step{.start = 0_s, .rate = bytes_per_second(rate)};
    return Capacity::of_steps({&step, 1}, 1_s);
}

TEST(LinkRecorder, FindsRatesAndRoundTripFromSlowToFast) {
    for (const double rate : {100e3, 1e6, 10e6, 100e6}) {
        FakeLink link{.clock = {}, .up = steady(rate), .down = steady(rate * 3)};
        LinkRecorder recorder(link.server(), link.clock, {});
        for (int i = 0; i < 4; ++i) recorder.next();
        const TraceRow row = recorder.next();
        EXPECT_NEAR(row.up->in(bytes_per_second) / rate, 1.0, 0.01) << rate;
        EXPECT_NEAR(row.down->in(bytes_per_second) / rate / 3, 1.0, 0.01) << rate;
        EXPECT_NEAR(row.round_trip->count(), 0.040, 1e-9);
    }
}

TEST(LinkRecorder, UsesTheLoadThatWasChosenAndSaysHowMuch) {
    for (const double load : {0.02, 0.1, 0.5}) {
        FakeLink link{.clock = {}, .up = steady(20e6), .down = steady(20e6)};
        LinkRecorder recorder(link.server(), link.clock, {.every = 1_s, .load = load, .call_max = Bytes(1 << 26)});
        constexpr int rows = 100;
        for (int i = 0; i < rows; ++i) recorder.next();
        EXPECT_NEAR(static_cast<double>(link.carried.count()) / (20e6 * rows) / load, 1.0, 0.1) << load;
        EXPECT_EQ(recorder.sent() + recorder.received(), link.carried);
    }
}

TEST(LinkRecorder, FollowsARateThatChanges) {
    const std::vector<Capacity::Step> steps{{.start = 0_s, .rate = bytes_per_second(10e6)},
                                            {.start = 50_s, .rate = bytes_per_second(200e3)}};
    FakeLink link{.clock = {}, .up = Capacity::of_steps(steps, 100_s), .down = steady(10e6)};
    LinkRecorder recorder(link.server(), link.clock, {});
    std::vector<TraceRow> rows;
    while (link.clock.now() < 99_s) rows.push_back(recorder.next());
    for (const TraceRow& row : rows) {
        const double expected = row.time < 50_s ? 10e6 : 200e3;
        if (row.time > 48_s && row.time < 54_s) continue;
        if (row.time < 4_s) continue;
        EXPECT_NEAR(row.up->in(bytes_per_second) / expected, 1.0, 0.05) << row.time.count();
    }
}

TEST(LinkRecorder, WritesZerosWhileTheLinkIsDeadAndComesBack) {
    FakeLink link{.clock = {}, .up = steady(1e6), .down = steady(1e6)};
    LinkRecorder recorder(link.server(), link.clock, {});
    recorder.next();
    link.is_dead = true;
    const TraceRow row = recorder.next();
    EXPECT_EQ(row.up->in(bytes_per_second), 0.0);
    EXPECT_EQ(row.down->in(bytes_per_second), 0.0);
    EXPECT_FALSE(row.round_trip);
    link.is_dead = false;
    for (int i = 0; i < 3; ++i) recorder.next();
    EXPECT_NEAR(recorder.next().up->in(bytes_per_second), 1e6, 2e4);
}

TEST(LinkRecorder, TimeRisesAlsoWhereTheLinkIsTooSlowForItsRows) {
    FakeLink link{.clock = {}, .up = steady(20e3), .down = steady(20e3)};
    LinkRecorder recorder(link.server(), link.clock, {.every = 0.5_s, .load = 0.1, .call_max = Bytes(1 << 20)});
    Seconds before{-1.0};
    for (int i = 0; i < 50; ++i) {
        const TraceRow row = recorder.next();
        EXPECT_GT(row.time, before);
        before = row.time;
    }
}

TEST(LinkRecorder, RefusesLoadsThatMakeNoSense) {
    FakeLink link{.clock = {}, .up = steady(1e6), .down = steady(1e6)};
    EXPECT_THROW(LinkRecorder(link.server(), link.clock, {.every = 1_s, .load = 0.0}), Error);
    EXPECT_THROW(LinkRecorder(link.server(), link.clock, {.every = 1_s, .load = 1.0}), Error);
    EXPECT_THROW(LinkRecorder(link.server(), link.clock, {.every = 0_s, .load = 0.1}), Error);
}

TEST(InterfaceRecorder, CountsWhatCrossesTheLoopbackOrRefusesAName) {
    VirtualClock clock;
    EXPECT_THROW(InterfaceRecorder("no-such-interface", clock, 1_s), Error);
    EXPECT_THROW(InterfaceRecorder("../lo", clock, 1_s), Error);
    InterfaceRecorder recorder("lo", clock, 1_s);
    const TraceRow first = recorder.next();
    EXPECT_EQ(first.time, 0_s);
    EXPECT_GE(first.up->in(bytes_per_second), 0.0);
    EXPECT_EQ(recorder.next().time, 1_s);
}

}  // namespace
}  // namespace breakeven
