// Filling what a trace lacks: see trace.h. Reading its text: trace_text.cc.
#include "breakeven/link/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "breakeven/error.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

using Filled = std::vector<std::string>;

Error lacking(const Trace& trace, const std::string& what, const std::string& option) {
    return Error(ErrorKind::usage, fmt::format("replay trace '{}'", trace.name),
                 fmt::format("{}; give {}", what, option));
}

/// Does `one` carry only what acknowledges `other`?
bool only_acknowledges(const std::optional<Capacity>& one, const std::optional<Capacity>& other) {
    return one && other && one->mean_rate() < other->mean_rate() * acknowledgements_share;
}

Capacity constant(BytesPerSecond rate, Seconds duration) {
    const Capacity::Step step{.start = Seconds(0.0), .rate = rate};
    return Capacity::of_steps({&step, 1}, duration);
}

Capacity fill_up(const Trace& trace, const TraceFill& with, Filled& filled) {
    const bool acknowledges = only_acknowledges(trace.up, trace.down);
    if (trace.up && !acknowledges) return *trace.up;
    if (trace.down) {
        const std::string why = acknowledges
                                    ? fmt::format("its uplink carries only acknowledgements ({:.2g} % of the downlink)",
                                                  100.0 * (trace.up->mean_rate() / trace.down->mean_rate()))
                                    : std::string("it has no uplink");
        if (!with.uplink_share) throw lacking(trace, why, "--uplink-share, such as 0.3 of the downlink");
        filled.push_back(
            fmt::format("uplink: {0:g} of the downlink (--uplink-share {0:g}), for {1}", *with.uplink_share, why));
        return trace.down->scaled(*with.uplink_share);
    }
    if (!with.up) throw lacking(trace, "it has no rates", "--up and --down, such as 2MB/s");
    filled.push_back(fmt::format("uplink: constant {} (--up)", to_text(*with.up)));
    return constant(*with.up, trace.duration);
}

Capacity fill_down(const Trace& trace, const TraceFill& with, Filled& filled) {
    const bool acknowledges = only_acknowledges(trace.down, trace.up);
    if (trace.down && !acknowledges) return *trace.down;
    if (trace.up) {
        const std::string why = acknowledges ? "its downlink carries only acknowledgements" : "it has no downlink";
        if (!with.downlink_share) throw lacking(trace, why, "--downlink-share, such as 1 times the uplink");
        filled.push_back(
            fmt::format("downlink: {0:g} of the uplink (--downlink-share {0:g}), for {1}", *with.downlink_share, why));
        return trace.up->scaled(*with.downlink_share);
    }
    if (!with.down) throw lacking(trace, "it has no rates", "--up and --down, such as 2MB/s");
    filled.push_back(fmt::format("downlink: constant {} (--down)", to_text(*with.down)));
    return constant(*with.down, trace.duration);
}

}  // namespace

Trace mahimahi_trace(const std::string& name, std::optional<Capacity> up, std::optional<Capacity> down) {
    BREAKEVEN_ASSERT(up || down);
    Trace trace;
    trace.name = name;
    for (const auto& direction : {up, down}) {
        if (direction) trace.duration = std::max(trace.duration, direction->duration());
    }
    trace.up = std::move(up);
    trace.down = std::move(down);
    return trace;
}

RecordedLink fill(const Trace& trace, const TraceFill& with) {
    Filled filled;
    Capacity up = fill_up(trace, with, filled);
    Capacity down = fill_down(trace, with, filled);
    std::vector<RoundTrip> round_trips = trace.round_trips;
    if (round_trips.empty()) {
        if (!with.round_trip) throw lacking(trace, "it has no round trips", "--rtt, such as 50ms");
        filled.push_back(fmt::format("round trip: {} (--rtt)", to_text(*with.round_trip)));
        round_trips.push_back({.start = Seconds(0.0), .time = *with.round_trip});
    }
    for (const Capacity& direction : {up, down}) {
        if (direction.carries()) continue;
        throw Error(ErrorKind::input, fmt::format("replay trace '{}'", trace.name), "it never carries a byte");
    }
    return {.name = trace.name,
            .duration = trace.duration,
            .up = std::move(up),
            .down = std::move(down),
            .round_trips = std::move(round_trips),
            .filled = std::move(filled)};
}

Seconds round_trip_at(std::span<const RoundTrip> trips, Seconds duration, Seconds moment) {
    BREAKEVEN_ASSERT(!trips.empty());
    const Seconds rest = moment - std::floor(moment / duration) * duration;
    const auto after = std::upper_bound(trips.begin(), trips.end(), rest,
                                        [](Seconds time, const RoundTrip& trip) { return time < trip.start; });
    return after == trips.begin() ? after->time : std::prev(after)->time;
}

}  // namespace breakeven
