// Tests of session/breaker.h.
#include "breakeven/session/breaker.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace breakeven {
namespace {

using namespace literals;
using Seen = Breaker::Seen;

Breaker opened_at(Seconds now) {
    Breaker breaker({.failures = 3, .first_pause = 1_s, .pause_max = 4_s});
    for (int i = 0; i < 3; ++i) breaker.failed(now);
    return breaker;
}

TEST(Breaker, OpensAfterFailuresInARow) {
    Breaker breaker({.failures = 3});
    breaker.failed(1_s);
    breaker.failed(2_s);
    EXPECT_TRUE(breaker.is_closed());
    breaker.failed(3_s);
    EXPECT_FALSE(breaker.is_closed());
    EXPECT_EQ(breaker.opened(), 1);
}

TEST(Breaker, ASuccessStartsTheCountAnew) {
    Breaker breaker({.failures = 2});
    for (int i = 0; i < 10; ++i) {
        breaker.failed(Seconds(i));
        breaker.succeeded();
    }
    EXPECT_TRUE(breaker.is_closed());
}

TEST(Breaker, LooksOnceAfterEachPauseAndThePauseDoublesUpToABound) {
    Breaker breaker = opened_at(0_s);
    EXPECT_FALSE(breaker.wants_look(0.9_s));
    Seconds now = 1_s;
    for (const Seconds pause : {2_s, 4_s, 4_s, 4_s}) {
        EXPECT_TRUE(breaker.wants_look(now));
        EXPECT_FALSE(breaker.wants_look(now)) << "one look at a time";
        breaker.looked(Seen::silent, now);
        EXPECT_FALSE(breaker.wants_look(now + pause - 1_ms));
        now += pause;
    }
    EXPECT_TRUE(breaker.wants_look(now));
}

TEST(Breaker, ClosesWhenALookSeesTheServer) {
    Breaker breaker = opened_at(0_s);
    ASSERT_TRUE(breaker.wants_look(1_s));
    breaker.looked(Seen::answering, 1_s);
    EXPECT_TRUE(breaker.is_closed());
}

TEST(Breaker, AServerThatAnswersLooksAndNoInferencesIsLeftAloneLongerAndLonger) {
    Breaker breaker = opened_at(0_s);
    ASSERT_TRUE(breaker.wants_look(1_s));
    breaker.looked(Seen::answering, 1_s);
    for (int i = 0; i < 3; ++i) breaker.failed(1_s);
    EXPECT_FALSE(breaker.wants_look(2.9_s));
    EXPECT_TRUE(breaker.wants_look(3_s));
}

TEST(Breaker, AReplyToWhatWasSentBeforeItOpenedDoesNotCloseIt) {
    Breaker breaker = opened_at(0_s);
    breaker.succeeded();
    EXPECT_FALSE(breaker.is_closed());
}

RC_GTEST_PROP(Breaker, WhenClosedItWantsNoLookAndWhenOpenOneWithinTheLongestPause, (std::vector<int> events)) {
    Breaker breaker({.failures = 2, .first_pause = 1_s, .pause_max = 8_s});
    Seconds now{0.0};
    for (const int event : events) {
        now += Seconds(0.1);
        switch (((event % 4) + 4) % 4) {
            case 0: breaker.failed(now); break;
            case 1: breaker.succeeded(); break;
            case 2: breaker.trip(now); break;
            default:
                if (breaker.wants_look(now)) breaker.looked(event % 8 == 3 ? Seen::answering : Seen::silent, now);
        }
        if (breaker.is_closed()) {
            RC_ASSERT(!breaker.wants_look(now + 100_s));
        } else {
            Breaker later = breaker;
            RC_ASSERT(later.wants_look(now + 8_s));
        }
    }
}

}  // namespace
}  // namespace breakeven
