// Departure times in virtual time: see shaper.h. Everything is counted in bytes that the line could have carried since
// 0: where the moment of arrival lies on that count, where the packets before end, and when it reaches this one's end.
#include "breakeven/emulator/shaper.h"

#include <algorithm>
#include <cmath>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr double headers = packet_size_max / packet_payload_max;

/// Half a byte of slack: products of doubles are not whole.
constexpr double slack = 0.5;

}  // namespace

Line line_of(const LinkProfile& link, Direction direction, Seconds queue) {
    const BytesPerSecond payload_rate = direction == Direction::up ? link.up : link.down;
    const BytesPerSecond rate = payload_rate * headers;
    return {.rate = rate,
            .delay = link.one_way_latency,
            .queue = Bytes(std::llround(rate.in(bytes_per_second)*queue.count()))};
}

Line line_of(const RecordedLink& link, Direction direction, const Playing& playing) {
    Capacity capacity = (direction == Direction::up ? link.up : link.down).scaled(headers);
    const BytesPerSecond rate = capacity.mean_rate();
    return {.rate = rate,
            .delay = link.round_trip_at(Seconds(0.0)) / 2,
            .queue = Bytes(std::llround(rate.in(bytes_per_second)*playing.queue.count())),
            .course = std::make_shared<const LineCourse>(LineCourse{
                .capacity = std::move(capacity), .round_trips = link.round_trips, .at_end = playing.at_end})};
}

Shaper::Shaper(const Line& line) : line_(line), luck_(line.seed) {
    const Loss& loss = line_.loss;
    BREAKEVEN_ASSERT(loss.share >= 0.0 && loss.share < 1.0 && loss.burst.value_or(1.0) >= 1.0);
}

double Shaper::place_at(Seconds moment) const {
    if (!line_.course) return line_.rate.in(bytes_per_second)*moment.count();
    const Capacity& capacity = line_.course->capacity;
    if (line_.course->at_end == AtEnd::down && moment >= capacity.duration()) return capacity.end().bytes;
    return capacity.place_at(moment).bytes;
}

std::optional<Seconds> Shaper::moment_of(double place) const {
    if (!line_.course) return Seconds(place / line_.rate.in(bytes_per_second));
    const Capacity& capacity = line_.course->capacity;
    if (line_.course->at_end == AtEnd::down && place > capacity.end().bytes + slack) return std::nullopt;
    return capacity.moment_of({place});
}

Seconds Shaper::delay_at(Seconds moment) const {
    if (!line_.course || line_.course->round_trips.empty()) return line_.delay;
    return round_trip_at(line_.course->round_trips, line_.course->capacity.duration(), moment) / 2;
}

bool Shaper::is_down(Seconds moment) const {
    return std::any_of(line_.outages.begin(), line_.outages.end(), [moment](const Outage& outage) {
        return moment >= outage.start && moment < outage.start + outage.length;
    });
}

bool Shaper::loses() {
    const Loss& loss = line_.loss;
    if (loss.share <= 0.0) return false;
    if (!loss.burst) return luck_.uniform() < loss.share;
    // In the long run the bad state has its share where share * out = (1 - share) * in.
    const double out = 1.0 / *loss.burst;
    const double in = std::min(1.0, loss.share / (1.0 - loss.share) * out);
    in_burst_ = luck_.uniform() < (in_burst_ ? 1.0 - out : in);
    return in_burst_;
}

std::optional<Seconds> Shaper::depart(Seconds arrival, Bytes size) {
    const double now = place_at(arrival);
    const double start = std::max(now, place_);
    const double end = start + static_cast<double>(size.count());
    const double waiting = start - now;
    if (waiting > slack &&
        waiting + static_cast<double>(size.count()) > static_cast<double>(line_.queue.count()) + slack) {
        return std::nullopt;
    }
    const std::optional<Seconds> left = moment_of(end);
    // Both are asked for every packet taken, so that outages do not change which later packets are lost.
    if (const bool unlucky = loses(); !left || unlucky || is_down(arrival) || is_down(*left)) {
        if (left) place_ = end;
        ++lost_;
        return std::nullopt;
    }
    place_ = end;
    last_arrival_ = std::max(last_arrival_, std::max(*left, arrival) + delay_at(*left));
    return last_arrival_;
}

}  // namespace breakeven
