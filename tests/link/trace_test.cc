// Recorded links: transfers end where brute force says, texts are read or refused with their line, gaps are named.
#include "breakeven/link/trace.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "breakeven/error.h"
#include "breakeven/link/tcp.h"
#include "breakeven/link/window.h"
#include "tests/fakes/shared_data.h"

namespace breakeven {
namespace {

using namespace literals;

struct Recording {
    std::vector<Capacity::Step> steps;
    Seconds duration{0.0};
    Capacity capacity() const { return Capacity::of_steps(steps, duration); }
};

/// Up to 20 rows at odd moments, about a third of them silent, not all.
Recording any_recording() {
    Recording recording;
    double time = 0.0;
    const int rows = *rc::gen::inRange(1, 20);
    for (int i = 0; i < rows; ++i) {
        const int rate = *rc::gen::inRange(-50, 100);
        recording.steps.push_back({.start = Seconds(time), .rate = bytes_per_second(std::max(0, rate) * 1000.0)});
        time += *rc::gen::inRange(1, 3000) / 1000.0;
    }
    recording.steps.back().rate = bytes_per_second(*rc::gen::inRange(1, 100) * 1000.0);
    recording.duration = Seconds(time);
    return recording;
}

/// Row by row, the recording over and over.
Seconds brute_force_finish(const Recording& recording, Seconds start, double bytes) {
    double now = std::fmod(start.count(), recording.duration.count());
    double passed = 0.0;
    for (;;) {
        for (std::size_t i = 0; i < recording.steps.size(); ++i) {
            const double end =
                i + 1 < recording.steps.size() ? recording.steps[i + 1].start.count() : recording.duration.count();
            if (end <= now) continue;
            const double rate = recording.steps[i].rate.in(bytes_per_second);
            const double can = rate * (end - now);
            if (can >= bytes) return start + Seconds(passed + bytes / rate);
            bytes -= can;
            passed += end - now;
            now = end;
        }
        now = 0.0;
    }
}

RC_GTEST_PROP(Capacity, FinishesWhereBruteForceDoes, ()) {
    const Recording recording = any_recording();
    const Seconds start(*rc::gen::inRange(0, 60000) / 1000.0);
    const Bytes size(*rc::gen::inRange(1, 500000));
    const Seconds expected = brute_force_finish(recording, start, static_cast<double>(size.count()));
    const auto finish = recording.capacity().finish(start, size);
    RC_ASSERT(finish.has_value());
    RC_ASSERT(std::abs((*finish - expected).count()) < 1e-6 * (1.0 + expected.count()));
}

RC_GTEST_PROP(Capacity, CarriesByItsFinishWhatWasHandedOver, ()) {
    const Recording recording = any_recording();
    const Capacity capacity = recording.capacity();
    const Seconds start(*rc::gen::inRange(0, 60000) / 1000.0);
    const Bytes size(*rc::gen::inRange(1, 500000));
    const Bytes carried = capacity.carried({.from = start, .to = *capacity.finish(start, size)});
    RC_ASSERT(std::abs(static_cast<double>((carried - size).count())) <= 1.0);
}

RC_GTEST_PROP(Capacity, TakesLongerForMoreAndForLess, ()) {
    const Recording recording = any_recording();
    const Capacity capacity = recording.capacity();
    const Seconds start(*rc::gen::inRange(0, 60000) / 1000.0);
    const Bytes size(*rc::gen::inRange(1, 500000));
    const Bytes more = size + Bytes(*rc::gen::inRange(0, 100000));
    RC_ASSERT(*capacity.finish(start, more) >= *capacity.finish(start, size));
    const std::optional<Seconds> with_half = capacity.scaled(0.5).finish(start, size);  // nothing: half a byte a round
    RC_ASSERT(!with_half || *with_half >= *capacity.finish(start, size));
}

TEST(Capacity, OfPacketsLetsEachMomentCarryOne) {
    const std::vector<Seconds> moments{1_ms, 1_ms, 5_ms};
    const Capacity capacity = Capacity::of_packets(moments, 10_ms, 1000_B);
    EXPECT_EQ(capacity.finish(0_s, 1000_B), 1_ms);
    EXPECT_EQ(capacity.finish(0_s, 2000_B), 1_ms);
    EXPECT_EQ(capacity.finish(0_s, 2001_B), 5_ms);
    EXPECT_NEAR(capacity.finish(2_ms, 1001_B)->count(), 0.011, 1e-9) << "round again";
    EXPECT_EQ(capacity.carried({.from = 0_ms, .to = 4_ms}), 2000_B);
}

TEST(Capacity, ThatCarriesNothingNeverFinishes) {
    const Capacity::Step silence{.start = 0_s, .rate = bytes_per_second(0)};
    EXPECT_FALSE(Capacity::of_steps({&silence, 1}, 1_s).finish(0_s, 1_B).has_value());
}

RC_GTEST_PROP(SendWindow, ThroughAConstantLinkTakesWhatTheFormulaSays, ()) {
    const auto window = *rc::gen::element(SendWindow::open, SendWindow::initial, SendWindow::paced);
    const Sending sending{.window = window,
                          .size = Bytes(*rc::gen::inRange(1, 1000000)),
                          .round_trip = Seconds(*rc::gen::inRange(0, 300) / 1000.0)};
    const BytesPerSecond rate = bytes_per_second(std::pow(10.0, *rc::gen::inRange(30, 90) / 10.0));
    const Capacity::Step step{.start = 0_s, .rate = rate};
    const auto end = sent(sending, Capacity::of_steps({&step, 1}, 7_s), 1.5_s);
    RC_ASSERT(end.has_value());
    const double expected = sending_time(sending, rate).count();
    RC_ASSERT(std::abs((*end - 1.5_s).count() - expected) < 1e-6 * (1.0 + expected));
}

RC_GTEST_PROP(SendWindow, IsTheConnectionModelsEndState, ()) {
    const LinkProfile link{.name = "any",
                           .one_way_latency = Seconds(*rc::gen::inRange(1, 200) / 1000.0),
                           .up = bytes_per_second(std::pow(10.0, *rc::gen::inRange(40, 90) / 10.0)),
                           .down = bytes_per_second(1e12),
                           .up_energy = std::nullopt,
                           .down_energy = std::nullopt};
    const Payload payload{.up = Bytes(*rc::gen::inRange(1, 1000000)), .down = 0_B};
    const Seconds round_trip = 2 * link.one_way_latency;
    const auto time = [&](SendWindow window) {
        return (round_trip + sending_time({.window = window, .size = payload.up, .round_trip = round_trip}, link.up));
    };
    const auto close = [](Seconds a, Seconds b) { return std::abs(a / b - 1.0) < 1e-6; };
    RC_ASSERT(close(time(SendWindow::open), transfer_time(link, payload).total()));
    RC_ASSERT(
        close(time(SendWindow::initial), tcp_time(link, payload, {Congestion::cubic, TcpUse::History::fresh}).total) ||
        payload.up > 14480_B);  // beyond the first window cubic may leave slow start earlier
    RC_ASSERT(close(time(SendWindow::paced), tcp_time(link, payload, {Congestion::bbr}).total));
}

constexpr const char* header = "time_s,uplink_Bps,downlink_Bps,rtt_s\n";

/// The message with which a text is refused.
std::string refusal(const std::string& text) {
    try {
        parse_trace_csv(text, "t.csv");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    }
    return "";
}

TEST(Trace, ReadsColumnsByTheirName) {
    const Trace trace = parse_trace_csv("rtt_s,extra,time_s,uplink_Bps\n0.05,7,10,1000\n,8,11,\n0.07,9,13,3000\n", "t");
    EXPECT_EQ(trace.duration, 5_s) << "the last row holds as long as the median row";
    EXPECT_FALSE(trace.down.has_value());
    EXPECT_EQ(trace.up->carried({.from = 0_s, .to = 3_s}), 3000_B) << "an empty cell holds the value before";
    EXPECT_EQ(trace.up->carried({.from = 3_s, .to = 4_s}), 3000_B);
    ASSERT_EQ(trace.round_trips.size(), 3U);
    EXPECT_EQ(trace.round_trips[1].time, 50_ms);
    EXPECT_EQ(trace.cells_held, 2);
}

TEST(Trace, AnEmptyFirstCellTakesTheFirstValueThereIs) {
    const Trace trace = parse_trace_csv(std::string(header) + "0,,,\n1,500,,\n2,700,,\n", "t");
    EXPECT_EQ(trace.up->carried({.from = 0_s, .to = 1_s}), 500_B);
}

TEST(Trace, RefusesAMalformedRowByItsLine) {
    const std::string good = std::string(header) + "0,1,2,0.1\n";
    for (const auto& [row, reason] : std::vector<std::pair<std::string, std::string>>{
             {"1,1,2\n", "3 cells, the header has 4"},
             {"1,1,2,0.1,9\n", "5 cells, the header has 4"},
             {"1,x,2,0.1\n", "uplink_Bps 'x' is not a number"},
             {"1,1 ,2,0.1\n", "'1 ' is not a number"},
             {"1,nan,2,0.1\n", "is not a number"},
             {"1,-1,2,0.1\n", "is not between 0 and"},
             {"1,1,2,9999\n", "is not between 0 and 600"},
             {"0,1,2,0.1\n", "does not rise"},
             {",1,2,0.1\n", "time_s is empty"},
             {"\n", "1 cells"},
         }) {
        const std::string message = refusal(good + row + "5,1,2,0.1\n");
        EXPECT_NE(message.find("line 3"), std::string::npos) << row << message;
        EXPECT_NE(message.find(reason), std::string::npos) << row << message;
    }
    EXPECT_NE(refusal("").find("empty"), std::string::npos);
    EXPECT_NE(refusal("a,b\n1,2\n").find("no column time_s"), std::string::npos);
    EXPECT_NE(refusal("time_s,rtt_s,rtt_s\n").find("twice"), std::string::npos);
    EXPECT_NE(refusal("time_s,foo\n0,1\n").find("none of the columns"), std::string::npos);
    EXPECT_NE(refusal(good).find("at least two rows"), std::string::npos);
    EXPECT_NE(refusal(std::string(header) + "0,,,\n1,,,\n").find("none of its rows"), std::string::npos);
}

TEST(Trace, MahimahiRefusesAMalformedLineByItsNumber) {
    for (const char* text : {"1\n2\nx\n", "1\n2\n\n", "1\n2\n-3\n", "1\n5\n4\n", "1\n2\n3 \n"}) {
        try {
            parse_mahimahi(text, "t.up");
            FAIL() << text;
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find("line 3"), std::string::npos) << error.what();
        }
    }
    EXPECT_THROW(parse_mahimahi("0\n0\n", "t"), Error);
    EXPECT_TRUE(is_mahimahi("0\n1\n"));
    EXPECT_FALSE(is_mahimahi(header));
    EXPECT_FALSE(is_mahimahi(""));
}

TEST(Fill, NamesWhatItPutIn) {
    const Trace downlink = parse_trace_csv(std::string(header) + "0,10,1000,\n1,20,3000,\n", "t");
    EXPECT_THROW(fill(downlink, {}), Error) << "the uplink only acknowledges";
    const RecordedLink link =
        fill(downlink, {.uplink_share = 0.3, .downlink_share = {}, .up = {}, .down = {}, .round_trip = 50_ms});
    EXPECT_NEAR(link.up.mean_rate().in(bytes_per_second), 600, 1e-9);
    ASSERT_EQ(link.filled.size(), 2U);
    EXPECT_NE(link.filled[0].find("--uplink-share 0.3"), std::string::npos);
    EXPECT_NE(link.filled[1].find("--rtt"), std::string::npos);
    EXPECT_EQ(link.round_trip_at(100_s), 50_ms);
}

TEST(Fill, LeavesWhatWasRecorded) {
    const Trace trace = parse_trace_csv(std::string(header) + "0,900,1000,0.02\n1,900,3000,0.03\n", "t");
    const RecordedLink link = fill(trace, {.uplink_share = 0.1,
                                           .downlink_share = 5.0,
                                           .up = bytes_per_second(1),
                                           .down = bytes_per_second(1),
                                           .round_trip = 5_s});
    EXPECT_TRUE(link.filled.empty());
    EXPECT_NEAR(link.up.mean_rate().in(bytes_per_second), 900, 1e-9);
    EXPECT_EQ(link.round_trip_at(1.5_s), 30_ms);
    EXPECT_EQ(link.round_trip_at(2.5_s), 20_ms) << "the recording starts again";
}

TEST(Fill, RefusesALinkThatNeverCarriesAByte) {
    const Trace trace = parse_trace_csv(std::string(header) + "0,0,0,0.02\n1,0,0,0.03\n", "t");
    EXPECT_THROW(fill(trace, {}), Error);
}

std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(Trace, EveryRecordedFileIsRead) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    int csv = 0;
    int packets = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(fakes::shared_data() / "traces")) {
        const std::string name = entry.path().filename().string();
        if (entry.path().extension() == ".csv") {
            const std::string text = contents(entry.path());
            EXPECT_FALSE(is_mahimahi(text));
            EXPECT_GT(parse_trace_csv(text, name).duration, 40_s) << name;
            ++csv;
        } else if (entry.path().extension() == ".up" || entry.path().extension() == ".down") {
            const std::string text = contents(entry.path());
            EXPECT_TRUE(is_mahimahi(text));
            EXPECT_GT(parse_mahimahi(text, name).duration(), 100_s) << name;
            ++packets;
        }
    }
    EXPECT_EQ(csv, 32);
    EXPECT_EQ(packets, 6);
}

TEST(Trace, HasTheMeanRatesThatItsSourceGives) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    const auto folder = fakes::shared_data() / "traces";
    const Trace raca = parse_trace_csv(contents(folder / "raca5g_driving_2019.12.14_10.16.30.csv"), "raca");
    EXPECT_NEAR(raca.down->mean_rate().in(megabits_per_second), 10.146, 0.05);
    const Capacity umts = parse_mahimahi(contents(folder / "mahimahi/TMobile-UMTS-driving.up"), "umts");
    EXPECT_NEAR(umts.mean_rate().in(megabits_per_second)*1500 / 1448, 0.943, 0.005);
}

TEST(TraceCsv, ReadsWhatItWrote) {
    std::string text(trace_csv_header);
    text += trace_csv_row({.time = 0_s, .up = bytes_per_second(1e6), .down = std::nullopt, .round_trip = 0.05_s});
    text += trace_csv_row(
        {.time = 1.25_s, .up = bytes_per_second(0.0), .down = bytes_per_second(2e6), .round_trip = std::nullopt});
    const Trace trace = parse_trace_csv(text, "written");
    EXPECT_EQ(trace.duration, 2.5_s);
    EXPECT_EQ(trace.up->carried({.from = 0_s, .to = 2.5_s}), 1'250'000_B);
    EXPECT_EQ(trace.down->carried({.from = 1.25_s, .to = 2.25_s}), 2'000'000_B);
    EXPECT_EQ(trace.round_trips.front().time, 0.05_s);
    EXPECT_EQ(trace.cells_held, 2);
}

TEST(Capacity, SoSlowThatNoByteEverPassesIsRefused) {
    // Found by fuzzing: after 10^90 rounds of such a recording, sums were no longer within one.
    const std::string text = "time_s,uplink_Bps,downlink_Bps\n0,1e-89,2e6\n2,0,3e6\n";
    EXPECT_THROW(fill(parse_trace_csv(text, "still"), {.round_trip = 50_ms}), Error);
    const std::vector<Capacity::Step> steps{{.start = 0_s, .rate = bytes_per_second(1.0 / 3.0)}};
    const Capacity slow = Capacity::of_steps(steps, 3.1_s);
    EXPECT_NEAR(slow.finish(0_s, Bytes(1'000'000'000))->count(), 3e9, 1.0);
}

}  // namespace
}  // namespace breakeven
