// NoiseWatch: see noise.h.
#include "breakeven/measure/noise.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <sstream>

#include "breakeven/units/text.h"

namespace breakeven {
namespace {

// What is worth a warning: about the share by which it can move a median.
constexpr double stolen_share = 0.01;
constexpr double others_share = 0.05;
constexpr double frequency_change = 0.10;
/// The scheduler's tick takes a processor away now and then even on an idle machine.
constexpr double preemptions_per_second = 50.0;

Seconds from(const timeval& time) {
    return Seconds(static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec));
}

std::optional<std::int64_t> whole_number(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return std::nullopt;
    return value;
}

/// The line "cpu ..." of /proc/stat (proc(5)), in ticks: user nice system idle iowait irq softirq steal guest ...
void read_processors(const std::string& line, NoiseSample& sample) {
    std::istringstream words(line);
    std::string name;
    std::array<double, 8> ticks{};
    words >> name;
    for (double& value : ticks) words >> value;
    if (name != "cpu" || !words) return;
    const double tick = 1.0 / static_cast<double>(std::max(1L, sysconf(_SC_CLK_TCK)));
    double all = 0.0;
    for (const double value : ticks) all += value;  // guest time is part of user already
    sample.processors_all = Seconds(all * tick);
    sample.processors_stolen = Seconds(ticks[7] * tick);
    sample.processors_busy = Seconds((all - ticks[3] - ticks[4] - ticks[7]) * tick);
}

}  // namespace

NoiseSample sample_noise(const SystemFiles& files, const Clock& clock) {
    NoiseSample sample;
    sample.at = clock.now();
    read_processors(first_line(files.proc / "stat"), sample);
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        sample.own = from(usage.ru_utime) + from(usage.ru_stime);
        sample.preempted = usage.ru_nivcsw;
    }
    const std::filesystem::path processor = files.sys / "devices/system/cpu/cpu0";
    sample.throttled = whole_number(first_line(processor / "thermal_throttle/package_throttle_count")).value_or(0) +
                       whole_number(first_line(processor / "thermal_throttle/core_throttle_count")).value_or(0);
    if (const auto kilohertz = whole_number(first_line(processor / "cpufreq/scaling_cur_freq"))) {
        sample.frequency_hz = 1e3 * static_cast<double>(*kilohertz);
    }
    return sample;
}

std::vector<std::string> noise_warnings(const NoiseSample& before, const NoiseSample& after, const Machine& machine) {
    std::vector<std::string> warnings;
    const Seconds all = after.processors_all - before.processors_all;
    if (all > Seconds(0)) {
        const double stolen = (after.processors_stolen - before.processors_stolen) / all;
        if (stolen > stolen_share) {
            warnings.push_back(
                fmt::format("{:.1f} % of the processor time went to other virtual machines (steal): "
                            "the tail of the latencies is theirs",
                            100.0 * stolen));
        }
        const Seconds busy = after.processors_busy - before.processors_busy;
        const double others = (busy - (after.own - before.own)) / all;
        if (others > others_share) {
            warnings.push_back(
                fmt::format("other programs took {:.0f} % of the processors meanwhile: stop them", 100.0 * others));
        }
    }
    const Seconds elapsed = after.at - before.at;
    if (elapsed > Seconds(0)) {
        const double rate = static_cast<double>(after.preempted - before.preempted) / elapsed.count();
        if (rate > preemptions_per_second) {
            warnings.push_back(
                fmt::format("this process lost a processor {:.0f} times a second to others: use fewer "
                            "threads than processors, or a quieter machine",
                            rate));
        }
    }
    if (after.throttled > before.throttled) {
        warnings.push_back(fmt::format("the processor slowed down for heat {} times: cool it or measure for longer",
                                       after.throttled - before.throttled));
    }
    if (before.frequency_hz && after.frequency_hz &&
        std::abs(*after.frequency_hz / *before.frequency_hz - 1.0) > frequency_change) {
        warnings.push_back(fmt::format("the processor's clock moved from {:.2f} to {:.2f} GHz",
                                       *before.frequency_hz / 1e9, *after.frequency_hz / 1e9));
    }
    if (machine.governor && *machine.governor != "performance") {
        warnings.push_back(
            fmt::format("the frequency governor is '{}', not 'performance': latencies depend on what "
                        "ran before",
                        *machine.governor));
    }
    if (machine.quota && machine.quota->in(processors) < static_cast<double>(machine.threads)) {
        warnings.push_back(
            fmt::format("a control group limits this process to {:.3g} of {} processors: short runs do "
                        "not feel it, long ones do",
                        machine.quota->in(processors), machine.threads));
    }
    return warnings;
}

}  // namespace breakeven
