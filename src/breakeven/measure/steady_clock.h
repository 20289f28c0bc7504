// SteadyClock: the machine's monotonic clock. Main makes the only one; everything else takes a Clock&.
#pragma once

#include <chrono>
#include <thread>

#include "breakeven/time/clock.h"

namespace breakeven {

class SteadyClock final : public Clock {
   public:
    Seconds now() const override { return std::chrono::steady_clock::now().time_since_epoch(); }
    void sleep_until(Seconds time) override {
        std::this_thread::sleep_until(
            std::chrono::steady_clock::time_point(std::chrono::duration_cast<std::chrono::nanoseconds>(time)));
    }
};

}  // namespace breakeven
