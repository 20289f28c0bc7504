// Windows at a constant rate and through a recording: see window.h.
#include "breakeven/link/window.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/error.h"
#include "breakeven/link/tcp.h"

namespace breakeven {
namespace {

/// A window that no link of today fills; slow start ends there at the latest.
constexpr std::int64_t window_segments_max = std::int64_t{1} << 24;

/// Slow start (RFC 5681), as in tcp.cc: a window goes out; when its first segment is acknowledged before all of it has
/// left, the link is never idle again, else the next window, twice as large, waits for that acknowledgement.
/// `finish(start, size)` is when `size` bytes handed over at `start` have left; nothing if never.
template <class Finish>
std::optional<Seconds> slow_start(const Sending& sending, Seconds start, Finish finish) {
    std::int64_t left = sending.size.count();
    for (std::int64_t window = tcp_initial_window;; window = std::min(2 * window, window_segments_max)) {
        const std::int64_t burst = window * tcp_segment.count();
        const std::optional<Seconds> end = finish(start, Bytes(std::min(left, burst)));
        if (left <= burst || !end) return end;
        const std::optional<Seconds> first_left = finish(start, tcp_segment);
        const Seconds acknowledged = *first_left + sending.round_trip;
        if (acknowledged <= *end) return finish(start, Bytes(left));
        left -= burst;
        start = acknowledged;
    }
}

}  // namespace

std::string_view name(SendWindow window) {
    switch (window) {
        case SendWindow::open: return "warm";
        case SendWindow::initial: return "slow start";
        case SendWindow::paced: return "bbr";
    }
    return "warm";
}

SendWindow parse_send_window(std::string_view text) {
    if (text == "warm") return SendWindow::open;
    if (text == "cubic" || text == "reno") return SendWindow::initial;
    if (text == "bbr") return SendWindow::paced;
    throw Error(ErrorKind::usage, fmt::format("read the connection's state '{}'", text),
                "it is warm (kept warm), cubic or reno (slow start after each rest), or bbr");
}

Seconds sending_time(const Sending& sending, BytesPerSecond rate) {
    const auto finish = [&](Seconds start, Bytes size) { return std::optional<Seconds>(start + size / rate); };
    switch (sending.window) {
        case SendWindow::open: return sending.size / rate;
        case SendWindow::initial: return *slow_start(sending, Seconds(0.0), finish);
        case SendWindow::paced: return std::max(sending.size / rate, bbr_spread(sending.round_trip, sending.size));
    }
    return sending.size / rate;
}

std::optional<Seconds> sent(const Sending& sending, const Capacity& capacity, Seconds start) {
    if (sending.size.count() <= 0) return start;
    if (sending.window == SendWindow::initial) {
        return slow_start(sending, start, [&](Seconds from, Bytes size) { return capacity.finish(from, size); });
    }
    const std::optional<Seconds> end = capacity.finish(start, sending.size);
    if (!end || sending.window == SendWindow::open) return end;
    return std::max(*end, start + bbr_spread(sending.round_trip, sending.size));
}

}  // namespace breakeven
