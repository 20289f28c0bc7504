// Split figures: see split_figures.h.
#include "breakeven/advise/split_figures.h"

#include <algorithm>

#include "breakeven/link/tcp.h"

namespace breakeven {

SplitLatency latency_over(const Way& way, const PartTimes& times, const Payload& payload, double slowdown) {
    if (times.tail == Seconds(0)) return {.head = times.head * slowdown};
    const Seconds transfer =
        way.tcp ? tcp_time(way.link, payload, *way.tcp).total : transfer_time(way.link, payload).total();
    return {.head = times.head * slowdown, .transfer = transfer, .tail = times.tail};
}

SplitFigures figures_over(const Way& way, const PartTimes& times, const Payload& payload,
                          const SplitTimesRequest& request) {
    const SplitLatency latency = latency_over(way, times, payload, request.slowdown);
    const Seconds waiting = latency.transfer + latency.tail;
    SplitFigures figures{.latency = latency.total(),
                         .energy = {},
                         .period = std::max(latency.head, latency.tail),
                         .up = payload.up,
                         .down = payload.down};
    if (times.tail > Seconds(0)) {
        const TransferTime parts = transfer_time(way.link, payload);
        figures.period = std::max({figures.period, parts.up, parts.down});
        if (const auto network = network_energy(way.link, payload)) figures.energy += *network;
    }
    if (request.power.active) figures.energy += latency.head * *request.power.active;
    if (request.power.idle) figures.energy += waiting * *request.power.idle;
    return figures;
}

double goal_figure(const SplitFigures& figures, SplitGoal goal) {
    switch (goal) {
        case SplitGoal::latency: return figures.latency.count();
        case SplitGoal::energy: return figures.energy.in(joules);
        case SplitGoal::energy_delay: return figures.energy_delay().in(joule_seconds);
        case SplitGoal::bytes: return static_cast<double>((figures.up + figures.down).count());
        case SplitGoal::period: return figures.period.count();
    }
    return figures.latency.count();
}

}  // namespace breakeven
