// Three tiers: see three_tiers.h.
#include "breakeven/advise/three_tiers.h"

#include "breakeven/advise/searched_network.h"
#include "breakeven/error.h"
#include "breakeven/measure/measurement.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/plan/split_tiers.h"

namespace breakeven {
namespace {

Seconds whole_time(const ModelFile& model, const ThreeTiersRequest& request, SplitTools& tools) {
    const auto runner = tools.engines.load(model.image, request.platform, {});
    PowerMeter meter{Powers{}};
    MeasureOptions options{.runs = request.runs, .stop = tools.stop};
    options.progress = [&](const Progress& p) {
        tools.progress("measuring the network: " + std::to_string(static_cast<int>(100 * p.fraction)) + " %");
    };
    const MeasurementSet set =
        measure({{.platform = request.platform, .runner = *runner, .inputs = sample_inputs(runner->inputs(), 1)}},
                options, tools.clock, meter);
    const Measurement& measurement = set.measurements.front();
    if (measurement.failure) throw *measurement.failure;
    if (!measurement.latency) throw Error(ErrorKind::unavailable, "measure the network", "it was interrupted");
    return measurement.latency->p50;
}

TiersQuestion question_of(const ThreeTiersRequest& request) {
    TiersQuestion question;
    question.goal = request.goal == SplitGoal::energy ? TiersGoal::energy : TiersGoal::latency;
    question.edge.up = request.edge.up;
    question.edge.down = request.edge.down;
    question.edge.round_trip = request.edge.one_way_latency * 2.0;
    question.edge.device_idle = request.power.idle.value_or(Watts{});
    question.edge.up_energy = request.edge.up_energy.value_or(JoulesPerByte{});
    question.edge.down_energy = request.edge.down_energy.value_or(JoulesPerByte{});
    question.cloud = {.up = request.cloud.up,
                      .down = request.cloud.down,
                      .round_trip = request.cloud.one_way_latency * 2.0,
                      .queue = {},
                      .slowdown = request.cloud_slowdown};
    return question;
}

void add_names(const SearchedNetwork& network, const std::vector<SplitTensorId>& ids, std::vector<std::string>& names,
               Bytes& size) {
    for (const SplitTensorId id : ids) {
        names.push_back(network.tensors[index(id)]);
        size += network.graph.tensor(id).size;
    }
}

}  // namespace

ThreeTiers find_three_tiers(const ModelFile& model, const ThreeTiersRequest& request, SplitTools& tools) {
    if (request.goal != SplitGoal::latency && request.goal != SplitGoal::energy) {
        throw Error(ErrorKind::usage, "split over three tiers", "the objective must be latency or energy");
    }
    const bool has_energy =
        request.power.active && request.power.idle && request.edge.up_energy && request.edge.down_energy;
    if (request.goal == SplitGoal::energy && !has_energy) {
        throw Error(ErrorKind::usage, "split over three tiers for energy",
                    "it needs the device's powers (--active-power, --idle-power) and a link with energy figures");
    }
    const Seconds whole = whole_time(model, request, tools);
    const SearchedNetwork network = searched_network(model.model, {.whole = whole,
                                                                   .slowdown = request.slowdown,
                                                                   .active = request.power.active,
                                                                   .private_inputs = request.private_inputs,
                                                                   .cloud = whole});
    const TiersQuestion question = question_of(request);
    const auto found = find_split_over_three_tiers(network.graph, question);
    BREAKEVEN_ASSERT(found.has_value());  // all on the device keeps every pin
    ThreeTiers result;
    for (std::size_t i = 0; i < found->cut.tiers.size(); ++i) {
        const SplitNode& node = network.graph.nodes()[i];
        switch (found->cut.tiers[i]) {
            case Tier::device: ++result.device.layers, result.device.compute += node.device; break;
            case Tier::server: ++result.edge.layers, result.edge.compute += node.server; break;
            case Tier::cloud: ++result.cloud.layers, result.cloud.compute += node.cloud * request.cloud_slowdown; break;
        }
    }
    add_names(network, found->cut.up, result.to_edge, result.to_edge_size);
    add_names(network, found->cut.to_cloud, result.to_cloud, result.to_cloud_size);
    result.latency = found->latency;
    result.energy = found->energy;
    result.alone = whole * request.slowdown;
    SplitQuestion two{.goal = request.goal, .conditions = question.edge};
    const SplitResult without = find_split(network.graph, two);
    if (without.answer) result.two_tiers = without.answer->figures.latency;
    return result;
}

}  // namespace breakeven
