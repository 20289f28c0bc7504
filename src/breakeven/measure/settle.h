// Settling: what lies between two networks' turns, so that neither feels the other. Threads of the one before still
// look for work on all cores (ONNX Runtime's for about 40 ms after a run, as measured), and caches hold its weights.
#pragma once

#include <span>

#include "breakeven/engine/engine.h"
#include "breakeven/time/clock.h"

namespace breakeven {

/// Longer than any engine's threads look for work.
inline constexpr Seconds spinning_ends{0.05};

/// Whether it has threads of its own on this machine, which outlast a run.
inline bool leaves_threads(const Platform& platform) {
    return !platform.is_remote() && platform.number > 1;
}

/// A network that runs longer than this does not feel what the turn before left in the caches and the thread pools.
inline constexpr Seconds settle_below{0.02};

/// Nobody runs for `rest`, then the runner half as long, uncounted and at least once: its own threads are awake again.
inline void settle(Runner& runner, std::span<const Tensor> inputs, Seconds rest, Clock& clock) {
    if (rest > Seconds(0)) clock.sleep_until(clock.now() + rest);
    const Seconds awake = clock.now() + rest / 2.0;
    do {
        (void)runner.run(inputs);
    } while (clock.now() < awake);
}

}  // namespace breakeven
