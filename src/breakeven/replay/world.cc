// Plans through a recorded link: see world.h.
#include "breakeven/replay/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "breakeven/error.h"
#include "breakeven/time/random.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

/// Four months of a request a second; keeps the table of latencies within memory.
constexpr double requests_max = 1e7;

}  // namespace

World::World(const RecordedLink& link, const PlanTable& plans, const WorldOptions& options)
    : link_(link), plans_(plans), options_(options), points_(plans.points.size()) {
    Random arrivals(options.seed);
    first_ = arrivals.uniform() * options.period;
    const double count = std::ceil((link.duration - first_) / options.period);
    if (!(count >= 1.0) || count * static_cast<double>(points_) > requests_max) {
        throw Error(ErrorKind::usage, fmt::format("replay trace '{}'", link.name),
                    fmt::format("it lasts {}: with a request every {} that is none or too many; change --period",
                                to_text(link.duration), to_text(options.period)));
    }
    Random device(options.seed ^ 0xd1ce'0000'0000'0001ULL);
    Random server(options.seed ^ 0x5e12'0000'0000'0002ULL);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        luck_.push_back({.device = std::exp(options.device_noise * device.normal()),
                         .server = std::exp(options.server_noise * server.normal())});
    }
    for (std::size_t i = 0; i < luck_.size(); ++i) {
        for (std::size_t plan = 0; plan < points_; ++plan) {
            const PlanPoint& point = plans_.points[plan];
            latencies_.push_back(point.is_local() ? point.device * luck_[i].device
                                                  : remote(i, plan).finish - arrival(i));
        }
    }
}

Seconds World::arrival(std::size_t request) const {
    return first_ + static_cast<double>(request) * options_.period;
}

std::size_t World::request_at(Seconds arrival) const {
    const double place = std::round((arrival - first_) / options_.period);
    BREAKEVEN_ASSERT(place >= 0.0 && place < static_cast<double>(luck_.size()));
    return static_cast<std::size_t>(place);
}

Seconds World::local(std::size_t request) const {
    return plans_.fallback().device * luck_[request].device;
}

Seconds World::rescue(std::size_t request, std::size_t plan) const {
    return plans_.rescue(plan) * luck_[request].device;
}

RemoteRun World::remote(std::size_t request, std::size_t plan) const {
    const PlanPoint& point = plans_.points[plan];
    RemoteRun run;
    run.start = arrival(request);
    run.device = point.device * luck_[request].device;
    run.sending = run.start + run.device;
    run.round_trip = link_.round_trip_at(run.sending);
    const auto moves = [&](Bytes size) {
        return Sending{.window = options_.window, .size = size, .round_trip = run.round_trip};
    };
    run.sent = *sent(moves(point.payload.up), link_.up, run.sending);  // fill() refused links that carry nothing
    run.server = point.server * luck_[request].server;
    // Further round trips than one come before the last byte of the request, as far as the time goes.
    run.replying = run.sent + run.round_trip * (static_cast<double>(point.round_trips) - 0.5) + run.server;
    run.replied = *sent(moves(point.payload.down), link_.down, run.replying);
    run.finish = run.replied + run.round_trip / 2;
    return run;
}

Bytes World::acknowledged(const RemoteRun& run, Bytes size, Seconds now) const {
    const Seconds known = now - run.round_trip;
    if (known >= run.sent) return size;
    if (known <= run.sending) return Bytes(0);
    if (options_.window == SendWindow::open) {
        return std::min(size, link_.up.carried({.from = run.sending, .to = known}));
    }
    const double share = (known - run.sending) / (run.sent - run.sending);  // windows, taken as even
    return Bytes(static_cast<std::int64_t>(share * static_cast<double>(size.count())));
}

}  // namespace breakeven
