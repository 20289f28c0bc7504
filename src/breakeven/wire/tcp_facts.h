// TcpFacts: what the kernel knows of one TCP connection (tcp(7), TCP_INFO): nobody has to be asked, nothing is sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "breakeven/units/units.h"

namespace breakeven {

struct TcpFacts {
    bool established = false;
    Seconds age{0.0};         ///< since the connection was made
    Seconds round_trip{0.0};  ///< smoothed
    Seconds round_trip_variation{0.0};
    std::optional<Seconds> round_trip_min;  ///< of the last minutes
    /// The latest sample of the rate at which data arrived; nothing before the first.
    std::optional<BytesPerSecond> delivery_rate;
    /// The sample was limited by how little there was to send: the link may be faster.
    bool delivery_rate_is_lower_bound = false;
    Bytes window;              ///< congestion window
    Bytes segment;             ///< largest payload of a packet
    Bytes sent;                ///< by us, repetitions included
    Bytes repeated;            ///< of them, sent again
    Bytes acked;               ///< since the connection was made
    Bytes queued;              ///< given to the kernel and not acknowledged
    Bytes unsent;              ///< of these, not sent yet
    Bytes received;            ///< from the peer
    int timeouts = 0;          ///< in a row, without a sign of life since the first
    Seconds since_sent{0.0};   ///< since the last data left, to the millisecond
    Seconds since_acked{0.0};  ///< since the last acknowledgement came
    std::string congestion_control;
};

/// Of this socket; nothing where it is not TCP or the system does not tell. `age` is the caller's to fill in.
std::optional<TcpFacts> tcp_facts(int socket);

}  // namespace breakeven
