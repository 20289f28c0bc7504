// The network as dense arrays, checked as it is built; and what follows from a choice of tiers by definition.
#include "breakeven/plan/split_graph.h"

#include <algorithm>
#include <cmath>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// No tensor or weight is a pebibyte, no node takes a century: beyond, sums would lose their last digits or overflow.
constexpr std::int64_t bytes_max = std::int64_t{1} << 50;
constexpr double seconds_max = 3e9;
/// Ids are 32 bits and the search needs a few spare values.
constexpr std::size_t count_max = std::size_t{1} << 28;

void check(bool holds, const char* reason) {
    if (!holds) throw Error(ErrorKind::input, "build the graph to split", reason);
}

bool is_sane(Seconds time) {
    return time.count() >= 0 && time.count() <= seconds_max;
}
bool is_sane(Bytes size) {
    return size.count() >= 0 && size.count() <= bytes_max;
}
bool is_sane(Joules energy) {
    return energy.in(joules) >= 0 && std::isfinite(energy.in(joules));
}

void check(const SplitTensor& tensor) {
    check(is_sane(tensor.size), "a tensor's size is negative or beyond a pebibyte");
    check(is_sane(tensor.encode) && is_sane(tensor.decode) && is_sane(tensor.encode_energy),
          "a tensor's encoding time or energy is negative or not finite");
}

void check(const SplitNode& node) {
    check(is_sane(node.device) && is_sane(node.server) && is_sane(node.cloud),
          "a node's time is negative or not finite");
    check(is_sane(node.device_energy), "a node's energy is negative or not finite");
    check(is_sane(node.weights), "a node's weights are negative or beyond a pebibyte");
}

}  // namespace

SplitTensorId SplitGraph::add_tensor(const SplitTensor& tensor, std::uint32_t producer) {
    tensors_.push_back(tensor);
    producers_.push_back(producer);
    is_output_.push_back(0);
    is_private_.push_back(0);
    return SplitTensorId(tensors_.size() - 1);
}

SplitTensorId SplitGraph::add_input(const SplitTensor& tensor, Privacy privacy) {
    check(tensor);
    check(tensors_.size() < count_max, "too many tensors");
    const SplitTensorId id = add_tensor(tensor, no_producer);
    is_private_.back() = privacy == Privacy::on_device ? 1 : 0;
    return id;
}

SplitNodeId SplitGraph::add_node(const SplitNode& node, std::span<const SplitTensorId> needs,
                                 std::span<const SplitTensor> makes) {
    check(node);
    for (const SplitTensor& tensor : makes) check(tensor);
    check(nodes_.size() < count_max && tensors_.size() + makes.size() < count_max, "too many nodes or tensors");
    Pin pin = node.pin;
    for (const SplitTensorId need : needs) {
        check(index(need) < tensors_.size(), "a node needs a tensor that no earlier node makes");
        if (is_private_[index(need)] == 0) continue;
        check(pin != Pin::server, "a node that may not run on the device needs an input that may not leave it");
        pin = Pin::device;
    }
    const std::uint32_t id = static_cast<std::uint32_t>(nodes_.size());
    const auto begin = static_cast<std::ptrdiff_t>(needs_.size());
    needs_.insert(needs_.end(), needs.begin(), needs.end());
    std::sort(needs_.begin() + begin, needs_.end());
    needs_.erase(std::unique(needs_.begin() + begin, needs_.end()), needs_.end());
    needs_begin_.push_back(needs_.size());
    made_first_.push_back(SplitTensorId(tensors_.size()));
    made_count_.push_back(static_cast<std::uint32_t>(makes.size()));
    for (const SplitTensor& tensor : makes) add_tensor(tensor, id);
    nodes_.push_back(node);
    pins_.push_back(pin);
    downloads_.emplace_back();
    return SplitNodeId(id);
}

void SplitGraph::mark_output(SplitTensorId tensor) {
    check(index(tensor) < tensors_.size(), "an output is a tensor that does not exist");
    if (is_output_[index(tensor)] != 0) return;
    is_output_[index(tensor)] = 1;
    // An input that is an output is on the device already.
    if (producers_[index(tensor)] != no_producer) downloads_[producers_[index(tensor)]] += tensors_[index(tensor)].size;
}

std::optional<SplitNodeId> SplitGraph::producer(SplitTensorId id) const {
    if (producers_[index(id)] == no_producer) return std::nullopt;
    return SplitNodeId(producers_[index(id)]);
}

bool is_forward(const SplitGraph& graph, std::span<const Tier> tiers) {
    if (tiers.size() != graph.node_count()) return false;
    for (std::size_t node = 0; node < tiers.size(); ++node) {
        if (graph.pins()[node] == Pin::device && tiers[node] != Tier::device) return false;
        if (graph.pins()[node] == Pin::server && tiers[node] == Tier::device) return false;
        for (const SplitTensorId need : graph.needs(SplitNodeId(node))) {
            const std::uint32_t producer = graph.producers()[index(need)];
            if (producer != SplitGraph::no_producer && tiers[producer] > tiers[node]) return false;
        }
    }
    return true;
}

SplitCut cut_of(const SplitGraph& graph, std::vector<Tier> tiers) {
    BREAKEVEN_ASSERT(is_forward(graph, tiers));
    SplitCut cut;
    std::vector<Tier> farthest(graph.tensor_count(), Tier::device);
    for (std::size_t node = 0; node < tiers.size(); ++node) {
        if (tiers[node] == Tier::device) continue;
        for (const SplitTensorId need : graph.needs(SplitNodeId(node))) {
            farthest[index(need)] = std::max(farthest[index(need)], tiers[node]);
        }
    }
    for (std::size_t tensor = 0; tensor < farthest.size(); ++tensor) {
        if (farthest[tensor] == Tier::device) continue;
        const std::uint32_t producer = graph.producers()[tensor];
        const Tier origin = producer == SplitGraph::no_producer ? Tier::device : tiers[producer];
        if (origin == Tier::device) cut.up.push_back(SplitTensorId(tensor));
        if (origin != Tier::cloud && farthest[tensor] == Tier::cloud) cut.to_cloud.push_back(SplitTensorId(tensor));
    }
    cut.tiers = std::move(tiers);
    return cut;
}

SplitSums sums_of(const SplitGraph& graph, std::span<const Tier> tiers) {
    return sums_of(graph, cut_of(graph, std::vector<Tier>(tiers.begin(), tiers.end())));
}

SplitSums sums_of(const SplitGraph& graph, const SplitCut& cut) {
    const std::vector<Tier>& tiers = cut.tiers;
    SplitSums sums;
    for (std::size_t i = 0; i < tiers.size(); ++i) {
        const SplitNode& node = graph.nodes()[i];
        if (tiers[i] == Tier::device) {
            sums.device += node.device;
            sums.device_energy += node.device_energy;
            sums.device_weights += node.weights;
            ++sums.device_nodes;
        } else {
            sums.server += node.server;
            sums.server_weights += node.weights;
            sums.down += graph.downloads()[i];
            ++sums.server_nodes;
        }
    }
    for (const SplitTensorId tensor : cut.up) {
        sums.up += graph.tensor(tensor).size;
        sums.device += graph.tensor(tensor).encode;
        sums.server += graph.tensor(tensor).decode;
        sums.device_energy += graph.tensor(tensor).encode_energy;
    }
    return sums;
}

}  // namespace breakeven
