// Sync: see sync.h.
#include "breakeven/meters/sync.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "breakeven/error.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

/// Steps of the search in one chip.
constexpr int steps_a_chip = 20;
/// A search over more steps than this is a slip: two days at the usual step.
constexpr double steps_max = 4e7;

/// Pearson's correlation of the chips' mean powers with the code, for a pulse that begins at `at`; -1 where a chip was
/// not recorded.
double score_at(const PowerTrace& trace, const Pulse& pulse, Seconds at) {
    constexpr std::size_t n = Pulse::code.size();
    std::array<double, n> powers{};
    double mean = 0.0;
    double code_mean = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        const Seconds from = at + pulse.chip * static_cast<double>(i);
        const auto power = trace.mean({from, from + pulse.chip});
        if (!power) return -1.0;
        powers[i] = power->in(watts);
        mean += powers[i] / static_cast<double>(n);
        code_mean += Pulse::code[i] / static_cast<double>(n);
    }
    double both = 0.0;
    double own = 0.0;
    double of_code = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        const double power = powers[i] - mean;
        const double chip = Pulse::code[i] - code_mean;
        both += power * chip;
        own += power * power;
        of_code += chip * chip;
    }
    return own > 0.0 ? both / std::sqrt(own * of_code) : 0.0;
}

/// Between three equally distant scores lies the top of their parabola, in steps from the middle one.
double top_between(double before, double middle, double after) {
    const double bend = before - 2.0 * middle + after;
    return bend < 0.0 ? std::clamp(0.5 * (before - after) / bend, -0.5, 0.5) : 0.0;
}

Error refusal(const std::string& name, const std::string& reason) {
    return Error(ErrorKind::input, fmt::format("match power recording '{}' to the run", name), reason);
}

TimeWindow around(Seconds time, Seconds reach) {
    return {time - reach, time + reach};
}

}  // namespace

std::optional<PulseFound> find_pulse(const PowerTrace& trace, const Pulse& pulse, const TimeWindow& where) {
    const TimeWindow all = trace.span();
    const Seconds from = std::max(where.from, all.from);
    const Seconds to = std::min(where.to, all.to - pulse.length());
    const Seconds step = pulse.chip / steps_a_chip;
    const double steps = (to - from) / step;
    if (!(steps >= 0.0) || steps > steps_max) return std::nullopt;
    PulseFound best{from, -1.0};
    for (std::int64_t i = 0; i <= static_cast<std::int64_t>(steps); ++i) {
        const Seconds at = from + step * static_cast<double>(i);
        const double score = score_at(trace, pulse, at);
        if (score > best.score) best = {at, score};
    }
    if (best.score < pulse_score_min) return std::nullopt;
    const double before = score_at(trace, pulse, best.at - step);
    const double after = score_at(trace, pulse, best.at + step);
    if (before > -1.0 && after > -1.0) best.at += step * top_between(before, best.score, after);
    return best;
}

ClockMap match_clocks(const PowerTrace& trace, const Pulse& pulse, const PulsesSent& sent,
                      const std::optional<ClockGuess>& guess, const std::string& name) {
    const TimeWindow first_in = guess ? around(guess->map.to_recording(sent.first), guess->uncertainty) : trace.span();
    // Two pulses alike: without a guess the first one lies before the place where the last one can begin.
    TimeWindow search = first_in;
    if (!guess && sent.last) search.to = std::min(search.to, trace.span().to - (*sent.last - sent.first));
    const auto first = find_pulse(trace, pulse, search);
    if (!first) {
        throw refusal(name, fmt::format("the sync pulse at the run's begin is not in it ({} to {} s were searched)",
                                        search.from.count(), search.to.count()));
    }
    ClockMap map{first->at - sent.first, 1.0};
    if (!sent.last) return map;
    const Seconds run = *sent.last - sent.first;
    const Seconds reach = run * drift_max + pulse.chip;
    const auto last = find_pulse(trace, pulse, around(map.to_recording(*sent.last), reach));
    if (!last) {
        throw refusal(name, "the sync pulse at the run's end is not in it; was the recording stopped too early?");
    }
    map.rate = (last->at - first->at) / run;
    if (std::abs(map.rate - 1.0) > drift_max) {
        throw refusal(name,
                      fmt::format("its clock would run {:.2f} % off; a pulse was mistaken", 100.0 * (map.rate - 1.0)));
    }
    map.offset = first->at - map.rate * sent.first;
    return map;
}

}  // namespace breakeven
