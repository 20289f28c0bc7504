// A few runs under a CPU quota: see slowed.h.
#include "breakeven/advise/slowed.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "breakeven/emulator/slow_device.h"
#include "breakeven/error.h"
#include "breakeven/stats/summary.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

constexpr Seconds time_for_all{2.0};
constexpr double runs_least = 6.0;
constexpr double runs_most = 40.0;

}  // namespace

Slowed measure_slowed(Runner& runner, std::span<const Tensor> inputs, const SlowedRun& run, Clock& clock) {
    if (run.platform.unit != "cpu") return {.reason = "a quota slows processors down, nothing else"};
    const Slowness slowness{.slowdown = run.slowdown, .processors = std::max(1, run.platform.number)};
    if (run.slowdown > slowdown_max) return {.reason = fmt::format("a quota slows {:g} times at most", slowdown_max)};
    if (!spans_enough_periods(run.unslowed, slowness)) {
        return {.reason = fmt::format("{} is less than {:g} periods of a CPU quota",
                                      to_text(run.unslowed * run.slowdown), slow_periods_min)};
    }
    std::vector<Seconds> times;
    try {
        const SlowDevice device(slowness);
        device.take(::getpid());
        const double runs = std::clamp(time_for_all / (run.unslowed * run.slowdown), runs_least, runs_most);
        for (int i = 0; i < static_cast<int>(runs); ++i) {
            const Seconds start = clock.now();
            runner.run(inputs);
            times.push_back(clock.now() - start);
        }
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::unsupported) throw;
        return {.reason = error.what()};
    }
    times.erase(times.begin());  // it began anywhere in a period, with a quota that was still full
    const Summary summary = *summarize(times);
    return {.times = SlowedTimes{.p50 = summary.p50, .p99 = summary.p99}, .reason = {}};
}

}  // namespace breakeven
