// TCP's windows, round by round: see tcp.h.
#include "breakeven/link/tcp.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr double segment_bytes = static_cast<double>(tcp_segment.count());
constexpr double initial_window = static_cast<double>(tcp_initial_window);
/// Linux: TCP_RTO_MIN, added to the smoothed round trip while its variation is small.
constexpr Seconds timeout_floor{0.2};
/// HyStart in Linux: acknowledgements further apart are not of one train; smaller windows are left alone.
constexpr Seconds train_gap_max{2e-3};
constexpr double train_window_min = 16.0;
/// bbr's gain in its start-up phase, which an application that pauses never leaves.
constexpr double bbr_gain = 2.0 / std::numbers::ln2;
/// What bbr sends at once before it paces: Linux's least burst, two segments. Fitted: 2 to 3 were seen.
constexpr double bbr_burst = 2.0;
/// Exchanges after which a connection's window has settled: growth is by doubling, or by one a round up to the
/// payload's segments, whose last few percent change nothing.
constexpr int settling_exchanges = 200;

/// One direction: round trip, and its rate as the time a segment takes.
struct Path {
    Seconds round_trip;
    Seconds segment;
};

/// What a sender knows of its path; it lives as long as the connection.
struct Sender {
    double window = initial_window;
    double threshold = std::numeric_limits<double>::infinity();  ///< where slow start ends
    Seconds smoothed{0.0};                                       ///< round trip, queueing included
};

/// One payload on its way out.
struct Flight {
    Seconds duration{0.0};  ///< first byte sent until the last has left the bottleneck
    Seconds sending{0.0};   ///< first byte until the last was handed to the network
    std::int64_t rounds = 1;
};

/// One acknowledgement a segment: slow start grows by one each, congestion avoidance by one a window.
void acknowledge(Sender& sender, double segments, const Path& path, Congestion congestion) {
    if (sender.window >= sender.threshold) {
        if (segments >= sender.window) sender.window += 1.0;
        return;
    }
    const double half_trip = std::floor(path.round_trip / path.segment / 2.0) + 1.0;
    const bool train_too_long = congestion == Congestion::cubic && path.segment <= train_gap_max &&
                                sender.window >= train_window_min && segments >= half_trip;
    if (train_too_long) {
        // By then the window covers the path: it had half of it in flight, and got another half acknowledged.
        sender.window = std::max(sender.window + half_trip, path.round_trip / path.segment + 1.0);
        sender.threshold = sender.window;
        return;
    }
    sender.window = std::min(sender.window + segments, std::max(sender.threshold, sender.window));
}

/// Sends `bytes` by windows. A burst of W segments keeps the link busy for W segment times, and the next one starts
/// when the first acknowledgement is back.
Flight fly_by_window(Sender& sender, double bytes, const Path& path, Congestion congestion) {
    Flight flight;
    const double all = std::max(1.0, std::ceil(bytes / segment_bytes));
    const Seconds full_round = path.round_trip + path.segment;
    double left = all;
    Seconds start{0.0};
    while (left > sender.window && sender.window * path.segment < full_round) {
        const double burst = sender.window;
        left -= burst;
        start += full_round;
        ++flight.rounds;
        acknowledge(sender, burst, path, congestion);
    }
    const bool in_one_burst = left <= sender.window;
    const double window = sender.window;
    flight.duration = start + (bytes - (all - left) * segment_bytes) / segment_bytes * path.segment;
    if (in_one_burst && flight.rounds == 1) {
        // All at once: the last segment queues behind the others. Nothing held the sender up, so its window grows only
        // to twice what it had in flight (Linux: tcp_is_cwnd_limited).
        sender.smoothed = path.round_trip + left * path.segment;
        if (window < 2.0 * left) acknowledge(sender, left, path, congestion);
        sender.window = std::max(window, std::min(sender.window, 2.0 * left));
        return flight;
    }
    // Clocked by acknowledgements: two segments for each, so half of the burst waits in the queue.
    const double queued = in_one_burst ? left / 2.0 : window - path.round_trip / path.segment;
    sender.smoothed = path.round_trip + queued * path.segment;
    flight.sending = in_one_burst ? start + left / 2.0 * path.segment : std::max(start, flight.duration - full_round);
    acknowledge(sender, left, path, congestion);
    return flight;
}

/// Halves the window for each time-out that the sender was silent (Linux: tcp_cwnd_restart).
void rest(Sender& sender, Seconds silence) {
    const Seconds timeout = sender.smoothed + timeout_floor;
    // The threshold keeps what the window has reached.
    if (silence > timeout) sender.threshold = std::max(sender.threshold, 0.75 * sender.window);
    const double floor = std::min(initial_window, sender.window);
    for (silence -= timeout; silence.count() > 0.0 && sender.window > floor; silence -= timeout) {
        sender.window = std::max(floor, std::floor(sender.window / 2.0));
    }
}

Seconds round_trip_of(const LinkProfile& link) {
    return 2.0 * link.one_way_latency;
}

Path path_of(const LinkProfile& link, BytesPerSecond rate) {
    return {.round_trip = round_trip_of(link), .segment = Seconds(segment_bytes / rate.in(bytes_per_second))};
}

TcpTime exchange_of(const LinkProfile& link, const Flight& up, const Flight& down) {
    return {.total = round_trip_of(link) + up.duration + down.duration, .rounds = up.rounds + down.rounds - 1};
}

/// A connection under cubic or reno: two senders that remember.
class Connection final {
   public:
    Connection(const LinkProfile& link, const Payload& payload, Congestion congestion)
        : link_(link), payload_(payload), congestion_(congestion) {}

    TcpTime exchange() {
        up_ =
            fly_by_window(up_sender_, static_cast<double>(payload_.up.count()), path_of(link_, link_.up), congestion_);
        down_ = fly_by_window(down_sender_, static_cast<double>(payload_.down.count()), path_of(link_, link_.down),
                              congestion_);
        return exchange_of(link_, up_, down_);
    }

    /// A sender has been silent since its last segment went out, so through the rest of the exchange too.
    void rest(Seconds time) {
        const Seconds since_start = exchange_of(link_, up_, down_).total + time;
        breakeven::rest(up_sender_, since_start - up_.sending);
        breakeven::rest(down_sender_, since_start - down_.sending);
    }

   private:
    const LinkProfile& link_;
    const Payload& payload_;
    Congestion congestion_;
    Sender up_sender_;
    Sender down_sender_;
    Flight up_;
    Flight down_;
};

/// bbr on a path whose rate it has measured with payloads of this size: see tcp.h. The first burst is not paced:
///   T = (N - burst) / (gain * rate),  rate = N / (RTT + T)   =>   T = RTT * a / (gain - a),  a = 1 - burst / N
Seconds spread_of(Seconds round_trip, double bytes) {
    const double segments = std::max(1.0, bytes / segment_bytes);
    const double paced = std::max(0.0, 1.0 - bbr_burst / segments);
    return round_trip * (paced / (bbr_gain - paced));
}

Flight fly_paced(double bytes, const Path& path) {
    Flight flight;
    flight.duration = std::max(bytes / segment_bytes * path.segment, spread_of(path.round_trip, bytes));
    return flight;
}

/// bbr on a path it does not know: windows double as in slow start, but what it sends in a round is spread out by the
/// rate it saw acknowledged, which is that of the window two rounds earlier.
Flight fly_paced_fresh(double bytes, const Path& path) {
    const double all = std::max(1.0, std::ceil(bytes / segment_bytes));
    const Seconds full_round = path.round_trip + path.segment;
    Flight flight;
    double left = all;
    double window = initial_window;
    double window_seen = initial_window;  // two rounds ago
    Seconds start{0.0};
    while (left > window && window * path.segment < full_round) {
        left -= window;
        start += full_round;
        ++flight.rounds;
        if (flight.rounds > 3) window_seen *= 2.0;
        window *= 2.0;
    }
    const double left_segments = (bytes - (all - left) * segment_bytes) / segment_bytes;
    const Seconds spread = std::min(path.round_trip, path.round_trip * (left_segments / (bbr_gain * window_seen)));
    const bool paced = all > bbr_burst;
    flight.duration = start + std::max(left_segments * path.segment, paced ? spread : Seconds(0.0));
    return flight;
}

/// bbr that begins with each request: see tcp.h.
Seconds kept_spread(Seconds round_trip, double bytes) {
    const double segments = std::max(1.0, bytes / segment_bytes);
    const double window = std::max(initial_window, bbr_gain * segments);
    return round_trip * (std::max(0.0, segments - bbr_burst) / (bbr_gain * window));
}

Flight fly_kept(double bytes, const Path& path) {
    Flight flight;
    flight.duration = std::max(bytes / segment_bytes * path.segment, kept_spread(path.round_trip, bytes));
    return flight;
}

TcpTime bbr_time(const LinkProfile& link, const Payload& payload, TcpUse::History history) {
    const auto fly = history == TcpUse::History::fresh ? fly_paced_fresh : fly_paced;
    return exchange_of(link, fly(static_cast<double>(payload.up.count()), path_of(link, link.up)),
                       fly(static_cast<double>(payload.down.count()), path_of(link, link.down)));
}

}  // namespace

std::string_view name(Congestion congestion) {
    switch (congestion) {
        case Congestion::cubic: return "cubic";
        case Congestion::bbr: return "bbr";
        case Congestion::reno: return "reno";
    }
    return "cubic";
}

Congestion parse_congestion(std::string_view text) {
    for (const Congestion congestion : {Congestion::cubic, Congestion::bbr, Congestion::reno}) {
        if (text == name(congestion)) return congestion;
    }
    throw Error(ErrorKind::usage, fmt::format("read TCP congestion control '{}'", text), "it is cubic, bbr or reno");
}

std::string_view name(Transport transport) {
    switch (transport) {
        case Transport::plain: return "plain";
        case Transport::kept: return "kept";
        case Transport::warm: return "warm";
    }
    return "plain";
}

Transport parse_transport(std::string_view text) {
    for (const Transport transport : {Transport::plain, Transport::kept, Transport::warm}) {
        if (text == name(transport)) return transport;
    }
    throw Error(ErrorKind::usage, fmt::format("read transport '{}'", text), "it is plain, kept or warm");
}

TcpTime tcp_time(const LinkProfile& link, const Payload& payload, const TcpUse& use) {
    if (use.transport == Transport::warm) {
        return tcp_time(link, payload, {.congestion = use.congestion, .history = use.history, .rest = Seconds(0.0)});
    }
    if (use.transport == Transport::kept && use.history != TcpUse::History::fresh) {
        // The server's sender is as it would be.
        const TcpUse plain{.congestion = use.congestion, .history = use.history, .rest = use.rest};
        const TcpTime reply = tcp_time(link, {.up = Bytes(1), .down = payload.down}, plain);
        const Path up = path_of(link, link.up);
        return {.total = reply.total + fly_kept(static_cast<double>(payload.up.count()), up).duration -
                         up.segment / segment_bytes,
                .rounds = reply.rounds};
    }
    if (use.congestion == Congestion::bbr) return bbr_time(link, payload, use.history);
    Connection connection(link, payload, use.congestion);
    TcpTime time = connection.exchange();
    if (use.history == TcpUse::History::fresh) return time;
    const bool rests_always = use.history == TcpUse::History::repeated;
    for (int i = 0; i < settling_exchanges; ++i) {
        connection.rest(rests_always ? use.rest : Seconds(0.0));
        time = connection.exchange();
    }
    if (rests_always) return time;
    connection.rest(use.rest);
    return connection.exchange();
}

Transport better_transport(const KeptSending& sent) {
    const Seconds spread = kept_spread(sent.round_trip, static_cast<double>(sent.size.count()));
    const bool costs = spread > std::max(sent.round_trip / 20.0, Seconds(0.3e-3));
    const bool is_all = sent.took < 1.5 * spread;
    return costs && is_all ? Transport::warm : Transport::kept;
}

KeptSending kept_sending(const LinkProfile& link, Bytes size) {
    const Path up = path_of(link, link.up);
    return {
        .round_trip = up.round_trip, .size = size, .took = fly_kept(static_cast<double>(size.count()), up).duration};
}

Payload warm_traffic(Seconds rest) {
    constexpr double up_rate = 519.0;  // bytes a second, counted on the emulated link (decision 12)
    constexpr double down_rate = 446.0;
    return {.up = Bytes(std::llround(rest.count() * up_rate)), .down = Bytes(std::llround(rest.count() * down_rate))};
}

Seconds bbr_spread(Seconds round_trip, Bytes size) {
    return spread_of(round_trip, static_cast<double>(size.count()));
}

}  // namespace breakeven
