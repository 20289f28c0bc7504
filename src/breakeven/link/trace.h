// Trace: a link as it was recorded: rates and round trips over time, from text in two formats. What a recording lacks
// stays absent until fill() puts in what the reader of the answer is told about.
//   CSV       a header with time_s and any of uplink_Bps, downlink_Bps, rtt_s (other columns are passed over); an empty
//             cell means "not measured"; a value holds until the next row.
//   mahimahi  one direction a file: a line a packet, the millisecond at which one may leave (Netravali et al. 2015,
//             "Mahimahi: Accurate Record-and-Replay for HTTP").
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/link/capacity.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// Round trips over time: each holds until the next.
struct RoundTrip {
    Seconds start{0.0};
    Seconds time{0.0};
    friend bool operator==(const RoundTrip&, const RoundTrip&) = default;
};

/// The one that holds at a moment of a recording that repeats; `trips` has at least one.
Seconds round_trip_at(std::span<const RoundTrip> trips, Seconds duration, Seconds moment);

struct Trace {
    std::string name;
    Seconds duration{0.0};
    std::optional<Capacity> up;
    std::optional<Capacity> down;
    std::vector<RoundTrip> round_trips;  ///< empty where none was recorded
    /// Cells of used columns without a value: the one before was held, or the first one where there was none before.
    std::int64_t cells_held = 0;
};

/// Throws Error{input} that names the line: other columns than the header has, no number, time that does not rise,
/// negative or endless values. `name` says in errors where the text came from.
Trace parse_trace_csv(std::string_view text, const std::string& name);

/// One row of such a text, for who writes one; what is absent was not measured.
struct TraceRow {
    Seconds time{0.0};
    std::optional<BytesPerSecond> up{};
    std::optional<BytesPerSecond> down{};
    std::optional<Seconds> round_trip{};
};
inline constexpr std::string_view trace_csv_header = "time_s,uplink_Bps,downlink_Bps,rtt_s\n";
std::string trace_csv_row(const TraceRow& row);

/// Each opportunity carries what TCP puts into a 1500-byte packet (tcp_segment). Throws Error{input}, naming the line.
Capacity parse_mahimahi(std::string_view text, const std::string& name);

/// Does the text look like mahimahi's format: does its first line hold nothing but digits?
bool is_mahimahi(std::string_view text);

/// A trace of one or both directions recorded in mahimahi's format; the longer one says how long it lasts.
Trace mahimahi_trace(const std::string& name, std::optional<Capacity> up, std::optional<Capacity> down);

/// What stands in for what a trace lacks. Each applies only where the trace does lack it.
struct TraceFill {
    std::optional<double> uplink_share{};    ///< uplink = share of the downlink
    std::optional<double> downlink_share{};  ///< downlink = share of the uplink
    std::optional<BytesPerSecond> up{};      ///< where no direction was recorded
    std::optional<BytesPerSecond> down{};    ///< where no direction was recorded
    std::optional<Seconds> round_trip{};
};

/// A direction that carries less than this share of the other carries only its acknowledgements: one of 66 bytes for
/// at most every second packet of 1514 bytes is 2.2 %.
inline constexpr double acknowledgements_share = 0.025;

/// A trace with nothing missing.
struct RecordedLink {
    std::string name;
    Seconds duration{0.0};
    Capacity up;
    Capacity down;
    std::vector<RoundTrip> round_trips;
    std::vector<std::string> filled;  ///< "uplink: 0.3 of the downlink (--uplink-share 0.3)": for people, as they stand

    Seconds round_trip_at(Seconds time) const { return breakeven::round_trip_at(round_trips, duration, time); }
};

/// Throws Error{usage} naming the option that would fill what is missing.
RecordedLink fill(const Trace& trace, const TraceFill& with);

}  // namespace breakeven
