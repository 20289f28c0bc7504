// An advice as the main job gives it: three links, two servers' codecs, two local platforms. The figures are made up,
// but they come out of the one cost function, so that they add up.
#pragma once

#include <algorithm>

#include "breakeven/plan/advice.h"
#include "breakeven/plan/cost.h"

namespace breakeven::example {

inline Plan local_plan(const std::string& platform, Seconds latency, const Powers& power) {
    Plan plan;
    plan.variant = as_given;
    plan.stages = {
        {.kind = StageKind::compute, .side = Side::device, .where = platform, .latency = {latency, Origin::measured}}};
    plan.cost = plan_cost(plan.stages, std::nullopt, power);
    plan.latency_p99 = latency * 1.2;
    return plan;
}

struct Offload {
    std::string codec;
    Bytes up;
    double measured_over_formula = 1.0;
};

inline Plan offload_plan(const LinkUse& use, const Offload& offload, const Powers& power) {
    const Crossing crossing{.link = use.profile, .payload = {.up = offload.up, .down = Bytes(4004)}};
    const ServerShare server{.queue = {Seconds(0.0002), Origin::measured},
                             .compute = {Seconds(0.0041), Origin::measured},
                             .platform = "grpc://127.0.0.1:45121"};
    const Shares shares{.device = {}, .server = server, .payload = crossing.payload};
    Plan plan;
    plan.kind = PlanKind::offload;
    plan.link = use.profile.name;
    plan.variant = as_given;
    plan.codec = offload.codec;
    plan.stages = modelled_stages(shares, {use.profile, {}});
    Seconds predicted{0.0};
    for (const Stage& stage : plan.stages) predicted += stage.latency.value;
    if (use.how != LinkUse::How::modelled) {
        plan.stages = measured_stages(predicted * offload.measured_over_formula, shares, {use.profile, {}});
        plan.predicted_latency = predicted;
        plan.latency_p99 = predicted * offload.measured_over_formula * 1.1;
    }
    plan.cost = plan_cost(plan.stages, crossing, power);
    if (plan.predicted_latency)
        plan.cost.latency.origin = Origin::measured;  // the whole was timed, only its parts modelled
    return plan;
}

inline Advice advice(const Powers& power = {.active = watts(5), .idle = watts(0.9)}) {
    Advice result;
    result.model_name = "mobilenet-v1-128";
    result.model_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for (const LinkProfile& profile : study_links()) {
        result.links.push_back({.profile = profile, .how = LinkUse::How::emulated, .reason = ""});
    }
    result.links[1].how = LinkUse::How::modelled;
    result.links[1].reason = "/dev/net/tun may not be opened here (run as root, or allow user namespaces)";
    for (const LinkUse& use : result.links) {
        result.plans.push_back(
            offload_plan(use, {.codec = "u8", .up = Bytes(49152), .measured_over_formula = 1.07}, power));
        result.plans.push_back(
            offload_plan(use, {.codec = "raw", .up = Bytes(196608), .measured_over_formula = 1.12}, power));
    }
    result.plans.push_back(local_plan("cpu:1", Seconds(0.058), power));
    result.plans.push_back(local_plan("cpu:2", Seconds(0.0312), power));
    result.plans.back().remarks = {"the device is modelled 8 times slower than this machine"};
    rank(result);
    result.warnings = {"this machine was busy while measuring: 12 % of its time went to others"};
    result.circumstances = {"breakeven 0.1.0, ONNX Runtime 1.31.1, Linux 6.12 on 2 x AMD EPYC",
                            "breakeven advise mobilenet-v1-128.onnx --active-power 5W --idle-power 0.9W --slowdown 8",
                            "100 inferences a plan, interleaved, after warm-up; TCP cubic"};
    return result;
}

struct ExampleVariant {
    std::string name;
    Seconds latency;
    Bytes size;
    PlanAccuracy accuracy;
};

/// The same with three compressed forms, as `--variant` and `--data` add them.
inline Advice advice_with_variants(const Powers& power = {.active = watts(5), .idle = watts(0.9)}) {
    Advice result = advice(power);
    result.files = {{.variant = std::string(as_given), .size = Bytes(17'000'000)}};
    const auto accuracy = [](double top1) { return PlanAccuracy{.top1 = top1, .drop = 0.706 - top1, .n = 500}; };
    for (const ExampleVariant& variant :
         {ExampleVariant{"mobilenet-q", Seconds(0.0161), Bytes(4'400'000), accuracy(0.704)},
          ExampleVariant{"mobilenet-pwq", Seconds(0.0163), Bytes(1'900'000), accuracy(0.668)},
          ExampleVariant{"mobilenet-sq", Seconds(0.0137), Bytes(4'600'000), accuracy(0.651)}}) {
        Plan plan = local_plan("cpu:2", variant.latency, power);
        plan.variant = variant.name;
        plan.accuracy = variant.accuracy;
        result.plans.push_back(plan);
        result.files.push_back({.variant = variant.name, .size = variant.size});
    }
    rank(result);
    return result;
}

}  // namespace breakeven::example
