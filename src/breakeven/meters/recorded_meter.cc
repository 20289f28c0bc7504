// RecordedMeter: see recorded_meter.h.
#include "breakeven/meters/recorded_meter.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/error.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

/// How far two hosts' calendars may lie apart where only a pulse is to be found near a time stamp.
constexpr Seconds calendar_uncertainty{10.0};
constexpr Seconds poll_interval{0.5};
/// Around a pulse the device rests, so that its first and last chip have an edge.
constexpr Seconds quiet{0.3};

}  // namespace

void RecordedMeter::prepare() {
    calendar_offset_ = options_.calendar() - clock_.now();
    if (options_.matching != Matching::pulse) return;
    pulses_.reset();
    send_pulse();
}

void RecordedMeter::send_pulse() {
    clock_.sleep_until(clock_.now() + quiet);
    const Seconds begin = clock_.now();
    if (!pulses_) {
        pulses_ = PulsesSent{begin, std::nullopt};
    } else {
        pulses_->last = begin;
    }
    for (std::size_t i = 0; i < Pulse::code.size(); ++i) {
        // Each chip ends where it should, however late the one before was.
        const Seconds end = begin + options_.pulse.chip * static_cast<double>(i + 1);
        if (Pulse::code[i] > 0) options_.burn(std::max(end - clock_.now(), Seconds(0.0)));
        clock_.sleep_until(end);
    }
    clock_.sleep_until(clock_.now() + quiet);
}

EnergyReading RecordedMeter::stop(const Work& /*work*/) {
    stretches_.push_back({started_, clock_.now()});
    return EnergyReading::none("the recording is read when the run is over");
}

ClockMap RecordedMeter::map_to(const Recording& recording) {
    if (options_.matching == Matching::calendar) {
        if (!recording.has_calendar_time) {
            throw Error(ErrorKind::input, fmt::format("match '{}' to the run", options_.name),
                        "its times are not those of the calendar (seconds since 1970): record them, or add sync=pulse");
        }
        matched_ = "by time stamps";
        return {calendar_offset_, 1.0};
    }
    BREAKEVEN_ASSERT(pulses_.has_value());
    std::optional<ClockGuess> guess;
    if (recording.has_calendar_time) guess = ClockGuess{{calendar_offset_, 1.0}, calendar_uncertainty};
    const ClockMap map = match_clocks(recording.trace, options_.pulse, *pulses_, guess, options_.name);
    matched_ = fmt::format("by pulses: offset {:.4f} s, drift {:.0f} ppm", map.offset.count(), 1e6 * (map.rate - 1.0));
    return map;
}

/// What the file says of the stretches as it is now; where it cannot be read or matched, each has that reason.
std::vector<EnergyReading> RecordedMeter::readings_now() {
    std::vector<EnergyReading> readings;
    try {
        const Recording recording = options_.read();
        const ClockMap map = map_to(recording);
        for (const TimeWindow& stretch : stretches_) {
            const TimeWindow window = map.to_recording(stretch);
            const WindowEnergy found = recording.trace.energy(window);
            readings.push_back(found.energy
                                   ? EnergyReading::measured(*found.energy)
                                   : EnergyReading::none(fmt::format(
                                         "'{}' holds {} of a stretch of {}: it began late, ended early or has a gap",
                                         options_.name, to_text(found.covered), to_text(window.length()))));
        }
    } catch (const Error& error) {
        readings.assign(stretches_.size(), EnergyReading::none(error.what()));
    }
    return readings;
}

std::vector<EnergyReading> RecordedMeter::settle() {
    if (stretches_.empty()) return {};
    if (options_.matching == Matching::pulse) send_pulse();
    const Seconds until = clock_.now() + options_.patience;
    std::vector<EnergyReading> readings = readings_now();
    // What another program writes comes late: its end, or all of it.
    while (!readings.back().energy && clock_.now() < until) {
        clock_.sleep_until(clock_.now() + poll_interval);
        readings = readings_now();
    }
    stretches_.clear();
    return readings;
}

}  // namespace breakeven
