// PowerTrace: see power_trace.h.
#include "breakeven/meters/power_trace.h"

#include <algorithm>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// The median distance of neighbours.
Seconds median_step(std::span<const PowerSample> samples) {
    std::vector<Seconds> steps;
    steps.reserve(samples.size() - 1);
    for (std::size_t i = 1; i < samples.size(); ++i) steps.push_back(samples[i].at - samples[i - 1].at);
    const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
    std::nth_element(steps.begin(), middle, steps.end());
    return *middle;
}

}  // namespace

PowerTrace::PowerTrace(std::vector<PowerPiece> pieces) : pieces_(std::move(pieces)) {
    before_.reserve(pieces_.size() + 1);
    time_before_.reserve(pieces_.size() + 1);
    Joules energy;
    Seconds time{0.0};
    before_.push_back(energy);
    time_before_.push_back(time);
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
        const PowerPiece& piece = pieces_[i];
        BREAKEVEN_ASSERT(piece.from < piece.to && (i == 0 || pieces_[i - 1].to <= piece.from));
        energy += piece.power * (piece.to - piece.from);
        time += piece.to - piece.from;
        before_.push_back(energy);
        time_before_.push_back(time);
    }
}

PowerTrace PowerTrace::of_samples(std::span<const PowerSample> samples) {
    if (samples.size() < 2) return {};
    const Seconds step = median_step(samples);
    const auto half_way = [&](std::size_t i) {  // from sample i to the next: how far each of the two reaches
        const Seconds distance = samples[i + 1].at - samples[i].at;
        return (distance > gap_steps * step ? step : distance) / 2.0;
    };
    std::vector<PowerPiece> pieces;
    pieces.reserve(samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const bool last = i + 1 == samples.size();
        Seconds from = i == 0 ? samples[i].at : samples[i].at - half_way(i - 1);
        const Seconds to = last ? samples[i].at : samples[i].at + half_way(i);
        if (!pieces.empty()) from = std::max(from, pieces.back().to);  // rounding
        if (from < to) pieces.push_back({from, to, samples[i].power});
    }
    return PowerTrace(std::move(pieces));
}

TimeWindow PowerTrace::span() const {
    return pieces_.empty() ? TimeWindow{} : TimeWindow{pieces_.front().from, pieces_.back().to};
}

WindowEnergy PowerTrace::energy(const TimeWindow& window) const {
    WindowEnergy result;
    if (!(window.from < window.to)) {
        result.energy = joules(0);
        return result;
    }
    const auto ends_after = [](Seconds time, const PowerPiece& piece) { return time < piece.to; };
    const auto starts_before = [](const PowerPiece& piece, Seconds time) { return piece.from < time; };
    const auto first = std::upper_bound(pieces_.begin(), pieces_.end(), window.from, ends_after);
    const auto end = std::lower_bound(first, pieces_.end(), window.to, starts_before);
    if (first != end) {
        const auto from = static_cast<std::size_t>(first - pieces_.begin());
        const auto to = static_cast<std::size_t>(end - pieces_.begin());
        const PowerPiece& last = *(end - 1);
        // Whole pieces by their running sums, less what sticks out on both sides.
        const Seconds early = std::max(window.from - first->from, Seconds(0.0));
        const Seconds late = std::max(last.to - window.to, Seconds(0.0));
        result.recorded = before_[to] - before_[from] - first->power * early - last.power * late;
        result.covered = time_before_[to] - time_before_[from] - early - late;
    }
    if (result.covered >= covered_min * window.length()) {
        result.energy = result.recorded * (window.length() / result.covered);
    }
    return result;
}

std::optional<Watts> PowerTrace::mean(const TimeWindow& window) const {
    const WindowEnergy energy = this->energy(window);
    if (!(energy.covered > Seconds(0.0))) return std::nullopt;
    return energy.recorded / energy.covered;
}

}  // namespace breakeven
