// Turns: the stretches in which one subject ran, and what they say of one of its steady runs.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "breakeven/measure/counters.h"
#include "breakeven/meters/meter.h"
#include "breakeven/units/origin.h"
#include "breakeven/units/units.h"

namespace breakeven {

struct Turn {
    std::size_t first = 0;  ///< of the subject's runs
    std::size_t count = 0;
    EnergyReading energy;
    std::size_t stretch = 0;  ///< the meter's, counted over all subjects
    Seconds elapsed{0.0};     ///< by the clock, with what lies between the runs
    Seconds processor_time{0.0};
    std::vector<EventCount> counts;
};

/// All turns of a subject, all its runs in order, and how many of these are its warm-up.
struct SteadyTurns {
    std::span<const Turn> turns;
    std::span<const Seconds> samples;
    std::size_t warmup = 0;
};

/// Of one steady run: its share, by time, of its turn's energy less `less` all the while. A few turns that the meter
/// missed are taken to be like the rest; of more, the reason.
EnergyReading mean_energy(const SteadyTurns& all, const Figure<Watts>& less);

/// Of one run, over the turns that hold steady runs alone.
std::vector<EventCount> mean_counts(const SteadyTurns& all);
std::optional<Seconds> mean_processor_time(const SteadyTurns& all);

}  // namespace breakeven
