// Sync: which time of a recording is which time of the run. Pure. The instrument has a clock of its own: it began at
// another moment and runs a little faster or slower. A pulse that the device draws on purpose, found in the recording,
// tells the offset; a second one at the end tells the drift.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "breakeven/meters/power_trace.h"

namespace breakeven {

/// A pattern of load: chips of one length, on (the device computes) or off (it rests). Barker 1953, "Group
/// synchronizing of binary digital systems": of the code of 13 no shift resembles itself by more than 1/13.
struct Pulse {
    Seconds chip{0.1};
    static constexpr std::array<int, 13> code{1, 1, 1, 1, 1, -1, -1, 1, 1, -1, 1, -1, 1};
    Seconds length() const { return chip * static_cast<double>(code.size()); }
};

/// A pulse in a recording.
struct PulseFound {
    Seconds at{0.0};     ///< its begin, in the recording's time
    double score = 0.0;  ///< correlation with the pattern, -1 to 1
};

/// What is drawn on purpose reaches 0.99; of 13 chips of noise one place in 500,000 reaches this (t = 8.4, 11 degrees).
inline constexpr double pulse_score_min = 0.93;

/// The best place within `where`; nothing where no place reaches `pulse_score_min`. Correlates the means of the chips
/// with the code at every twentieth of a chip, then looks between the neighbours of the best.
std::optional<PulseFound> find_pulse(const PowerTrace& trace, const Pulse& pulse, const TimeWindow& where);

/// Run time to recording time: offset + rate * t.
struct ClockMap {
    Seconds offset{0.0};
    double rate = 1.0;

    Seconds to_recording(Seconds run) const { return offset + rate * run; }
    TimeWindow to_recording(const TimeWindow& run) const { return {to_recording(run.from), to_recording(run.to)}; }
};

/// When the pulses were drawn by the run's clock.
struct PulsesSent {
    Seconds first{0.0};
    std::optional<Seconds> last;  ///< of a second pulse
};

/// An instrument's clock is not wrong by more than so many seconds in one (quartz: 1e-4 at worst).
inline constexpr double drift_max = 1e-3;

/// From the pulses as sent and as found; `guess` is where the recording's clock is thought to be (time stamps), known
/// to within `uncertainty`, or nothing: the whole recording is searched. Throws Error{input}: no pulse, a drift beyond
/// belief. `name` names the recording.
struct ClockGuess {
    ClockMap map;
    Seconds uncertainty{0.0};
};
ClockMap match_clocks(const PowerTrace& trace, const Pulse& pulse, const PulsesSent& sent,
                      const std::optional<ClockGuess>& guess, const std::string& name);

}  // namespace breakeven
