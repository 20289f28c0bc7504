// Network: a model's graph, opened for change. Every step of a recipe takes a Network, changes it, and `finish` makes a
// checked Model of it again.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "breakeven/model/model.h"
#include "breakeven/tensor/tensor.h"

namespace breakeven {

class Network final {
   public:
    /// A copy of the model's graph. Values of Constant nodes become initializers. Throws Error{input} for a model whose
    /// weights lie beside it (with_weights_inside() first).
    explicit Network(const Model& model);

    onnx::ModelProto& proto() { return proto_; }
    onnx::GraphProto& graph() { return *proto_.mutable_graph(); }
    const onnx::GraphProto& graph() const { return proto_.graph(); }

    // Weights: initializers by name.

    bool is_stored(const std::string& tensor) const { return stored_.contains(tensor); }
    /// Whether it is a stored float32 tensor.
    bool has_weights(const std::string& tensor) const;
    /// Dimensions of a stored tensor. Requires that it is one.
    Shape weights_shape(const std::string& tensor) const;
    /// Its numbers, row-major. Requires has_weights(). Valid until the tensor is set or the network dies.
    std::span<const float> weights(const std::string& tensor) const;
    /// Puts new numbers, and a new shape, in place of the old. Who else uses the tensor sees them too: see own_weights.
    void set_weights(const std::string& tensor, const Shape& shape, std::span<const float> values);
    /// A new stored tensor of any type, with `bytes` row-major; returns its name, `name` itself where that is free.
    std::string add_stored(const std::string& name, DType dtype, const Shape& shape, std::span<const std::byte> bytes);
    std::string add_weights(const std::string& name, const Shape& shape, std::span<const float> values);
    /// Makes input `index` of the node a stored tensor that nobody else uses, copying it where it was shared.
    void own_weights(onnx::NodeProto& node, int index);

    // Structure. Pointers stay valid until nodes are removed.

    /// The node that makes a tensor; null for an input, a stored tensor, an unknown name.
    onnx::NodeProto* producer(const std::string& tensor);
    /// The nodes of the main graph that take a tensor, each once, in the order of the graph.
    std::vector<onnx::NodeProto*> consumers(const std::string& tensor);
    /// Whether a subgraph takes it, or it is an output of the network: then it must stay as it is.
    bool is_seen_outside(const std::string& tensor) const;
    /// What is known of a tensor inside, for one sample, of the model that was opened.
    std::optional<TensorSpec> tensor(const std::string& name) const { return origin_.tensor(name); }

    /// A name like `wish` that is not taken yet.
    std::string fresh(const std::string& wish);
    /// A new node at the end of the graph (finish() sorts), with fresh names for itself and its one output.
    onnx::NodeProto& add_node(const std::string& op, const std::vector<std::string>& inputs,
                              const std::string& output_wish);
    /// Every taker of `from`, and the list of outputs, takes `to` instead.
    void rewire(const std::string& from, const std::string& to);
    /// Calls for consumers and producers are answered from an index; whoever changed inputs or outputs of nodes by hand
    /// calls this before asking again.
    void changed() { indexed_ = false; }

    /// Removes nodes and stored tensors that no output needs, sorts the nodes, checks, infers. `name` as for
    /// Model::parse. Throws Error{internal} when the result is no sound model.
    Model finish() const;

   private:
    void index();

    Model origin_;
    onnx::ModelProto proto_;
    std::unordered_map<std::string, int> stored_;  ///< initializer by name
    std::unordered_set<std::string> taken_;
    bool indexed_ = false;
    std::unordered_map<std::string, int> producer_;
    std::unordered_map<std::string, std::vector<int>> consumers_;
};

// Attributes of a node, with ONNX's default when it is not set.
std::int64_t integer_attribute(const onnx::NodeProto& node, std::string_view name, std::int64_t otherwise);
std::vector<std::int64_t> integers_attribute(const onnx::NodeProto& node, std::string_view name);
float float_attribute(const onnx::NodeProto& node, std::string_view name, float otherwise);
void set_attribute(onnx::NodeProto& node, const std::string& name, std::int64_t value);
void set_attribute(onnx::NodeProto& node, const std::string& name, std::span<const std::int64_t> values);
void set_attribute(onnx::NodeProto& node, const std::string& name, float value);

}  // namespace breakeven
