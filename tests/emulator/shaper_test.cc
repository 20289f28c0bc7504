// The packet scheduler in virtual time: closed forms, and what holds for any traffic.
#include "breakeven/emulator/shaper.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace breakeven {
namespace {

using namespace literals;

Line line(double bytes_per_s, Seconds delay, Bytes queue) {
    return {.rate = bytes_per_second(bytes_per_s), .delay = delay, .queue = queue};
}

TEST(Shaper, DelaysALonePacketByItsLengthAndTheLink) {
    Shaper shaper(line(1e6, 10_ms, 1500_B));
    EXPECT_DOUBLE_EQ(shaper.depart(5_s, 1500_B)->count(), 5.0 + 0.0015 + 0.010);
}

TEST(Shaper, SendsABurstAtTheRate) {
    Shaper shaper(line(1e6, 10_ms, Bytes(1'000'000)));
    for (int i = 1; i <= 100; ++i) {
        EXPECT_NEAR(shaper.depart(5_s, 1500_B)->count(), 5.010 + 0.0015 * i, 1e-9);
    }
}

TEST(Shaper, DropsTheTailOfABurstThatOverflowsTheQueue) {
    // At once: each packet finds those before it waiting. Ten fit a queue of ten, the eleventh does not.
    Shaper shaper(line(1e6, 10_ms, 15000_B));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(shaper.depart(1_s, 1500_B)) << i;
    EXPECT_FALSE(shaper.depart(1_s, 1500_B));
    EXPECT_TRUE(shaper.depart(1_s + 1.5_ms, 1500_B)) << "one has left: one fits again";
    EXPECT_FALSE(shaper.depart(1_s + 1.5_ms, 1500_B));
}

TEST(Shaper, TakesAPacketLargerThanTheQueueWhenIdle) {
    Shaper shaper(line(1e6, 10_ms, 100_B));
    EXPECT_TRUE(shaper.depart(1_s, 1500_B));
    EXPECT_FALSE(shaper.depart(1_s, 60_B + 100_B));
    EXPECT_TRUE(shaper.depart(2_s, 1500_B));
}

TEST(Shaper, CarriesTheProfilesPayloadInFullPackets) {
    const LinkProfile link = *study_link("ethernet");
    const Line up = line_of(link, Direction::up, 500_ms);
    EXPECT_NEAR(up.rate.in(bytes_per_second), 3.04e6 * 1500 / 1448, 1e-6);
    EXPECT_EQ(up.delay, 10_ms);
    EXPECT_NEAR(static_cast<double>(up.queue.count()), 0.5 * 3.04e6 * 1500 / 1448, 1.0);
    // 1448 bytes of payload a packet: the payload's rate is the profile's.
    Shaper shaper(up);
    Seconds last{0};
    constexpr int packets = 300;
    for (int i = 0; i < packets; ++i) last = *shaper.depart(0_s, packet_size_max);
    EXPECT_NEAR(packets * 1448 / (last - up.delay).count(), 3.04e6, 1.0);
}

struct Traffic {
    std::vector<Seconds> arrivals;
    std::vector<Bytes> sizes;
};

Traffic any_traffic() {
    Traffic traffic;
    Seconds time{1000};
    const int packets = *rc::gen::inRange(1, 200);
    for (int i = 0; i < packets; ++i) {
        time += Seconds(*rc::gen::inRange(0, 5000) * 1e-6);
        traffic.arrivals.push_back(time);
        traffic.sizes.push_back(Bytes(*rc::gen::inRange(20, 1501)));
    }
    return traffic;
}

RC_GTEST_PROP(Shaper, KeepsOrderRateAndDelayForAnyTraffic, ()) {
    const Traffic traffic = any_traffic();
    const Line any = line(*rc::gen::inRange(1000, 100'000'000), Seconds(*rc::gen::inRange(0, 1000) * 1e-3),
                          Bytes(*rc::gen::inRange(0, 200'000)));
    Shaper shaper(any);
    Seconds before{0};
    for (std::size_t i = 0; i < traffic.arrivals.size(); ++i) {
        const auto departure = shaper.depart(traffic.arrivals[i], traffic.sizes[i]);
        if (!departure) continue;
        const Seconds on_the_wire = traffic.sizes[i] / any.rate;
        RC_ASSERT(*departure >= before + on_the_wire - 1_us);                           // one after the other
        RC_ASSERT(*departure >= traffic.arrivals[i] + on_the_wire + any.delay - 1_us);  // never early
        const Seconds waited = *departure - any.delay - on_the_wire - traffic.arrivals[i];
        const Seconds longest = any.queue / any.rate;
        RC_ASSERT(waited <= longest + 1_us);  // never longer than the queue
        before = *departure;
    }
}

RC_GTEST_PROP(Shaper, DropsNothingWhereTheQueueIsLongEnough, ()) {
    const Traffic traffic = any_traffic();
    const double rate = *rc::gen::inRange(1000, 10'000'000);
    Shaper unlimited(line(rate, 1_ms, Bytes(1'000'000'000)));
    for (std::size_t i = 0; i < traffic.arrivals.size(); ++i) {
        RC_ASSERT(unlimited.depart(traffic.arrivals[i], traffic.sizes[i]).has_value());
    }
}

}  // namespace
}  // namespace breakeven
