// The one cost function: see cost.h.
#include "breakeven/plan/cost.h"

#include <fmt/format.h>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// Less than this is the model's rounding, not TCP.
constexpr Seconds tcp_least{1e-5};

/// The energy, or the reason why it is not known.
struct Energy {
    std::optional<Figure<Joules>> value;
    std::string reason;
};

Energy unknown(std::string reason) {
    return {.value = std::nullopt, .reason = std::move(reason)};
}

Energy device_energy(Seconds computing, Seconds waiting, const Powers& power) {
    if (computing.count() > 0 && !power.active) {
        return unknown("the device's active power is not known (--active-power or --device)");
    }
    if (waiting.count() > 0 && !power.idle) {
        return unknown("the device's idle power is not known (--idle-power or --device)");
    }
    Joules energy;
    if (computing.count() > 0) energy += computing * *power.active;
    if (waiting.count() > 0) energy += waiting * *power.idle;
    return {.value = Figure<Joules>{energy, Origin::modelled}, .reason = ""};
}

Stage stage(StageKind kind, Side side, const std::string& where, Figure<Seconds> latency) {
    return {.kind = kind, .side = side, .where = where, .latency = latency};
}

}  // namespace

Cost plan_cost(const std::vector<Stage>& stages, const std::optional<Crossing>& crossing, const Powers& power) {
    BREAKEVEN_ASSERT(!stages.empty());
    Cost cost;
    cost.latency = stages.front().latency;
    Seconds computing{0.0};
    Seconds waiting{0.0};
    for (std::size_t i = 0; i < stages.size(); ++i) {
        if (i > 0) cost.latency = cost.latency + stages[i].latency;
        (stages[i].side == Side::device ? computing : waiting) += stages[i].latency.value;
    }
    Energy energy = device_energy(computing, waiting, power);
    if (crossing) {
        cost.up = crossing->payload.up;
        cost.down = crossing->payload.down;
        const std::optional<Joules> network =
            network_energy(crossing->link, {.up = crossing->payload.up + crossing->between.up,
                                            .down = crossing->payload.down + crossing->between.down});
        if (!network) {
            energy = unknown(fmt::format("link '{}' has no energy figures", crossing->link.name));
        } else if (energy.value) {
            energy.value->value += *network;
        }
    }
    cost.energy = energy.value;
    cost.energy_reason = energy.reason;
    return cost;
}

std::vector<Stage> stages_here(const DeviceShare& device) {
    return {stage(StageKind::compute, Side::device, device.platform, device.compute)};
}

std::vector<Stage> modelled_stages(const Shares& shares, const Way& way) {
    BREAKEVEN_ASSERT(shares.server.has_value());
    const ServerShare& server = *shares.server;
    const TransferTime time = transfer_time(way.link, shares.payload);
    const std::string& link = way.link.name;
    std::vector<Stage> stages;
    if (shares.device) stages = stages_here(*shares.device);
    if (shares.coding) {
        stages.push_back(stage(StageKind::encode, Side::device, shares.coding->codec, shares.coding->encode));
    }
    stages.push_back(stage(StageKind::round_trip, Side::link, link, {time.rtt, Origin::modelled}));
    stages.push_back(stage(StageKind::upload, Side::link, link, {time.up, Origin::modelled}));
    if (way.tcp) {
        const Seconds more = tcp_time(way.link, shares.payload, *way.tcp).total - time.total();
        if (more > tcp_least) stages.push_back(stage(StageKind::tcp, Side::link, link, {more, Origin::modelled}));
    }
    stages.push_back(stage(StageKind::queue, Side::server, server.platform, server.queue));
    if (shares.coding) {
        stages.push_back(stage(StageKind::decode, Side::server, shares.coding->codec, shares.coding->decode));
    }
    stages.push_back(stage(StageKind::compute, Side::server, server.platform, server.compute));
    stages.push_back(stage(StageKind::download, Side::link, link, {time.down, Origin::modelled}));
    return stages;
}

std::vector<Stage> measured_stages(Seconds total, const Shares& shares, const Way& way) {
    std::vector<Stage> stages = modelled_stages(shares, way);
    Seconds explained{0.0};
    for (const Stage& part : stages) explained += part.latency.value;
    if (explained <= total) {
        stages.push_back(stage(StageKind::overhead, Side::link, way.link.name, {total - explained, Origin::measured}));
        return stages;
    }
    // The device's own share was timed by itself: it shrinks only where even it is longer than all.
    Seconds device = shares.device ? shares.device->compute.value : Seconds(0.0);
    if (shares.coding) device += shares.coding->encode.value;
    const bool keeps = device < total;
    const double shrink = keeps ? (total - device) / (explained - device) : total / explained;
    for (Stage& part : stages) {
        if (!keeps || part.side != Side::device) part.latency.value *= shrink;
    }
    return stages;
}

}  // namespace breakeven
