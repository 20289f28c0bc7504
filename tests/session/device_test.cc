// The real clock of a session: rings for whoever comes while it waits, in order, and not for who is gone.
#include "breakeven/session/device.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace breakeven {
namespace {

using namespace literals;

TEST(AlarmClock, RingsForWhoComesWhileItWaits) {
    AlarmClock clock;
    for (int i = 0; i < 3; ++i) {
        clock.sleep_until(clock.now() + 5_ms);  // by now its thread waits for a first alarm, or for a later one
        std::promise<void> rang;
        const auto late = clock.at(clock.now() + 60_s, [] {});
        const auto soon = clock.at(clock.now() + 1_ms, [&] { rang.set_value(); });
        EXPECT_EQ(rang.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
    }
    std::promise<void> rang;
    const auto alone = clock.at(clock.now() + 1_ms, [&] { rang.set_value(); });
    EXPECT_EQ(rang.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(AlarmClock, RingsInOrderAndNotForWhoIsGone) {
    AlarmClock clock;
    std::atomic<int> order = 0;
    std::promise<int> last;
    const Seconds now = clock.now();
    const auto third = clock.at(now + 30_ms, [&] { last.set_value(++order); });
    const auto first = clock.at(now + 10_ms, [&] { ++order; });
    auto gone = clock.at(now + 20_ms, [&] { order += 100; });
    gone.reset();
    EXPECT_EQ(last.get_future().get(), 2);
    EXPECT_GE(clock.now(), now + 30_ms);
}

}  // namespace
}  // namespace breakeven
