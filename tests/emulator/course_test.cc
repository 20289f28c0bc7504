// Lines that play recordings, lose packets and go down: against sums done by hand, and shares counted.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <vector>

#include "breakeven/emulator/shaper.h"

namespace breakeven {
namespace {

using namespace literals;

constexpr Bytes endless{1'000'000'000};

struct Step {
    double start;
    double rate;
};

/// What steps carry by a moment, added up step by step and round by round.
double carried_by(const std::vector<Step>& steps, double duration, double moment) {
    double sum = 0.0;
    for (double round = 0.0; round < moment; round += duration) {
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const double from = round + steps[i].start;
            const double to = round + (i + 1 < steps.size() ? steps[i + 1].start : duration);
            sum += steps[i].rate * std::max(0.0, std::min(moment, to) - from);
        }
    }
    return sum;
}

Line line_through(const std::vector<Step>& steps, double duration, AtEnd at_end = AtEnd::repeat) {
    std::vector<Capacity::Step> parts;
    for (const Step& step : steps) parts.push_back({.start = Seconds(step.start), .rate = bytes_per_second(step.rate)});
    const Capacity capacity = Capacity::of_steps(parts, Seconds(duration));
    return {.rate = capacity.mean_rate(),
            .delay = 10_ms,
            .queue = endless,
            .course = std::make_shared<const LineCourse>(
                LineCourse{.capacity = capacity, .round_trips = {}, .at_end = at_end})};
}

std::vector<Step> any_steps() {
    std::vector<Step> steps;
    const int count = *rc::gen::inRange(1, 12);
    for (int i = 0; i < count; ++i) {
        steps.push_back({.start = i * 0.25, .rate = i == 0 ? 1e4 : *rc::gen::inRange(0, 2'000'000) * 1.0});
    }
    return steps;
}

RC_GTEST_PROP(Course, HasCarriedByEachDepartureWhatTheRecordingCould, ()) {
    const std::vector<Step> steps = any_steps();
    const double duration = static_cast<double>(steps.size()) * 0.25;
    Shaper shaper(line_through(steps, duration));
    double bytes = 0.0;
    for (int i = 0; i < 200; ++i) {
        const Bytes size(*rc::gen::inRange(20, 1501));
        bytes += static_cast<double>(size.count());
        const double left = (*shaper.depart(0_s, size) - 10_ms).count();
        RC_ASSERT(std::abs(carried_by(steps, duration, left) - bytes) < 0.01 + bytes * 1e-6);
        if (left > 100.0) break;
    }
}

RC_GTEST_PROP(Course, OfOneRateIsTheConstantLine, ()) {
    const double rate = *rc::gen::inRange(1000, 10'000'000);
    const Bytes queue(*rc::gen::inRange(0, 100'000));
    Line recorded = line_through({{0.0, rate}}, 1.0);
    recorded.queue = queue;
    Shaper played(recorded);
    Shaper constant({.rate = bytes_per_second(rate), .delay = 10_ms, .queue = queue});
    Seconds time{0.0};
    for (int i = 0; i < 200; ++i) {
        time += Seconds(*rc::gen::inRange(0, 3000) * 1.0123e-6);
        const Bytes size(*rc::gen::inRange(20, 1501));
        const auto one = played.depart(time, size);
        const auto other = constant.depart(time, size);
        RC_ASSERT(one.has_value() == other.has_value());
        if (one) RC_ASSERT(std::abs((*one - *other).count()) < 1e-6);
    }
}

RecordedLink mahimahi(const std::string& text) {
    const Capacity capacity = parse_mahimahi(text, "test");
    return fill(mahimahi_trace("test", capacity, capacity),
                {.uplink_share = {}, .downlink_share = {}, .up = {}, .down = {}, .round_trip = 40_ms});
}

TEST(Course, SendsAFullPacketAtEachOpportunityOfMahimahi) {
    Shaper shaper(line_of(mahimahi("5\n5\n7\n20\n"), Direction::up, {.queue = 10_s, .at_end = AtEnd::repeat}));
    for (const double milliseconds : {5, 5, 7, 20, 25, 25, 27, 40}) {  // the recording, and once again
        EXPECT_NEAR(shaper.depart(1_ms, packet_size_max)->count(), (milliseconds + 20.0) * 1e-3, 1e-9);
    }
    EXPECT_NEAR(shaper.depart(61_ms, packet_size_max)->count(), 0.085, 1e-9) << "what nobody used is gone";
}

TEST(Course, AnOpportunityCarriesSeveralSmallPackets) {
    Shaper shaper(line_of(mahimahi("5\n9\n"), Direction::down, {.queue = 10_s, .at_end = AtEnd::repeat}));
    for (int i = 0; i < 15; ++i) EXPECT_NEAR(shaper.depart(1_ms, 100_B)->count(), 0.025, 1e-9) << i;
    EXPECT_NEAR(shaper.depart(1_ms, 100_B)->count(), 0.029, 1e-9);
}

TEST(Course, MayEndForGood) {
    Shaper shaper(line_through({{0.0, 15000.0}}, 1.0, AtEnd::down));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(shaper.depart(0_s, 1500_B)) << i;
    EXPECT_FALSE(shaper.depart(0_s, 1500_B)) << "the recording has carried ten";
    EXPECT_FALSE(shaper.depart(5_s, 60_B));
    EXPECT_EQ(shaper.lost(), 2);
}

TEST(Course, WaitsWhereTheRecordingStandsStill) {
    Shaper shaper(line_through({{0.0, 15000.0}, {1.0, 0.0}, {3.0, 15000.0}}, 4.0));
    EXPECT_NEAR(shaper.depart(2_s, 1500_B)->count(), 3.11, 1e-9);
}

TEST(Course, DropsByTheBytesThatWait) {
    Line line = line_through({{0.0, 15000.0}, {1.0, 150.0}}, 1000.0);
    line.queue = 3000_B;
    Shaper shaper(line);
    EXPECT_TRUE(shaper.depart(2_s, 1500_B));
    EXPECT_TRUE(shaper.depart(2_s, 1500_B));
    EXPECT_FALSE(shaper.depart(2_s, 1500_B));
    EXPECT_FALSE(shaper.depart(11_s, 1500_B)) << "1650 bytes wait";
    EXPECT_TRUE(shaper.depart(12.1_s, 1500_B)) << "1485 bytes wait";
}

TEST(Course, DelaysByTheRoundTripOfTheMomentAndKeepsOrder) {
    const RecordedLink link = fill(parse_trace_csv("time_s,uplink_Bps,rtt_s\n0,1e9,0.4\n1,1e9,0.02\n", "test"),
                                   {.uplink_share = {}, .downlink_share = 1.0, .up = {}, .down = {}, .round_trip = {}});
    Shaper shaper(line_of(link, Direction::up, {.queue = 1_s, .at_end = AtEnd::repeat}));
    EXPECT_NEAR(shaper.depart(0.5_s, 1500_B)->count(), 0.7, 1e-4);
    const Seconds slow = *shaper.depart(0.99_s, 1500_B);
    EXPECT_NEAR(slow.count(), 1.19, 1e-4);
    EXPECT_EQ(*shaper.depart(1.01_s, 1500_B), slow) << "it does not overtake";
    EXPECT_NEAR(shaper.depart(1.5_s, 1500_B)->count(), 1.51, 1e-4);
}

struct Lost {
    double share = 0.0;
    double in_a_row = 0.0;
};

/// Counted over so many packets, sent far apart.
Lost lost_of(const Loss& loss, std::uint64_t seed, int packets) {
    Line line{.rate = bytes_per_second(1e9), .delay = 1_ms, .queue = 1500_B};
    line.loss = loss;
    line.seed = seed;
    Shaper shaper(line);
    int lost = 0;
    int bursts = 0;
    bool before = false;
    for (int i = 0; i < packets; ++i) {
        const bool gone = !shaper.depart(Seconds(i * 1e-3), 1500_B);
        lost += gone ? 1 : 0;
        bursts += gone && !before ? 1 : 0;
        before = gone;
    }
    EXPECT_EQ(shaper.lost(), lost);
    return {.share = lost * 1.0 / packets, .in_a_row = lost * 1.0 / std::max(1, bursts)};
}

TEST(Loss, OneByOneHasItsShareAndBurstsOfChance) {
    const Lost lost = lost_of({.share = 0.05, .burst = {}}, 7, 400'000);
    EXPECT_NEAR(lost.share, 0.05, 0.0014);  // four standard deviations
    EXPECT_NEAR(lost.in_a_row, 1.0 / 0.95, 0.01);
}

TEST(Loss, InBurstsHasItsShareAndTheirLength) {
    for (const double length : {1.0, 4.0, 20.0}) {
        const Lost lost = lost_of({.share = 0.02, .burst = length}, 11, 2'000'000);
        EXPECT_NEAR(lost.share / 0.02, 1.0, 0.12) << length;
        EXPECT_NEAR(lost.in_a_row / length, 1.0, 0.1) << length;
    }
}

TEST(Loss, IsTheSameForASeedAndAnotherForAnother) {
    const auto fates = [](std::uint64_t seed) {
        Line line{.rate = bytes_per_second(1e9), .delay = 1_ms, .queue = 1500_B};
        line.loss = {.share = 0.3, .burst = 3.0};
        line.seed = seed;
        Shaper shaper(line);
        std::vector<bool> arrived;
        for (int i = 0; i < 200; ++i) arrived.push_back(shaper.depart(Seconds(i * 1e-3), 100_B).has_value());
        return arrived;
    };
    EXPECT_EQ(fates(1), fates(1));
    EXPECT_NE(fates(1), fates(2));
}

TEST(Loss, TakesItsPlaceOnTheLine) {
    Line line{.rate = bytes_per_second(15000), .delay = 0_s, .queue = endless};
    line.loss = {.share = 0.5, .burst = {}};
    Shaper shaper(line);
    for (int i = 1; i <= 100; ++i) {
        const auto departure = shaper.depart(0_s, 1500_B);
        if (!departure) continue;
        EXPECT_NEAR(departure->count(), i * 0.1, 1e-9);
    }
}

TEST(Outage, LosesWhatArrivesOrWouldLeaveMeanwhile) {
    Line line{.rate = bytes_per_second(1500), .delay = 10_ms, .queue = endless};
    line.outages = {{.start = 10_s, .length = 5_s}};
    Shaper shaper(line);
    EXPECT_TRUE(shaper.depart(8.9_s, 1500_B));
    EXPECT_FALSE(shaper.depart(9_s, 1500_B)) << "would leave at 10.9 s";
    EXPECT_FALSE(shaper.depart(12_s, 1500_B));
    EXPECT_TRUE(shaper.depart(15_s, 1500_B));
    EXPECT_EQ(shaper.lost(), 2);
}

}  // namespace
}  // namespace breakeven
