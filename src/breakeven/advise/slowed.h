// A slower device for real: this process runs the network under a CPU quota (emulator/slow_device.h) where the machine
// allows it and the time is long enough for the quota to be true.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "breakeven/engine/engine.h"
#include "breakeven/time/clock.h"

namespace breakeven {

struct SlowedTimes {
    Seconds p50{0.0};
    Seconds p99{0.0};
};

/// Times under the quota, or why they could not be taken.
struct Slowed {
    std::optional<SlowedTimes> times{};
    std::string reason;  ///< empty where there are times
};

struct SlowedRun {
    Platform platform;
    Seconds unslowed{0.0};  ///< what a run takes here
    double slowdown = 1.0;
};

/// Runs `runner` a few times, for about two seconds, with all of this process slowed down.
Slowed measure_slowed(Runner& runner, std::span<const Tensor> inputs, const SlowedRun& run, Clock& clock);

}  // namespace breakeven
