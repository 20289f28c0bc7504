// Two boundaries: device | beyond and edge | cloud. Each is a layer with its own costs; what a node pays is
// near1 or far1, plus near2 or far2, less far1 once, where near2 = far1 is its time at the edge.
#include "breakeven/plan/split_tiers.h"

#include <algorithm>
#include <limits>

#include "breakeven/error.h"
#include "breakeven/plan/cut_problem.h"
#include "breakeven/plan/min_cut.h"

namespace breakeven {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Layers {
    BoundaryCosts device;  ///< device or beyond
    BoundaryCosts edge;    ///< device and edge, or cloud
};

double number(Bytes size) {
    return static_cast<double>(size.count());
}

/// What a second of waiting, a second of the device, a joule of it and a byte on the first link count for.
struct Rates {
    double waiting = 0;
    double device_second = 0;
    double device_joule = 0;
    double byte_up = 0;
    double byte_down = 0;
    double offload = 0;
};

Rates rates_of(const TiersQuestion& question) {
    const SplitPrices prices =
        question.goal == TiersGoal::latency ? latency_prices(question.edge) : energy_prices(question.edge);
    return {.waiting = question.goal == TiersGoal::latency ? 1.0 : question.edge.device_idle.in(watts),
            .device_second = prices.device_second,
            .device_joule = prices.device_joule,
            .byte_up = prices.byte_up,
            .byte_down = prices.byte_down,
            .offload = prices.offload};
}

Layers layers_of(const SplitGraph& graph, const TiersQuestion& question) {
    const SplitPrices prices =
        question.goal == TiersGoal::latency ? latency_prices(question.edge) : energy_prices(question.edge);
    const Rates rates = rates_of(question);
    const double byte_on = rates.waiting / question.cloud.up.in(bytes_per_second);
    const double byte_back = rates.waiting / question.cloud.down.in(bytes_per_second);
    Layers layers{.device = boundary_costs(graph, prices), .edge = {}};
    layers.edge.near = layers.device.far;
    for (std::size_t i = 0; i < graph.node_count(); ++i) {
        layers.edge.far.push_back(rates.waiting * question.cloud.slowdown * graph.nodes()[i].cloud.count() +
                                  (rates.byte_down + byte_back) * number(graph.downloads()[i]));
    }
    for (const SplitTensor& tensor : graph.tensors()) layers.edge.tensor.push_back(byte_on * number(tensor.size));
    layers.edge.offload = rates.waiting * (question.cloud.round_trip + question.cloud.queue).count();
    return layers;
}

/// The cost of a choice of tiers by definition.
double cost_of(const SplitGraph& graph, const Layers& layers, const SplitCut& cut) {
    double cost = 0;
    Tier farthest = Tier::device;
    for (std::size_t i = 0; i < cut.tiers.size(); ++i) {
        farthest = std::max(farthest, cut.tiers[i]);
        cost += cut.tiers[i] == Tier::device   ? layers.device.near[i]
                : cut.tiers[i] == Tier::server ? layers.device.far[i]
                                               : layers.edge.far[i];
    }
    for (const SplitTensorId tensor : cut.up) cost += layers.device.tensor[index(tensor)];
    for (const SplitTensorId tensor : cut.to_cloud) cost += layers.edge.tensor[index(tensor)];
    BREAKEVEN_ASSERT(cut.tiers.size() == graph.node_count());
    if (farthest >= Tier::server) cost += layers.device.offload;
    if (farthest == Tier::cloud) cost += layers.edge.offload;
    return cost;
}

/// Cuts i <= j of a chain: device up to i, edge up to j. The best i for each j is a running minimum.
std::vector<Tier> best_prefixes(const SplitOrder& order, const Layers& layers) {
    const std::uint32_t n = order.free_count();
    std::vector<double> crossing_up(n + 2, 0.0), crossing_on(n + 2, 0.0);
    for (std::size_t t = 0; t < order.made_at().size(); ++t) {
        const std::uint32_t made = order.made_at()[t];
        const std::uint32_t last = order.last_at()[t];
        if (last <= made) continue;
        crossing_up[made] += layers.device.tensor[t];
        crossing_up[last] -= layers.device.tensor[t];
        crossing_on[made] += layers.edge.tensor[t];
        crossing_on[last] -= layers.edge.tensor[t];
    }
    double device = 0, edge = 0, cloud = 0;
    long double live_up = 0, live_on = 0;
    for (const std::uint32_t node : order.nodes()) cloud += layers.edge.far[node];
    for (std::size_t i = 0; i < order.device_count(); ++i) {
        const std::uint32_t node = order.nodes()[i];
        device += layers.device.near[node];
        edge += layers.device.far[node];
        cloud -= layers.edge.far[node];
    }
    struct Best {
        double cost = infinity;
        std::uint32_t cut = 0;
    };
    Best first;  // what the choice of i costs beyond the edge's own sum, which j decides
    Best whole;
    std::uint32_t whole_first = 0;
    for (std::uint32_t k = 0; k <= n; ++k) {
        if (k > 0) {
            const std::uint32_t node = order.node_at(k);
            device += layers.device.near[node];
            edge += layers.device.far[node];
            cloud -= layers.edge.far[node];
        }
        live_up += crossing_up[k];
        live_on += crossing_on[k];
        const double begin = device - edge + static_cast<double>(live_up) + (k < n ? layers.device.offload : 0.0);
        if (begin < first.cost) first = {begin, k};
        const double end = edge + cloud + static_cast<double>(live_on) + (k < n ? layers.edge.offload : 0.0);
        if (first.cost + end >= whole.cost) continue;
        whole = {first.cost + end, k};
        whole_first = first.cut;
    }
    std::vector<Tier> tiers(order.nodes().size(), Tier::device);
    for (std::uint32_t k = whole_first + 1; k <= n; ++k) {
        tiers[order.node_at(k)] = k <= whole.cut ? Tier::server : Tier::cloud;
    }
    return tiers;
}

/// The best cut of both boundaries at once, both round trips paid.
std::vector<Tier> best_stack(const SplitGraph& graph, const Layers& layers) {
    // The lower boundary has no pins to the server: a node that may not run on the device may run at the edge.
    std::vector<Pin> near_pins(graph.pins().begin(), graph.pins().end());
    std::replace(near_pins.begin(), near_pins.end(), Pin::server, Pin::none);
    const SplitOrder upper(graph, graph.pins());
    const SplitOrder lower(graph, near_pins);
    MinCut network;
    network.clear(0);
    const std::size_t upper_first = add_to(network, fold(graph, upper, layers.device).problem);
    const std::size_t lower_first = add_to(network, fold(graph, lower, layers.edge).problem);
    const auto is_open = [](const SplitOrder& order, std::uint32_t at) { return at > 0 && at < order.end(); };
    for (std::size_t node = 0; node < graph.node_count(); ++node) {
        const std::uint32_t up = upper.position(node);
        const std::uint32_t low = lower.position(node);
        if (!is_open(upper, up) || !is_open(lower, low)) continue;
        // What is on the device is not in the cloud.
        network.add_arc({.from = static_cast<std::uint32_t>(upper_first + up - 1),
                         .to = static_cast<std::uint32_t>(lower_first + low - 1),
                         .cost = MinCut::unlimited,
                         .back_cost = 0});
    }
    network.solve();
    std::vector<Tier> tiers(graph.node_count());
    for (std::size_t node = 0; node < tiers.size(); ++node) {
        const std::uint32_t up = upper.position(node);
        const std::uint32_t low = lower.position(node);
        const bool on_device = up == 0 || (is_open(upper, up) && network.is_source_side(upper_first + up - 1));
        const bool not_cloud = low == 0 || network.is_source_side(lower_first + low - 1);
        tiers[node] = on_device ? Tier::device : not_cloud ? Tier::server : Tier::cloud;
    }
    return tiers;
}

}  // namespace

TiersAnswer cost_of_tiers(const SplitGraph& graph, const TiersQuestion& question, std::vector<Tier> tiers) {
    TiersAnswer answer{.cut = cut_of(graph, std::move(tiers)), .latency = {}, .energy = {}};
    TiersQuestion other = question;
    other.goal = TiersGoal::latency;
    answer.latency = Seconds(cost_of(graph, layers_of(graph, other), answer.cut));
    other.goal = TiersGoal::energy;
    answer.energy = joules(cost_of(graph, layers_of(graph, other), answer.cut));
    return answer;
}

std::optional<TiersAnswer> find_split_over_three_tiers(const SplitGraph& graph, const TiersQuestion& question) {
    check(question.edge);
    SplitConditions second{.up = question.cloud.up, .down = question.cloud.down};
    second.round_trip = question.cloud.round_trip;
    second.queue = question.cloud.queue;
    second.server_slowdown = question.cloud.slowdown;
    check(second);
    const Layers layers = layers_of(graph, question);
    SplitEffort effort;
    BoundarySearch search(graph, graph.pins());
    // Without the cloud: only the first round trip. With it, both are paid, and what does not use it costs no less.
    std::optional<BoundaryCut> without_cloud = search.solve(layers.device, SplitUse::any, effort);
    if (!without_cloud) return std::nullopt;
    const bool is_chain = search.order().is_chain() && search.order().server_count() == 0;
    std::vector<Tier> tiers = is_chain ? best_prefixes(search.order(), layers) : best_stack(graph, layers);
    if (cost_of(graph, layers, cut_of(graph, tiers)) > cost_of(graph, layers, cut_of(graph, without_cloud->tiers))) {
        tiers = std::move(without_cloud->tiers);
    }
    return cost_of_tiers(graph, question, std::move(tiers));
}

}  // namespace breakeven
