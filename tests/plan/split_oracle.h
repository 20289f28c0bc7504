// Small random networks, and what each of their valid cuts costs, straight from the definition: every set of nodes
// that holds its own predecessors, one by one. Shares nothing with the search but the network itself.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "breakeven/plan/split_search.h"
#include "breakeven/time/random.h"

namespace breakeven::oracle {

struct Shape {
    std::size_t nodes_max = 12;
    bool pins = true;      ///< some nodes bound to a side, some inputs private
    bool encoding = true;  ///< tensors take time to encode and decode
    bool ties = true;      ///< small whole numbers, so that many cuts cost the same
};

/// A network as plain numbers and bit masks of nodes.
struct Network {
    struct Tensor {
        int producer = -1;
        std::uint32_t consumers = 0;
        SplitTensor numbers;
    };
    std::vector<SplitNode> nodes;
    std::vector<std::uint32_t> needs;  ///< by node, which nodes come right before it
    std::vector<Tensor> tensors;
    std::vector<Bytes> down;         ///< by node
    std::vector<bool> private_user;  ///< by node
    SplitGraph graph;
};

inline double amount(Random& random, bool ties) {
    if (ties) return static_cast<double>(random.below(4));
    const double heavy = random.exponential();
    return random.below(8) == 0 ? 0.0 : heavy * heavy * heavy;
}

/// For each node, those it needs: one node that branches out, branches of a node or two, one that joins them, again.
inline std::vector<std::vector<std::size_t>> diamonds(Random& random, std::size_t n) {
    std::vector<std::vector<std::size_t>> needs(1);
    while (needs.size() < n) {
        const std::size_t pivot = needs.size() - 1;
        std::vector<std::size_t> ends;
        for (std::uint64_t branch = 2 + random.below(2); branch > 0; --branch) {
            needs.push_back({pivot});
            if (random.below(2) == 0) needs.push_back({needs.size() - 1});
            ends.push_back(needs.size() - 1);
        }
        needs.push_back(ends);
    }
    needs.resize(n);
    return needs;
}

/// Several consumers, several outputs, nodes and tensors that cost nothing, long skip connections, islands.
inline Network random_network(Random& random, const Shape& shape) {
    Network network;
    const std::size_t n = 1 + random.below(shape.nodes_max);
    const bool ties = shape.ties && random.below(2) == 0;
    const std::size_t reach = 1 + random.below(n);  // 1: a chain; larger: wider, longer skips
    const auto tensor_numbers = [&] {
        SplitTensor numbers{.size = Bytes(static_cast<std::int64_t>(amount(random, ties) * (ties ? 1 : 1000)))};
        if (shape.encoding && random.below(3) == 0) {
            numbers.encode = Seconds(amount(random, ties));
            numbers.decode = Seconds(amount(random, ties));
            numbers.encode_energy = joules(amount(random, ties));
        }
        return numbers;
    };
    std::vector<SplitTensorId> ids;
    std::vector<bool> is_private;
    for (std::uint64_t i = 1 + random.below(2); i > 0; --i) {
        const bool hidden = shape.pins && random.below(8) == 0;
        network.tensors.push_back({.producer = -1, .consumers = 0, .numbers = tensor_numbers()});
        is_private.push_back(hidden);
        ids.push_back(
            network.graph.add_input(network.tensors.back().numbers, hidden ? Privacy::on_device : Privacy::open));
    }
    const std::vector<std::vector<std::size_t>> shaped = diamonds(random, n);
    const bool is_shaped = random.below(3) == 0;
    std::vector<std::size_t> first_made;  // by node
    for (std::size_t v = 0; v < n; ++v) {
        SplitNode node{.device = Seconds(amount(random, ties)),
                       .server = Seconds(amount(random, ties) / (random.below(3) == 0 ? 1 : 4)),
                       .cloud = Seconds(amount(random, ties) / (random.below(3) == 0 ? 1 : 8)),
                       .device_energy = joules(amount(random, ties)),
                       .weights = Bytes(static_cast<std::int64_t>(random.below(5)))};
        std::vector<SplitTensorId> needs;
        bool needs_private = false;
        network.needs.push_back(0);
        const auto need = [&](std::size_t t) {
            needs.push_back(ids[t]);
            network.tensors[t].consumers |= 1u << v;
            if (network.tensors[t].producer >= 0) network.needs[v] |= 1u << network.tensors[t].producer;
            needs_private = needs_private || is_private[t];
        };
        for (const std::size_t u : shaped[v]) {
            if (is_shaped) need(first_made[u]);
        }
        if (is_shaped && v == 0) need(0);
        for (std::uint64_t i = is_shaped ? random.below(6) / 5 : random.below(4);
             i > 0 || (needs.empty() && v > 0 && random.below(10) > 0); i -= i > 0) {
            const bool far_back = random.below(6) == 0;
            const std::size_t window = far_back ? ids.size() : std::min(ids.size(), reach);
            need(ids.size() - 1 - random.below(window));
        }
        if (shape.pins && random.below(12) == 0) {
            node.pin = random.below(2) == 0 ? Pin::device : needs_private ? Pin::none : Pin::server;
        }
        std::vector<SplitTensor> makes;
        first_made.push_back(network.tensors.size());
        for (std::uint64_t i = !is_shaped && random.below(8) == 0 ? 0 : 1 + random.below(5) / 3; i > 0; --i) {
            makes.push_back(tensor_numbers());
            network.tensors.push_back({.producer = static_cast<int>(v), .consumers = 0, .numbers = makes.back()});
            is_private.push_back(false);
        }
        network.graph.add_node(node, needs, makes);
        while (ids.size() < network.tensors.size()) ids.push_back(SplitTensorId(ids.size()));
        network.nodes.push_back(node);
        network.private_user.push_back(needs_private);
        network.down.emplace_back();
    }
    for (std::size_t t = 0; t < network.tensors.size(); ++t) {
        const bool is_last = network.tensors[t].consumers == 0;
        if (!(is_last ? random.below(4) > 0 : random.below(10) == 0)) continue;
        network.graph.mark_output(ids[t]);
        if (network.tensors[t].producer >= 0) {
            network.down[static_cast<std::size_t>(network.tensors[t].producer)] += network.tensors[t].numbers.size;
        }
    }
    return network;
}

inline SplitSums sums_of_mask(const Network& network, std::uint32_t device) {
    SplitSums sums;
    for (std::size_t v = 0; v < network.nodes.size(); ++v) {
        const SplitNode& node = network.nodes[v];
        if ((device >> v & 1) != 0) {
            sums.device += node.device;
            sums.device_energy += node.device_energy;
            sums.device_weights += node.weights;
            ++sums.device_nodes;
        } else {
            sums.server += node.server;
            sums.server_weights += node.weights;
            sums.down += network.down[v];
            ++sums.server_nodes;
        }
    }
    for (const Network::Tensor& tensor : network.tensors) {
        const bool is_made = tensor.producer < 0 || (device >> tensor.producer & 1) != 0;
        if (!is_made || (tensor.consumers & ~device) == 0) continue;
        sums.up += tensor.numbers.size;
        sums.device += tensor.numbers.encode;
        sums.server += tensor.numbers.decode;
        sums.device_energy += tensor.numbers.encode_energy;
    }
    return sums;
}

/// Whether every node of the set has its predecessors in it, and pins hold. Calls `visit(mask)` for each such set.
template <class Visit>
void for_each_cut(const Network& network, Visit visit) {
    const std::size_t n = network.nodes.size();
    std::uint32_t near = 0, far = 0;
    for (std::size_t v = 0; v < n; ++v) {
        if (network.nodes[v].pin == Pin::device || network.private_user[v]) near |= 1u << v;
        if (network.nodes[v].pin == Pin::server) far |= 1u << v;
    }
    const auto extend = [&](auto&& self, std::size_t v, std::uint32_t device) -> void {
        if (v == n) {
            if ((near & ~device) == 0 && (far & device) == 0) visit(device);
            return;
        }
        self(self, v + 1, device);
        if ((network.needs[v] & ~device) == 0) self(self, v + 1, device | 1u << v);
    };
    extend(extend, 0, 0);
}

inline SplitConditions random_conditions(Random& random) {
    const auto rate = [&] { return bytes_per_second(std::exp(12 * random.uniform() - 2)); };
    return {.up = rate(),
            .down = rate(),
            .round_trip = Seconds(static_cast<double>(random.below(3))),
            .queue = Seconds(random.below(2) == 0 ? 0.0 : random.exponential()),
            .server_slowdown = random.below(2) == 0 ? 1.0 : 3 * random.uniform(),
            .server_lanes = 1 + random.below(3),
            .device_idle = watts(random.uniform()),
            .up_energy = joules_per_byte(random.below(2) == 0 ? 0.0 : random.uniform() / 100),
            .down_energy = joules_per_byte(random.below(2) == 0 ? 0.0 : random.uniform() / 100),
            .radio_tail = joules(random.below(2) == 0 ? 0.0 : random.uniform())};
}

/// The study's formulas, written out.
inline double latency(const SplitSums& s, const SplitConditions& c) {
    double time = s.device.count() + c.server_slowdown * s.server.count();
    time += static_cast<double>(s.up.count()) / c.up.in(bytes_per_second);
    time += static_cast<double>(s.down.count()) / c.down.in(bytes_per_second);
    return s.server_nodes > 0 ? time + c.round_trip.count() + c.queue.count() : time;
}

inline double energy(const SplitSums& s, const SplitConditions& c) {
    double spent = s.device_energy.in(joules) + c.device_idle.in(watts) * (latency(s, c) - s.device.count());
    spent += static_cast<double>(s.up.count()) * c.up_energy.in(joules_per_byte);
    spent += static_cast<double>(s.down.count()) * c.down_energy.in(joules_per_byte);
    return s.server_nodes > 0 ? spent + c.radio_tail.in(joules) : spent;
}

inline double figure(const SplitSums& s, const SplitQuestion& q) {
    const SplitConditions& c = q.conditions;
    switch (q.goal) {
        case SplitGoal::latency: return latency(s, c);
        case SplitGoal::energy: return energy(s, c);
        case SplitGoal::energy_delay: return latency(s, c) * energy(s, c);
        case SplitGoal::bytes: return static_cast<double>((s.up + s.down).count());
        case SplitGoal::period:
            return std::max({s.device.count(), static_cast<double>(s.up.count()) / c.up.in(bytes_per_second),
                             static_cast<double>(s.down.count()) / c.down.in(bytes_per_second),
                             c.server_slowdown * s.server.count() / static_cast<double>(c.server_lanes)});
    }
    return 0;
}

inline bool allowed(const SplitSums& s, const SplitQuestion& q, double tolerance) {
    const SplitLimits& limits = q.limits;
    if (limits.use != SplitUse::any && s.server_nodes == 0) return false;
    if (limits.use == SplitUse::split && s.device_nodes == 0) return false;
    return (!limits.device_memory || s.device_weights <= *limits.device_memory) &&
           (!limits.server_memory || s.server_weights <= *limits.server_memory) &&
           (!limits.deadline || latency(s, q.conditions) <= limits.deadline->count() * (1 + tolerance)) &&
           (!limits.energy || energy(s, q.conditions) <= limits.energy->in(joules) * (1 + tolerance));
}

/// The least figure of any cut that is allowed; nothing when there is none.
inline std::optional<double> least(const Network& network, const SplitQuestion& question) {
    std::optional<double> best;
    for_each_cut(network, [&](std::uint32_t device) {
        const SplitSums sums = sums_of_mask(network, device);
        if (!allowed(sums, question, 1e-12)) return;
        const double cost = figure(sums, question);
        if (!best || cost < *best) best = cost;
    });
    return best;
}

}  // namespace breakeven::oracle
