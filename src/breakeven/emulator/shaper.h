// Shaper: decides when a packet leaves the far end of one direction of a link, or that it is dropped. Pure: it is told
// the time. A line that sends one packet after another, at its rate or as a recording could, behind a queue of limited
// size, then a delay; on the way packets may be lost, one by one or in bursts, and the line may be down for a while.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "breakeven/link/profile.h"
#include "breakeven/link/trace.h"
#include "breakeven/time/random.h"

namespace breakeven {

/// The emulated interfaces' MTU, and what a full packet carries: 20 bytes of IPv4, 20 of TCP, 12 of time stamps (the
/// options that Linux sends) are the headers.
inline constexpr Bytes packet_size_max{1500};
inline constexpr Bytes packet_payload_max{1448};

/// What follows when a recording is over.
enum class AtEnd {
    repeat,  ///< it starts again
    down,    ///< nothing passes any more
};

/// What a line can carry as time goes on: one direction of a recording, in packets as they are on the wire.
struct LineCourse {
    Capacity capacity;                   ///< headers included
    std::vector<RoundTrip> round_trips;  ///< half of each is the delay; none: the line's own delay
    AtEnd at_end = AtEnd::repeat;
};

/// Packets lost on the way, after they took their place on the line. One by one: each with the same probability. In
/// bursts: a good and a bad state in turn, all packets of the bad one lost (Gilbert 1960, "Capacity of a burst-noise
/// channel", with nothing getting through in the bad state), so that `burst` is the mean number lost in a row.
struct Loss {
    double share = 0.0;  ///< of all packets, in the long run
    std::optional<double> burst{};
    friend bool operator==(const Loss&, const Loss&) = default;
};

/// The line is down from `start` on for `length`: what arrives or would leave meanwhile is lost.
struct Outage {
    Seconds start{0.0};
    Seconds length{0.0};
    friend bool operator==(const Outage&, const Outage&) = default;
};

/// One direction of a link, in packets as they are on the wire.
struct Line {
    BytesPerSecond rate;  ///< of packets, headers included; without meaning where there is a course
    Seconds delay{0.0};
    Bytes queue;  ///< packets that would make the queue longer than this are dropped
    std::shared_ptr<const LineCourse> course{};
    Loss loss{};
    std::vector<Outage> outages{};
    std::uint64_t seed = 1;  ///< of the losses
    friend bool operator==(const Line&, const Line&) = default;
};

enum class Direction { up, down };

/// The line that carries `link`'s payload rate in full packets: rate * 1500 / 1448. The queue holds what the line
/// sends in `queue`.
Line line_of(const LinkProfile& link, Direction direction, Seconds queue);

/// The same for a recording: the queue holds what the line sends in `queue` at the recording's mean rate.
struct Playing {
    Seconds queue{0.0};
    AtEnd at_end = AtEnd::repeat;
};
Line line_of(const RecordedLink& link, Direction direction, const Playing& playing);

class Shaper final {
   public:
    explicit Shaper(const Line& line);

    /// When the packet has arrived at the far end, or nothing: dropped, or lost. `arrival` never goes back; a course
    /// and outages begin at 0. An idle line takes any packet; a busy one while what waits (the rest of the packet
    /// being sent included) fits the queue. Packets stay in order, also when the delay shrinks.
    std::optional<Seconds> depart(Seconds arrival, Bytes size);

    /// Of the packets that did not arrive, those that the queue is not to blame for.
    std::int64_t lost() const { return lost_; }

   private:
    double place_at(Seconds moment) const;
    std::optional<Seconds> moment_of(double place) const;
    Seconds delay_at(Seconds moment) const;
    bool is_down(Seconds moment) const;
    bool loses();

    Line line_;
    Random luck_;
    double place_ = 0.0;  ///< on the line of all bytes it could carry, where the last packet taken ends
    Seconds last_arrival_{0.0};
    bool in_burst_ = false;
    std::int64_t lost_ = 0;
};

}  // namespace breakeven
