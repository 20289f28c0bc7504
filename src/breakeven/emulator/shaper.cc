// Departure times in virtual time: see shaper.h.
#include "breakeven/emulator/shaper.h"

#include <algorithm>
#include <cmath>

namespace breakeven {

Line line_of(const LinkProfile& link, Direction direction, Seconds queue) {
    const BytesPerSecond payload_rate = direction == Direction::up ? link.up : link.down;
    const BytesPerSecond rate = payload_rate * (packet_size_max / packet_payload_max);
    return {.rate = rate,
            .delay = link.one_way_latency,
            .queue = Bytes(std::llround(rate.in(bytes_per_second)*queue.count()))};
}

std::optional<Seconds> Shaper::depart(Seconds arrival, Bytes size) {
    const Seconds start = std::max(arrival, free_at_);
    const double waiting = (start - arrival).count() * line_.rate.in(bytes_per_second);
    // Half a byte of slack: the products of doubles above are not whole.
    if (waiting > 0.0 && waiting + static_cast<double>(size.count()) > static_cast<double>(line_.queue.count()) + 0.5) {
        return std::nullopt;
    }
    free_at_ = start + size / line_.rate;
    return free_at_ + line_.delay;
}

}  // namespace breakeven
