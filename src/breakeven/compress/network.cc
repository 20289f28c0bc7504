// Network: see network.h.
#include "breakeven/compress/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "breakeven/error.h"
#include "breakeven/model/graph_index.h"
#include "breakeven/model/onnx_tensor.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {

namespace {

using onnx::AttributeProto;
using onnx::GraphProto;
using onnx::NodeProto;
using onnx::TensorProto;

/// All stored float32 numbers as raw bytes, so that one way of reading them is enough.
void store_raw(TensorProto& tensor) {
    if (tensor.data_type() != TensorProto::FLOAT || tensor.has_raw_data()) return;
    tensor.set_raw_data(tensor.float_data().data(), static_cast<std::size_t>(tensor.float_data_size()) * sizeof(float));
    tensor.clear_float_data();
}

bool is_plain_constant(const NodeProto& node) {
    const AttributeProto* value = attribute_of(node, "value");
    return is_standard(node) && node.op_type() == "Constant" && value != nullptr && value->has_t();
}

void constants_to_stored(GraphProto& graph) {
    auto& nodes = *graph.mutable_node();
    int kept = 0;
    for (int i = 0; i < nodes.size(); ++i) {
        if (is_plain_constant(nodes.Get(i))) {
            TensorProto& stored = *graph.add_initializer();
            stored = attribute_of(nodes.Get(i), "value")->t();
            stored.set_name(nodes.Get(i).output(0));
        } else {
            nodes.SwapElements(kept++, i);
        }
    }
    nodes.DeleteSubrange(kept, nodes.size() - kept);
}

/// Before IR 4 every stored tensor was an input too; as such it could not be removed when it is not needed.
void inputs_without_defaults(GraphProto& graph) {
    std::unordered_set<std::string> stored;
    for (const auto& tensor : graph.initializer()) stored.insert(tensor.name());
    auto& inputs = *graph.mutable_input();
    int kept = 0;
    for (int i = 0; i < inputs.size(); ++i) {
        if (!stored.contains(inputs.Get(i).name())) inputs.SwapElements(kept++, i);
    }
    inputs.DeleteSubrange(kept, inputs.size() - kept);
}

/// Removes from the lists what no output needs.
void remove_unused(GraphProto& graph) {
    const GraphIndex index = index_of(graph);
    std::unordered_set<std::string> needed;
    for (const auto& output : graph.output()) needed.insert(output.name());
    auto& nodes = *graph.mutable_node();
    std::vector<bool> kept(static_cast<std::size_t>(nodes.size()), false);
    for (int i = nodes.size() - 1; i >= 0; --i) {
        const auto& outputs = nodes.Get(i).output();
        if (std::none_of(outputs.begin(), outputs.end(), [&](const auto& o) { return needed.contains(o); })) continue;
        kept[static_cast<std::size_t>(i)] = true;
        for (const std::string_view need : index.needs[static_cast<std::size_t>(i)]) needed.emplace(need);
    }
    int next = 0;
    for (int i = 0; i < nodes.size(); ++i) {
        if (kept[static_cast<std::size_t>(i)]) nodes.SwapElements(next++, i);
    }
    nodes.DeleteSubrange(next, nodes.size() - next);
    auto& stored = *graph.mutable_initializer();
    next = 0;
    for (int i = 0; i < stored.size(); ++i) {
        if (needed.contains(stored.Get(i).name())) stored.SwapElements(next++, i);
    }
    stored.DeleteSubrange(next, stored.size() - next);
}

/// Nodes in an order in which each comes after what it needs; otherwise as they were.
void sort_nodes(GraphProto& graph) {
    const GraphIndex index = index_of(graph);
    std::unordered_map<std::string_view, std::size_t> maker;
    const auto count = static_cast<std::size_t>(graph.node_size());
    for (std::size_t i = 0; i < count; ++i) {
        for (const std::string& output : graph.node(static_cast<int>(i)).output()) maker[output] = i;
    }
    std::vector<std::size_t> order;
    std::vector<char> state(count, 0);  // 0: unseen, 1: waiting for what it needs, 2: placed
    std::vector<std::size_t> stack;
    for (std::size_t root = 0; root < count; ++root) {
        stack.push_back(root);
        while (!stack.empty()) {
            const std::size_t at = stack.back();
            if (state[at] == 0) {
                state[at] = 1;
                for (const std::string_view need : index.needs[at]) {
                    const auto found = maker.find(need);
                    if (found == maker.end() || state[found->second] == 2) continue;
                    BREAKEVEN_ASSERT(state[found->second] == 0);  // else a cycle
                    stack.push_back(found->second);
                }
            } else {
                stack.pop_back();
                if (state[at] == 1) order.push_back(at);
                state[at] = 2;
            }
        }
    }
    google::protobuf::RepeatedPtrField<NodeProto> sorted;
    sorted.Reserve(static_cast<int>(count));
    for (const std::size_t at : order) sorted.Add()->Swap(graph.mutable_node(static_cast<int>(at)));
    graph.mutable_node()->Swap(&sorted);
}

Model checked(onnx::ModelProto proto, const std::string& name) {
    // Shapes written for the graph as it was may be wrong now; whoever loads the model infers them.
    proto.mutable_graph()->clear_value_info();
    sort_nodes(*proto.mutable_graph());
    remove_unused(*proto.mutable_graph());
    return Model::parse(proto.SerializeAsString(), name);
}

AttributeProto& attribute_to_set(NodeProto& node, const std::string& name, AttributeProto::AttributeType type) {
    AttributeProto* found = nullptr;
    for (auto& attribute : *node.mutable_attribute()) {
        if (attribute.name() == name) found = &attribute;
    }
    if (found == nullptr) found = node.add_attribute();
    found->Clear();
    found->set_name(name);
    found->set_type(type);
    return *found;
}

}  // namespace

Network::Network(const Model& model) : origin_(model), proto_(model.proto()) {
    if (!model.external_weights().empty()) {
        throw Error(ErrorKind::input, fmt::format("open '{}' for change", printable(model.name(), 120)),
                    "its weights lie in a file beside it; bring them inside first");
    }
    constants_to_stored(graph());
    inputs_without_defaults(graph());
    if (proto_.ir_version() < 4) proto_.set_ir_version(4);  // the first in which stored tensors need be no inputs
    for (int i = 0; i < graph().initializer_size(); ++i) {
        store_raw(*graph().mutable_initializer(i));
        stored_[graph().initializer(i).name()] = i;
    }
    taken_ = names_in(graph());
}

bool Network::has_weights(const std::string& tensor) const {
    const auto found = stored_.find(tensor);
    return found != stored_.end() && graph().initializer(found->second).data_type() == TensorProto::FLOAT;
}

Shape Network::weights_shape(const std::string& tensor) const {
    return shape_of(graph().initializer(stored_.at(tensor)));
}

std::span<const float> Network::weights(const std::string& tensor) const {
    BREAKEVEN_ASSERT(has_weights(tensor));
    const std::string& raw = graph().initializer(stored_.at(tensor)).raw_data();
    return {reinterpret_cast<const float*>(raw.data()), raw.size() / sizeof(float)};
}

void Network::set_weights(const std::string& tensor, const Shape& shape, std::span<const float> values) {
    BREAKEVEN_ASSERT(has_weights(tensor) && element_count(shape) == static_cast<std::int64_t>(values.size()));
    TensorProto& stored = *graph().mutable_initializer(stored_.at(tensor));
    stored.mutable_dims()->Assign(shape.begin(), shape.end());
    // A copy first: `values` may be a view of what is replaced.
    stored.set_raw_data(std::string(reinterpret_cast<const char*>(values.data()), values.size_bytes()));
}

std::string Network::add_stored(const std::string& name, DType dtype, const Shape& shape,
                                std::span<const std::byte> bytes) {
    TensorProto& stored = *graph().add_initializer();
    stored.set_name(fresh(name));
    stored.set_data_type(onnx_type_of(dtype));
    stored.mutable_dims()->Assign(shape.begin(), shape.end());
    stored.set_raw_data(bytes.data(), bytes.size());
    stored_[stored.name()] = graph().initializer_size() - 1;
    return stored.name();
}

std::string Network::add_weights(const std::string& name, const Shape& shape, std::span<const float> values) {
    BREAKEVEN_ASSERT(element_count(shape) == static_cast<std::int64_t>(values.size()));
    return add_stored(name, DType::float32, shape, std::as_bytes(values));
}

void Network::own_weights(NodeProto& node, int index) {
    const std::string name = node.input(index);
    BREAKEVEN_ASSERT(has_weights(name));
    const std::vector<NodeProto*> takers = consumers(name);
    const auto uses = std::count(node.input().begin(), node.input().end(), name);
    if (takers.size() == 1 && uses == 1 && !is_seen_outside(name)) return;
    const std::span<const float> values = weights(name);
    const std::vector<float> copy(values.begin(), values.end());
    node.set_input(index, add_weights(name, weights_shape(name), copy));
    changed();
}

void Network::index() {
    if (indexed_) return;
    producer_.clear();
    consumers_.clear();
    for (int i = 0; i < graph().node_size(); ++i) {
        const NodeProto& node = graph().node(i);
        for (const std::string& output : node.output()) {
            if (!output.empty()) producer_[output] = i;
        }
        for (const std::string& input : node.input()) {
            std::vector<int>& takers = consumers_[input];
            if (takers.empty() || takers.back() != i) takers.push_back(i);
        }
    }
    indexed_ = true;
}

NodeProto* Network::producer(const std::string& tensor) {
    index();
    const auto found = producer_.find(tensor);
    return found == producer_.end() ? nullptr : graph().mutable_node(found->second);
}

std::vector<NodeProto*> Network::consumers(const std::string& tensor) {
    index();
    std::vector<NodeProto*> nodes;
    const auto found = consumers_.find(tensor);
    if (found == consumers_.end()) return nodes;
    for (const int at : found->second) nodes.push_back(graph().mutable_node(at));
    return nodes;
}

bool Network::is_seen_outside(const std::string& tensor) const {
    const auto is_output = [&](const auto& output) { return output.name() == tensor; };
    if (std::any_of(graph().output().begin(), graph().output().end(), is_output)) return true;
    bool captured = false;
    for (const NodeProto& node : graph().node()) {
        for (const GraphProto* inner : subgraphs_of(node)) {
            for_each_node(*inner, [&](const NodeProto& deep) {
                captured = captured || std::find(deep.input().begin(), deep.input().end(), tensor) != deep.input().end();
            });
            captured = captured || std::any_of(inner->output().begin(), inner->output().end(), is_output);
        }
    }
    return captured;
}

std::string Network::fresh(const std::string& wish) {
    std::string name = wish;
    for (int i = 2; !taken_.insert(name).second; ++i) name = fmt::format("{}_{}", wish, i);
    return name;
}

NodeProto& Network::add_node(const std::string& op, const std::vector<std::string>& inputs,
                             const std::string& output_wish) {
    NodeProto& node = *graph().add_node();
    node.set_op_type(op);
    node.set_name(fresh(output_wish + "_" + op));
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(fresh(output_wish));
    changed();
    return node;
}

void Network::rewire(const std::string& from, const std::string& to) {
    replace_uses(graph(), from, to);
    for (auto& output : *graph().mutable_output()) {
        if (output.name() == from) output.set_name(to);
    }
    changed();
}

Model Network::finish() const {
    return checked(proto_, origin_.name());
}

std::int64_t integer_attribute(const NodeProto& node, std::string_view name, std::int64_t otherwise) {
    const AttributeProto* attribute = attribute_of(node, name);
    return attribute == nullptr ? otherwise : attribute->i();
}

std::vector<std::int64_t> integers_attribute(const NodeProto& node, std::string_view name) {
    const AttributeProto* attribute = attribute_of(node, name);
    if (attribute == nullptr) return {};
    return {attribute->ints().begin(), attribute->ints().end()};
}

float float_attribute(const NodeProto& node, std::string_view name, float otherwise) {
    const AttributeProto* attribute = attribute_of(node, name);
    return attribute == nullptr ? otherwise : attribute->f();
}

void set_attribute(NodeProto& node, const std::string& name, std::int64_t value) {
    attribute_to_set(node, name, AttributeProto::INT).set_i(value);
}

void set_attribute(NodeProto& node, const std::string& name, std::span<const std::int64_t> values) {
    attribute_to_set(node, name, AttributeProto::INTS).mutable_ints()->Assign(values.begin(), values.end());
}

void set_attribute(NodeProto& node, const std::string& name, float value) {
    attribute_to_set(node, name, AttributeProto::FLOAT).set_f(value);
}

}  // namespace breakeven
