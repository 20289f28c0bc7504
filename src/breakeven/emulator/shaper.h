// Shaper: decides when a packet leaves the far end of one direction of a link, or that it is dropped. Pure: it is told
// the time. A line that sends one packet after another at its rate, behind a queue of limited size, then a delay.
#pragma once

#include <optional>

#include "breakeven/link/profile.h"

namespace breakeven {

/// The emulated interfaces' MTU, and what a full packet carries: 20 bytes of IPv4, 20 of TCP, 12 of time stamps (the
/// options that Linux sends) are the headers.
inline constexpr Bytes packet_size_max{1500};
inline constexpr Bytes packet_payload_max{1448};

/// One direction of a link, in packets as they are on the wire.
struct Line {
    BytesPerSecond rate;  ///< of packets, headers included
    Seconds delay{0.0};
    Bytes queue;  ///< packets that would make the queue longer than this are dropped
    friend bool operator==(const Line&, const Line&) = default;
};

enum class Direction { up, down };

/// The line that carries `link`'s payload rate in full packets: rate * 1500 / 1448. The queue holds what the line
/// sends in `queue`.
Line line_of(const LinkProfile& link, Direction direction, Seconds queue);

class Shaper final {
   public:
    explicit Shaper(const Line& line) : line_(line) {}

    /// When the packet has arrived at the far end, or nothing: dropped. `arrival` never goes back. An idle line takes
    /// any packet; a busy one while what waits (the rest of the packet being sent included) fits the queue.
    std::optional<Seconds> depart(Seconds arrival, Bytes size);

   private:
    Line line_;
    Seconds free_at_{0.0};  ///< when the last packet taken has left the sender
};

}  // namespace breakeven
