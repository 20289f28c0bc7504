// Plans out of measurements: see advisor_plans.h.
#include "breakeven/advise/advisor_plans.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

#include "breakeven/error.h"

namespace breakeven {
namespace {

Origin device_origin(const PlanMaking& making) {
    return making.slowdown == 1.0 ? Origin::measured : Origin::modelled;
}

void remark_slowdown(Plan& plan, const PlanMaking& making) {
    if (making.slowdown == 1.0) return;
    plan.remarks.push_back(fmt::format("modelled: {:g} times what was measured here", making.slowdown));
}

Plan plan_of(const Shares& shares, const Way& way) {
    Plan plan;
    plan.kind = shares.device ? PlanKind::split : PlanKind::offload;
    plan.link = way.link.name;
    plan.codec = shares.coding ? shares.coding->codec : "raw";
    if (way.tcp) plan.transport = way.tcp->transport;
    return plan;
}

/// What crosses, and what crosses in between.
Crossing crossing_of(const Shares& shares, const Way& way) {
    const bool warm = way.tcp && way.tcp->transport == Transport::warm;
    return {.link = way.link, .payload = shares.payload, .between = warm ? warm_traffic(way.tcp->rest) : Payload{}};
}

/// What a slower device would add to the coding that was measured here.
Seconds slower_coding(const Shares& shares, const PlanMaking& making) {
    return shares.coding ? shares.coding->encode.value * (1.0 - 1.0 / making.slowdown) : Seconds(0.0);
}

}  // namespace

Seconds sum(const std::vector<Stage>& stages) {
    Seconds total{0.0};
    for (const Stage& stage : stages) total += stage.latency.value;
    return total;
}

Plan local_plan(const LocalMeasurement& measured, const PlanMaking& making) {
    Plan plan;
    plan.kind = PlanKind::local;
    const std::optional<SlowedTimes>& slowed = measured.slowed.times;
    const Figure<Seconds> compute = slowed ? Figure<Seconds>{slowed->p50, Origin::measured}
                                           : Figure<Seconds>{measured.p50 * making.slowdown, device_origin(making)};
    plan.stages = stages_here({.compute = compute, .platform = to_text(measured.platform)});
    plan.cost = plan_cost(plan.stages, std::nullopt, making.power);
    plan.latency_p99 = slowed ? slowed->p99 : measured.p99 * making.slowdown;
    if (slowed) {
        plan.remarks.push_back(fmt::format("slowed down {:g} times by a CPU quota: {:.3g} times what was measured here",
                                           making.slowdown, slowed->p50 / measured.p50));
    } else {
        remark_slowdown(plan, making);
        if (!measured.slowed.reason.empty()) plan.remarks.push_back("no CPU quota: " + measured.slowed.reason);
    }
    if (measured.from_store) plan.remarks.emplace_back("from an earlier measurement");
    return plan;
}

Shares shares_of(const Plan& local) {
    BREAKEVEN_ASSERT(local.kind == PlanKind::local && local.stages.size() == 1);
    const Stage& stage = local.stages.front();
    return {.device = DeviceShare{.compute = stage.latency, .platform = stage.where}, .server = {}, .payload = {}};
}

Shares shares_of(const OffloadMeasurement& measured, const Payload& payload, const std::string& server) {
    const ServerTimes told = measured.server.value_or(ServerTimes{.queue = {}, .compute = {}});
    return {.device = {},
            .server = ServerShare{.queue = {told.queue, Origin::measured},
                                  .compute = {told.compute, Origin::measured},
                                  .platform = server},
            .payload = payload};
}

Shares expected_shares(const CutTimes& cut, const Platform& head, const std::string& server, const PlanMaking& making) {
    return {.device = DeviceShare{.compute = {cut.measured.head * making.slowdown, device_origin(making)},
                                  .platform = to_text(head)},
            .server = ServerShare{.queue = {Seconds(0), Origin::modelled},
                                  .compute = {cut.measured.tail, Origin::measured},
                                  .platform = server},
            .payload = cut.payload};
}

Shares with_coding(Shares plain, const CodecTrial& trial, const PlanMaking& making) {
    plain.payload.up = trial.up_p50;
    plain.coding = CodingShare{.encode = {trial.encode * making.slowdown, device_origin(making)},
                               .decode = {trial.decode, Origin::measured},
                               .codec = trial.codec};
    return plain;
}

Plan modelled_plan(const Shares& shares, const Way& way, const PlanMaking& making) {
    Plan plan = plan_of(shares, way);
    plan.stages = modelled_stages(shares, way);
    plan.cost = plan_cost(plan.stages, crossing_of(shares, way), making.power);
    if (shares.device) remark_slowdown(plan, making);
    return plan;
}

Plan measured_plan(const OffloadMeasurement& measured, const Shares& shares, const Way& way, const PlanMaking& making) {
    Plan plan = plan_of(shares, way);
    const Seconds more = slower_coding(shares, making);
    plan.stages = measured_stages(measured.p50 + more, shares, way);
    plan.cost = plan_cost(plan.stages, crossing_of(shares, way), making.power);
    // The sum was measured; only its parts are told apart by the model.
    plan.cost.latency.origin = shares.coding ? device_origin(making) : Origin::measured;
    plan.latency_p99 = measured.p99 + more;
    if (shares.coding) remark_slowdown(plan, making);
    if (measured.server) {
        plan.predicted_latency = sum(modelled_stages(shares, way));
    } else {
        plan.remarks.emplace_back("the server does not tell its compute time: it counts as overhead");
    }
    return plan;
}

Plan measured_split(const OffloadMeasurement& measured, const CutTimes& cut, const Platform& head,
                    const ServerWay& server, const PlanMaking& making, const CodecTrial* coded) {
    BREAKEVEN_ASSERT(measured.head.has_value());
    const auto if_coded = [&](Shares plain) { return coded == nullptr ? plain : with_coding(plain, *coded, making); };
    Shares shares = if_coded(shares_of(measured, cut.payload, server.server));
    shares.device =
        DeviceShare{.compute = {*measured.head * making.slowdown, device_origin(making)}, .platform = to_text(head)};
    // What a slower device would add was not measured, so it is added.
    const Seconds more = *measured.head * (making.slowdown - 1.0) + slower_coding(shares, making);
    Plan plan = plan_of(shares, server.way);
    plan.cut = cut.cut;
    plan.stages = measured_stages(measured.p50 + more, shares, server.way);
    plan.cost = plan_cost(plan.stages, crossing_of(shares, server.way), making.power);
    plan.cost.latency.origin = device_origin(making);
    plan.latency_p99 = measured.p99 + more;
    const Shares expected = if_coded(expected_shares(cut, head, server.server, making));
    plan.predicted_latency = sum(modelled_stages(expected, server.way));
    remark_slowdown(plan, making);
    return plan;
}

Seconds expected_overhead(const std::vector<Plan>& plans, const std::string& link, Bytes up) {
    std::map<Bytes, Seconds> known;
    for (const Plan& plan : plans) {
        if (plan.kind != PlanKind::offload || plan.link != link || !plan.predicted_latency) continue;
        known[plan.cost.up] = std::max(plan.cost.latency.value - *plan.predicted_latency, Seconds(0));
    }
    if (known.empty()) return Seconds(0);
    const auto above = known.lower_bound(up);
    if (above == known.begin()) return above->second;
    const auto below = std::prev(above);
    if (above == known.end()) return below->second;
    const double share = (up - below->first) / (above->first - below->first);
    return below->second + (above->second - below->second) * share;
}

Deploy deployed_over(const Deployed& deployed, std::int64_t inferences) {
    return {.size = deployed.sent, .time = {deployed.time, Origin::measured}, .energy = {}, .inferences = inferences};
}

bool needs_sending(const std::string& variant) {
    return variant != as_given;
}

std::string variant_title(const std::string& variant, const std::string& plan) {
    return variant == as_given ? plan : variant + " " + plan;
}

Platform server_platform() {
    return {.engine = "onnxruntime",
            .unit = "cpu",
            .number = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))};
}

}  // namespace breakeven
