// What a transfer over a link takes by the study's formula: round trip plus bytes over rate. No protocol: see tcp.h.
#pragma once

#include <optional>

#include "breakeven/link/profile.h"

namespace breakeven {

/// What one offloaded inference moves.
struct Payload {
    Bytes up;
    Bytes down;
    friend bool operator==(const Payload&, const Payload&) = default;
};

/// The parts of an exchange; they follow one another.
struct TransferTime {
    Seconds rtt{0.0};
    Seconds up{0.0};
    Seconds down{0.0};
    Seconds total() const { return rtt + up + down; }
};

/// t_RTT = 2 * t_latency; t_network = t_RTT + s_input / B_up + s_result / B_down (Frennborn & Oliv 2022, 2.1 and 2.2).
TransferTime transfer_time(const LinkProfile& link, const Payload& payload);

/// E_network = s_input * e_up + s_result * e_down (ibid., 2.4). They print s / e: a misprint, e is in joules per byte.
/// Nothing when the link has no energy figures.
std::optional<Joules> network_energy(const LinkProfile& link, const Payload& payload);

}  // namespace breakeven
