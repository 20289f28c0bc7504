// Probe: what the link to a real server is like: round-trip time and rates, from timed calls of the protocol itself.
// A rate is the difference of two sizes over the difference of their times, so that what each call costs cancels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "breakeven/time/clock.h"
#include "breakeven/units/units.h"
#include "breakeven/wire/client.h"

namespace breakeven {

struct ProbeLimits {
    /// All of it ends within about this time. Longer steadies the figures of slow links.
    Seconds time{8.0};
    /// At most this much is sent, and received, in one call. Larger steadies the figures of fast links.
    Bytes call_max{std::int64_t{8} << 20};
};

struct Rate {
    std::optional<BytesPerSecond> rate;
    std::string reason;  ///< why there is none; empty when there is
};

struct LinkProbe {
    /// Of the smallest of several tiny calls: the link's, and some tens of microseconds of both ends' handling.
    Seconds round_trip{0.0};
    /// How long TCP's own handshake took: no handling by a server in it.
    Seconds connect{0.0};
    /// Payload of tensors, from here to the server, and back.
    Rate up, down;
    std::string server;  ///< what it calls itself
};

/// `client` is the server's. Throws Error{unavailable} when the server cannot be reached or goes away.
LinkProbe probe_link(Client& client, Clock& clock, const ProbeLimits& limits = {});

}  // namespace breakeven
