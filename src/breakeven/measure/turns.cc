// Turns: see turns.h.
#include "breakeven/measure/turns.h"

#include <numeric>

namespace breakeven {
namespace {

/// Of the steady runs, for an energy: as much as a recording must cover of a stretch.
constexpr double metered_least = 0.95;

Seconds sum(std::span<const Seconds> times) {
    return std::accumulate(times.begin(), times.end(), Seconds(0));
}

}  // namespace

EnergyReading mean_energy(const SteadyTurns& all, const Figure<Watts>& less) {
    Figure<Joules> total{joules(0), Origin::measured};
    std::size_t metered = 0;
    EnergyReading missing;
    for (const Turn& turn : all.turns) {
        if (turn.first + turn.count <= all.warmup) continue;
        if (!turn.energy.energy) {
            missing = turn.energy;
            continue;
        }
        const std::span<const Seconds> own = all.samples.subspan(turn.first, turn.count);
        const std::span<const Seconds> steady = own.subspan(all.warmup > turn.first ? all.warmup - turn.first : 0);
        const Seconds busy = sum(own);
        const double share = busy > Seconds(0) ? sum(steady) / busy : 0.0;
        const Joules energy = turn.energy.energy->value - less.value * turn.elapsed;
        total = total + Figure<Joules>{energy * share, weaker(turn.energy.energy->origin, less.origin)};
        metered += steady.size();
    }
    if (static_cast<double>(metered) < metered_least * static_cast<double>(all.samples.size() - all.warmup)) {
        return missing;
    }
    return {Figure<Joules>{total.value / static_cast<double>(metered), total.origin}, ""};
}

std::vector<EventCount> mean_counts(const SteadyTurns& all) {
    std::vector<EventCount> total;
    std::size_t count = 0;
    for (const Turn& turn : all.turns) {
        if (turn.first < all.warmup || turn.counts.empty()) continue;
        if (total.empty()) {
            total = turn.counts;
        } else {
            for (std::size_t i = 0; i < total.size(); ++i) {
                if (!turn.counts[i].count) total[i] = turn.counts[i];
                if (total[i].count) *total[i].count += *turn.counts[i].count;
            }
        }
        count += turn.count;
    }
    for (EventCount& each : total) {
        if (each.count) *each.count /= static_cast<double>(count);
    }
    return total;
}

std::optional<Seconds> mean_processor_time(const SteadyTurns& all) {
    Seconds total{0.0};
    std::size_t count = 0;
    for (const Turn& turn : all.turns) {
        if (turn.first < all.warmup) continue;
        total += turn.processor_time;
        count += turn.count;
    }
    if (count == 0) return std::nullopt;
    return total / static_cast<double>(count);
}

}  // namespace breakeven
