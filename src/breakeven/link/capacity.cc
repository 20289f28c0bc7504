// Bytes carried as a line of corners: see capacity.h.
#include "breakeven/link/capacity.h"

#include <algorithm>
#include <cmath>

#include "breakeven/error.h"

namespace breakeven {

Capacity Capacity::of_steps(std::span<const Step> steps, Seconds duration) {
    BREAKEVEN_ASSERT(!steps.empty() && steps.front().start.count() == 0.0 && steps.back().start < duration);
    std::vector<double> times{0.0};
    std::vector<double> bytes{0.0};
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const Seconds end = i + 1 < steps.size() ? steps[i + 1].start : duration;
        BREAKEVEN_ASSERT(end > steps[i].start);
        times.push_back(end.count());
        bytes.push_back(bytes.back() + steps[i].rate.in(bytes_per_second) * (end - steps[i].start).count());
    }
    return {std::move(times), std::move(bytes), duration};
}

Capacity Capacity::of_packets(std::span<const Seconds> moments, Seconds duration, Bytes packet) {
    BREAKEVEN_ASSERT(!moments.empty() && moments.front().count() >= 0.0 && moments.back() <= duration);
    const auto size = static_cast<double>(packet.count());
    std::vector<double> times{0.0};
    std::vector<double> bytes{0.0};
    for (std::size_t i = 0; i < moments.size();) {
        std::size_t next = i;
        while (next < moments.size() && moments[next] == moments[i]) ++next;
        times.insert(times.end(), 2, moments[i].count());
        bytes.push_back(bytes.back());
        bytes.push_back(bytes.back() + static_cast<double>(next - i) * size);
        i = next;
    }
    times.push_back(duration.count());
    bytes.push_back(bytes.back());
    return {std::move(times), std::move(bytes), duration};
}

double Capacity::bytes_by(double time) const {
    const double rounds = std::floor(time / duration_.count());
    const double rest = std::clamp(time - rounds * duration_.count(), 0.0, duration_.count());
    const auto corner = std::lower_bound(times_.begin(), times_.end(), rest);
    const auto i = static_cast<std::size_t>(corner - times_.begin());
    double bytes = bytes_[i];
    if (i > 0) {
        const double part = (rest - times_[i - 1]) / (times_[i] - times_[i - 1]);
        bytes = bytes_[i - 1] + part * (bytes_[i] - bytes_[i - 1]);
    }
    return rounds * bytes_.back() + bytes;
}

double Capacity::time_of(double bytes) const {
    double rounds = std::floor(bytes / bytes_.back());
    // After very many rounds the difference of products is no longer within one.
    double rest = std::clamp(bytes - rounds * bytes_.back(), 0.0, bytes_.back());
    if (rest <= 0.0 && rounds > 0.0) {  // the end of a round, not the silence that may follow
        rounds -= 1.0;
        rest = bytes_.back();
    }
    const auto corner = std::lower_bound(bytes_.begin(), bytes_.end(), rest);
    const auto i = static_cast<std::size_t>(corner - bytes_.begin());
    double time = times_[i];
    if (i > 0) {
        const double part = (rest - bytes_[i - 1]) / (bytes_[i] - bytes_[i - 1]);
        time = times_[i - 1] + part * (times_[i] - times_[i - 1]);
    }
    return rounds * duration_.count() + time;
}

std::optional<Seconds> Capacity::finish(Seconds start, Bytes size) const {
    if (size.count() <= 0) return start;
    if (!carries()) return std::nullopt;
    return std::max(start, Seconds(time_of(bytes_by(start.count()) + static_cast<double>(size.count()))));
}

Capacity::Place Capacity::place_at(Seconds moment) const {
    return {bytes_by(moment.count())};
}

std::optional<Seconds> Capacity::moment_of(Place place) const {
    if (!carries()) return std::nullopt;
    return Seconds(time_of(place.bytes));
}

Bytes Capacity::carried(const Span& span) const {
    if (span.to <= span.from) return Bytes(0);
    return Bytes(static_cast<std::int64_t>(bytes_by(span.to.count()) - bytes_by(span.from.count())));
}

BytesPerSecond Capacity::mean_rate(const Span& span) const {
    BREAKEVEN_ASSERT(span.to > span.from);
    return bytes_per_second((bytes_by(span.to.count()) - bytes_by(span.from.count())) / (span.to - span.from).count());
}

BytesPerSecond Capacity::mean_rate() const {
    return bytes_per_second(bytes_.back() / duration_.count());
}

Capacity Capacity::scaled(double share) const {
    BREAKEVEN_ASSERT(std::isfinite(share) && share > 0.0);
    Capacity copy = *this;
    for (double& bytes : copy.bytes_) bytes *= share;
    return copy;
}

}  // namespace breakeven
