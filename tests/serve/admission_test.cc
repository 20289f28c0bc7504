// Turns: bounded, first come first served, and left behind by those who are late.
#include "breakeven/serve/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace breakeven {
namespace {

using Turn = Admission::Turn;
constexpr auto never = Admission::Deadline::max();
/// Passed long ago: enter() does not wait.
constexpr Admission::Deadline passed{};

TEST(Admission, GrantsAsManyTurnsAsThereAre) {
    Admission admission({.running = 2, .waiting = 8});
    EXPECT_EQ(admission.enter(passed), Turn::granted);
    EXPECT_EQ(admission.enter(passed), Turn::granted);
    EXPECT_EQ(admission.enter(passed), Turn::late);
    admission.leave();
    EXPECT_EQ(admission.enter(passed), Turn::granted);
}

TEST(Admission, RefusesWhenTooManyWait) {
    Admission admission({.running = 1, .waiting = 0});
    EXPECT_EQ(admission.enter(never), Turn::granted);
    EXPECT_EQ(admission.enter(never), Turn::full);
    admission.leave();
    EXPECT_EQ(admission.enter(never), Turn::granted);
}

TEST(Admission, OneWhoWasLateTakesNoTurn) {
    Admission admission({.running = 1, .waiting = 8});
    EXPECT_EQ(admission.enter(never), Turn::granted);
    EXPECT_EQ(admission.enter(passed), Turn::late);
    admission.leave();
    EXPECT_EQ(admission.enter(passed), Turn::granted);
}

TEST(Admission, NeverMoreRunThanAllowedAndNobodyIsForgotten) {
    constexpr int allowed = 3, threads = 12, turns = 500;
    Admission admission({.running = allowed, .waiting = threads});
    std::atomic<int> running = 0, most = 0, done = 0;
    {
        std::vector<std::jthread> all;
        for (int i = 0; i < threads; ++i) {
            all.emplace_back([&] {
                for (int turn = 0; turn < turns; ++turn) {
                    ASSERT_EQ(admission.enter(never), Turn::granted);
                    const HeldTurn held(admission);
                    const int now = ++running;
                    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
                    }
                    std::this_thread::yield();
                    --running;
                    ++done;
                }
            });
        }
    }
    EXPECT_LE(most, allowed);
    EXPECT_EQ(done, threads * turns);
}

}  // namespace
}  // namespace breakeven
