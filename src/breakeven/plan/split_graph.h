// SplitGraph: a network as the split search sees it: what each node costs on each tier, what each tensor weighs on a
// link. Nodes are added in an order in which they could run, so the graph is acyclic by construction.
// Weights and constants live on both sides and are no tensors here; fold nodes that depend on nothing else away first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "breakeven/units/units.h"

namespace breakeven {

enum class SplitNodeId : std::uint32_t {};
enum class SplitTensorId : std::uint32_t {};
constexpr std::size_t index(SplitNodeId id) {
    return static_cast<std::size_t>(id);
}
constexpr std::size_t index(SplitTensorId id) {
    return static_cast<std::size_t>(id);
}

/// Where a node runs. With two tiers there is no cloud.
enum class Tier : std::uint8_t { device, server, cloud };

/// What a node may not do: a node pinned to the server may not run on the device (with three tiers: server or cloud).
enum class Pin : std::uint8_t { none, device, server };

struct SplitNode {
    Seconds device{};
    Seconds server{};
    Seconds cloud{};         ///< used by the search over three tiers only
    Joules device_energy{};  ///< what the device spends when the node runs there
    Bytes weights{};         ///< memory wherever it runs; a weight that several nodes share counts for each
    Pin pin = Pin::none;
};

/// A tensor, as it would cross a link: once, however many consumers it has there.
struct SplitTensor {
    Bytes size;        ///< encoded
    Seconds encode{};  ///< on the device
    Seconds decode{};  ///< on the server, as slow there as the nodes are
    Joules encode_energy{};
};

/// Whether a graph input may leave the device. A private one keeps all its consumers there.
enum class Privacy : std::uint8_t { open, on_device };

class SplitGraph final {
   public:
    /// An input of the network: made on the device, before any node.
    SplitTensorId add_input(const SplitTensor& tensor, Privacy privacy = Privacy::open);
    /// `needs`: tensors that exist already, repeats allowed; `makes`: its outputs. Throws Error{input} for a time, size
    /// or energy that is negative, not finite or absurd, or a tensor that does not exist.
    SplitNodeId add_node(const SplitNode& node, std::span<const SplitTensorId> needs,
                         std::span<const SplitTensor> makes);
    /// An output of the network: where the server makes it, it comes back over the link.
    void mark_output(SplitTensorId tensor);

    std::size_t node_count() const { return nodes_.size(); }
    std::size_t tensor_count() const { return tensors_.size(); }
    const SplitNode& node(SplitNodeId id) const { return nodes_[index(id)]; }
    const SplitTensor& tensor(SplitTensorId id) const { return tensors_[index(id)]; }
    std::span<const SplitNode> nodes() const { return nodes_; }
    std::span<const SplitTensor> tensors() const { return tensors_; }
    /// The tensors that a node needs, each once.
    std::span<const SplitTensorId> needs(SplitNodeId id) const {
        return {needs_.data() + needs_begin_[index(id)], needs_begin_[index(id) + 1] - needs_begin_[index(id)]};
    }
    /// The ids of the tensors that a node makes follow one another: made_first(id) .. made_first(id) + made_count(id).
    SplitTensorId made_first(SplitNodeId id) const { return made_first_[index(id)]; }
    std::size_t made_count(SplitNodeId id) const { return made_count_[index(id)]; }
    /// Nothing for an input.
    std::optional<SplitNodeId> producer(SplitTensorId id) const;
    /// The producer's index, or no_producer: for loops over all tensors.
    std::span<const std::uint32_t> producers() const { return producers_; }
    static constexpr std::uint32_t no_producer = ~std::uint32_t{0};
    bool is_output(SplitTensorId id) const { return is_output_[index(id)] != 0; }
    /// What comes back over the link when the server runs this node.
    std::span<const Bytes> downloads() const { return downloads_; }
    /// The pins of the nodes, and of those that need a private input.
    std::span<const Pin> pins() const { return pins_; }

   private:
    SplitTensorId add_tensor(const SplitTensor& tensor, std::uint32_t producer);

    std::vector<SplitNode> nodes_;
    std::vector<Pin> pins_;
    std::vector<Bytes> downloads_;
    std::vector<std::size_t> needs_begin_{0};
    std::vector<SplitTensorId> needs_;
    std::vector<SplitTensorId> made_first_;
    std::vector<std::uint32_t> made_count_;
    std::vector<SplitTensor> tensors_;
    std::vector<std::uint32_t> producers_;
    std::vector<std::uint8_t> is_output_;
    std::vector<std::uint8_t> is_private_;
};

/// Everything an objective over two tiers is made of. All sums are linear in the set of device nodes.
struct SplitSums {
    Seconds device{};  ///< nodes and encoding there, one after another
    Seconds server{};  ///< nodes and decoding there, before any slow-down
    Joules device_energy{};
    Bytes up;
    Bytes down;
    Bytes device_weights;
    Bytes server_weights;
    std::size_t device_nodes = 0;
    std::size_t server_nodes = 0;
    bool offloads() const { return server_nodes > 0; }
    friend bool operator==(const SplitSums&, const SplitSums&) = default;
};

/// Which node runs where, by node; and what crosses.
struct SplitCut {
    std::vector<Tier> tiers;
    std::vector<SplitTensorId> up;        ///< tensors that leave the device, each once
    std::vector<SplitTensorId> to_cloud;  ///< with three tiers: tensors that go on to the cloud, each once
};

/// Nothing ever goes back: every node runs on the tier of its needs or on a later one, and pins are kept.
bool is_forward(const SplitGraph& graph, std::span<const Tier> tiers);
/// The cut that a forward choice of tiers makes.
SplitCut cut_of(const SplitGraph& graph, std::vector<Tier> tiers);
/// The sums of a cut over two tiers.
SplitSums sums_of(const SplitGraph& graph, const SplitCut& cut);
SplitSums sums_of(const SplitGraph& graph, std::span<const Tier> tiers);

}  // namespace breakeven
