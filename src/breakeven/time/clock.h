// Clock: what time it is, handed to whatever decides, so that it can run in virtual time.
// The real clock (measure/steady_clock.h) is made by main alone.
#pragma once

#include "breakeven/units/units.h"

namespace breakeven {

class Clock {
   public:
    virtual ~Clock() = default;

    /// Seconds since an arbitrary start; never goes back.
    virtual Seconds now() const = 0;

    /// Returns when `now() >= time`. Virtual clocks move there at once.
    virtual void sleep_until(Seconds time) = 0;
};

/// Time that moves only when told to. Not for several threads at once.
class VirtualClock final : public Clock {
   public:
    Seconds now() const override { return now_; }
    void sleep_until(Seconds time) override {
        if (time > now_) now_ = time;
    }
    void advance(Seconds step) { now_ += step; }

   private:
    Seconds now_{0.0};
};

}  // namespace breakeven
