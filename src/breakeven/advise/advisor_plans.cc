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
    plan.codec = "raw";
    return plan;
}

Seconds sum(const std::vector<Stage>& stages) {
    Seconds total{0.0};
    for (const Stage& stage : stages) total += stage.latency.value;
    return total;
}

}  // namespace

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

Plan modelled_plan(const Shares& shares, const Way& way, const PlanMaking& making) {
    Plan plan = plan_of(shares, way);
    plan.stages = modelled_stages(shares, way);
    plan.cost = plan_cost(plan.stages, Crossing{way.link, shares.payload}, making.power);
    if (shares.device) remark_slowdown(plan, making);
    return plan;
}

Plan measured_plan(const OffloadMeasurement& measured, const Shares& shares, const Way& way, const PlanMaking& making) {
    Plan plan = plan_of(shares, way);
    const Crossing crossing{way.link, shares.payload};
    plan.stages = measured_stages(measured.p50, shares, way);
    plan.cost = plan_cost(plan.stages, crossing, making.power);
    plan.cost.latency.origin = Origin::measured;  // the sum was measured; only its parts are told apart by the model
    plan.latency_p99 = measured.p99;
    if (measured.server) {
        plan.predicted_latency = sum(modelled_stages(shares, way));
    } else {
        plan.remarks.emplace_back("the server does not tell its compute time: it counts as overhead");
    }
    return plan;
}

Plan measured_split(const OffloadMeasurement& measured, const CutTimes& cut, const Platform& head,
                    const ServerWay& server, const PlanMaking& making) {
    BREAKEVEN_ASSERT(measured.head.has_value());
    // What a slower device would add was not measured, so it is added.
    const Seconds more = *measured.head * (making.slowdown - 1.0);
    Shares shares = shares_of(measured, cut.payload, server.server);
    shares.device =
        DeviceShare{.compute = {*measured.head * making.slowdown, device_origin(making)}, .platform = to_text(head)};
    Plan plan = plan_of(shares, server.way);
    plan.cut = cut.cut;
    plan.stages = measured_stages(measured.p50 + more, shares, server.way);
    plan.cost = plan_cost(plan.stages, Crossing{server.way.link, cut.payload}, making.power);
    plan.cost.latency.origin = device_origin(making);
    plan.latency_p99 = measured.p99 + more;
    plan.predicted_latency = sum(modelled_stages(expected_shares(cut, head, server.server, making), server.way));
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
