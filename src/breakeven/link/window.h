// SendWindow: what a sender may have under way when a request starts, and so how long sending takes: at a constant rate
// (what a policy predicts with) and through a recording (what a replay finds). tcp.h models the connection in full;
// these are its end states, cheap enough to ask a million times a second.
#pragma once

#include <optional>
#include <string_view>

#include "breakeven/link/capacity.h"

namespace breakeven {

enum class SendWindow {
    open,     ///< covers the path: the connection is kept warm. Bytes over rate, the study's formula
    initial,  ///< ten segments, doubling each round trip: cubic or reno after a rest (slow start)
    paced,    ///< bbr after rests: it spreads a request over about half a round trip, or the link's own time
};
std::string_view name(SendWindow window);
/// "warm" is open, "cubic" and "reno" are initial, "bbr" is paced. Throws Error{usage}.
SendWindow parse_send_window(std::string_view text);

/// Sending `size` over a path with this round trip.
struct Sending {
    SendWindow window = SendWindow::open;
    Bytes size;
    Seconds round_trip{0.0};
};

/// From the first byte handed over until the last has left the bottleneck. A rate of zero takes for ever (infinity).
Seconds sending_time(const Sending& sending, BytesPerSecond rate);

/// The moment at which the last byte has left, started at `start`; nothing if that never happens.
std::optional<Seconds> sent(const Sending& sending, const Capacity& capacity, Seconds start);

}  // namespace breakeven
