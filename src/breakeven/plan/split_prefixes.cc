// One pass from all on the server to all on the device.
#include "breakeven/plan/split_prefixes.h"

namespace breakeven {
namespace {

/// What crosses, as it changes from one prefix to the next.
struct Live {
    Bytes up;
    long double encode = 0;
    long double decode = 0;
    long double energy = 0;

    void add(const SplitTensor& tensor, int times) {
        up += tensor.size * times;
        encode += times * static_cast<long double>(tensor.encode.count());
        decode += times * static_cast<long double>(tensor.decode.count());
        energy += times * static_cast<long double>(tensor.encode_energy.in(joules));
    }
    void add(const Live& other) {
        up += other.up;
        encode += other.encode;
        decode += other.decode;
        energy += other.energy;
    }
};

/// Sums that only nodes make up, in extended precision, for nodes are added here and taken off there.
struct NodeTotals {
    long double time = 0;
    long double energy = 0;
    Bytes weights, down;
    std::size_t count = 0;
};

}  // namespace

std::vector<SplitSums> prefix_sums(const SplitGraph& graph, const SplitOrder& order) {
    const std::uint32_t n = order.free_count();
    std::vector<Live> changes(n + 2);
    for (std::size_t t = 0; t < graph.tensor_count(); ++t) {
        if (order.last_at()[t] <= order.made_at()[t]) continue;
        changes[order.made_at()[t]].add(graph.tensors()[t], 1);
        changes[order.last_at()[t]].add(graph.tensors()[t], -1);
    }
    NodeTotals device, server;
    const auto to_device = [&](std::uint32_t node) {
        device.time += graph.nodes()[node].device.count();
        device.energy += graph.nodes()[node].device_energy.in(joules);
        device.weights += graph.nodes()[node].weights;
        ++device.count;
    };
    const auto to_server = [&](std::uint32_t node, int times) {
        server.time += times * static_cast<long double>(graph.nodes()[node].server.count());
        server.weights += graph.nodes()[node].weights * times;
        server.down += graph.downloads()[node] * times;
        server.count = times > 0 ? server.count + 1 : server.count - 1;
    };
    for (std::size_t i = 0; i < order.device_count(); ++i) to_device(order.nodes()[i]);
    for (std::size_t i = order.device_count(); i < order.nodes().size(); ++i) to_server(order.nodes()[i], 1);
    std::vector<SplitSums> sums;
    sums.reserve(n + 1);
    Live live;
    for (std::uint32_t k = 0; k <= n; ++k) {
        if (k > 0) {
            to_device(order.node_at(k));
            to_server(order.node_at(k), -1);
        }
        live.add(changes[k]);
        sums.push_back({.device = Seconds(static_cast<double>(device.time + live.encode)),
                        .server = Seconds(static_cast<double>(server.time + live.decode)),
                        .device_energy = joules(static_cast<double>(device.energy + live.energy)),
                        .up = live.up,
                        .down = server.down,
                        .device_weights = device.weights,
                        .server_weights = server.weights,
                        .device_nodes = device.count,
                        .server_nodes = server.count});
    }
    return sums;
}

std::vector<Tier> prefix_tiers(const SplitOrder& order, std::size_t free_nodes) {
    std::vector<Tier> tiers(order.nodes().size(), Tier::server);
    for (std::size_t i = 0; i < order.device_count() + free_nodes; ++i) tiers[order.nodes()[i]] = Tier::device;
    return tiers;
}

bool is_used(const SplitSums& sums, SplitUse use) {
    return (use == SplitUse::any || sums.server_nodes > 0) && (use != SplitUse::split || sums.device_nodes > 0);
}

}  // namespace breakeven
