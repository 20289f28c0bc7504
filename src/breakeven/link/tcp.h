// What TCP makes of a transfer: the round trips that a small window costs a fresh or rested connection, and pacing.
// A model of Linux senders (initial window 10 segments of 1448 bytes) on a link that loses nothing and reorders
// nothing; eq. 2.2 (transfer.h) is its floor.
#pragma once

#include <cstdint>
#include <string_view>

#include "breakeven/link/transfer.h"

namespace breakeven {

/// What an Ethernet-sized packet carries with IPv4, TCP and time stamps: 1500 - 20 - 20 - 12.
inline constexpr Bytes tcp_segment{1448};
/// Segments a sender may have under way before the first acknowledgement: RFC 6928, Linux since 2.6.39.
inline constexpr std::int64_t tcp_initial_window = 10;

enum class Congestion { cubic, bbr, reno };
std::string_view name(Congestion congestion);
/// Throws Error{usage} for an unknown word.
Congestion parse_congestion(std::string_view text);

/// What holds a sender's window while its connection rests (wire/client.h does it, and decision 12 says why).
enum class Transport {
    plain,  ///< nothing: TCP as it is
    kept,   ///< bbr begins anew with each request, at the rate of the window that the last one left
    warm,   ///< tiny calls, so often that there is no rest
};
std::string_view name(Transport transport);
/// Throws Error{usage} for an unknown word.
Transport parse_transport(std::string_view text);

/// The connection that carries an exchange, and what it carried before.
struct TcpUse {
    enum class History {
        fresh,     ///< nothing: the handshake (one round trip more, not counted) has just been done
        warm,      ///< this exchange many times, one upon the other; then it rested for `rest`, once
        repeated,  ///< this exchange many times, each after a rest of `rest`
    };
    Congestion congestion = Congestion::cubic;
    History history = History::warm;
    Seconds rest{0.0};
    Transport transport = Transport::plain;  ///< of the device's sender; `warm` of the server's too
};

struct TcpTime {
    Seconds total{0.0};       ///< from the first byte of the request sent to the last byte of the reply received
    std::int64_t rounds = 1;  ///< round trips waited for: 1 is the least
    friend bool operator==(const TcpTime&, const TcpTime&) = default;
};

/// One request and its reply; the server answers at once.
///
/// cubic and reno send a window, then wait for its first acknowledgement; each acknowledged segment opens the window by
/// one (slow start, RFC 5681) until the link is never idle. After a rest longer than the retransmission time-out the
/// window halves once per time-out, down to the initial window (RFC 2861 as Linux does it: tcp_slow_start_after_idle).
/// cubic leaves slow start when a train of acknowledgements lasts half a round trip (HyStart, Ha & Rhee 2011).
/// bbr keeps its estimate of the rate while it rests. Kept busy only by this exchange, it measures N segments in the
/// round trip plus the time T it spread them over, and spreads the next over N / (gain * rate): so T settles at
/// RTT / (gain - 1), gain = 2 / ln 2 (Cardwell et al. 2016), unless the link itself takes longer.
///
/// `kept`: the window settles at gain requests, and bbr begins at gain windows a round trip, so that a request leaves in
/// RTT / gain^2, its first burst apart; `fresh` knows nothing of it.
TcpTime tcp_time(const LinkProfile& link, const Payload& payload, const TcpUse& use);

/// A request as it was sent on a connection that `kept` its window.
struct KeptSending {
    Seconds round_trip{0.0};
    Bytes size;
    Seconds took{0.0};  ///< until its last byte had left, without the round trip
};
/// `warm` where bbr's pacing was all that such a request waited for, and costs more than a twentieth of the round trip
/// and 0.3 ms: on fast and long links. Else `kept`, which needs no calls and no energy.
Transport better_transport(const KeptSending& sent);
/// What a request would take to leave on such a link.
KeptSending kept_sending(const LinkProfile& link, Bytes size);

/// The bytes that `warm` moves in so long a rest, within TCP: ten tiny calls a second.
Payload warm_traffic(Seconds rest);

/// The time over which bbr spreads a payload that it has sent many times, however fast the link (T above).
Seconds bbr_spread(Seconds round_trip, Bytes size);

}  // namespace breakeven
