// PowerTrace: power over time as an instrument recorded it: pieces of constant power, with gaps where it saw nothing.
// Pure. What every recording becomes, whatever its rate, and what gives the energy of a window.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "breakeven/units/units.h"

namespace breakeven {

/// The mean power from `from` to `to`.
struct PowerPiece {
    Seconds from{0.0};
    Seconds to{0.0};
    Watts power;
    friend bool operator==(const PowerPiece&, const PowerPiece&) = default;
};

struct TimeWindow {
    Seconds from{0.0};
    Seconds to{0.0};
    Seconds length() const { return to - from; }
    friend bool operator==(const TimeWindow&, const TimeWindow&) = default;
};

/// What a recording says of a window.
struct WindowEnergy {
    Joules recorded;       ///< of the part that was recorded
    Seconds covered{0.0};  ///< how long that part is
    /// The whole window's: the part not recorded is taken to have had the mean power of the rest. Nothing where less
    /// than `covered_min` of the window was recorded.
    std::optional<Joules> energy;
};

/// A window with a larger hole has no energy: guessing stays below what other things disturb.
inline constexpr double covered_min = 0.95;

/// A power that was seen at one moment.
struct PowerSample {
    Seconds at{0.0};
    Watts power;
};

class PowerTrace final {
   public:
    PowerTrace() = default;
    /// `pieces` in order, none overlapping the one before, each of some length.
    explicit PowerTrace(std::vector<PowerPiece> pieces);

    /// Each sample holds half way to its neighbours (the sum is then that of the trapezoid rule); where neighbours lie
    /// more than `gap_steps` median steps apart there is a gap between them. Times must rise; one sample says nothing.
    static PowerTrace of_samples(std::span<const PowerSample> samples);
    static constexpr double gap_steps = 5.0;

    const std::vector<PowerPiece>& pieces() const { return pieces_; }
    bool empty() const { return pieces_.empty(); }
    /// From the first piece's begin to the last one's end; nothing recorded: an empty window.
    TimeWindow span() const;
    WindowEnergy energy(const TimeWindow& window) const;
    /// The mean over what was recorded; nothing where the window holds nothing.
    std::optional<Watts> mean(const TimeWindow& window) const;

   private:
    std::vector<PowerPiece> pieces_;
    std::vector<Joules> before_;  ///< energy of all pieces before the i-th, and at the end of all
    std::vector<Seconds> time_before_;
};

/// A file that an instrument wrote, as a trace.
struct Recording {
    PowerTrace trace;
    /// Its time is that of the calendar (seconds since 1970, UTC), not since some start of its own.
    bool has_calendar_time = false;
};

}  // namespace breakeven
