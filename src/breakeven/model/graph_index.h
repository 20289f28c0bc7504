// graph_index: who makes and who needs which tensor of a graph, and what depends on the input at all.
// A node with subgraphs (If, Loop, Scan) needs whatever its subgraphs take from outside.
#pragma once

#include <onnx/onnx_pb.h>

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace breakeven {

/// Views point into the graph, which must outlive the index.
struct GraphIndex {
    /// For each node, the tensors it needs, each once: inputs, then what its subgraphs capture.
    std::vector<std::vector<std::string_view>> needs;
    /// For each node, whether it gives the same on every run: it needs constants only, and is not random.
    std::vector<bool> constant;
    /// For each node, its name, or a stable one.
    std::vector<std::string> names;
    /// Initializers and what constant nodes make.
    std::unordered_set<std::string_view> constant_tensors;
    /// Initializers and the values of Constant nodes, by tensor name.
    std::unordered_map<std::string_view, const onnx::TensorProto*> stored;
    /// Graph inputs without a default among the weights.
    std::vector<const onnx::ValueInfoProto*> inputs;
};

GraphIndex index_of(const onnx::GraphProto& graph);

bool is_standard(const onnx::NodeProto& node);
/// "Conv"; "com.microsoft.QLinearAdd" outside the standard.
std::string op_of(const onnx::NodeProto& node);
const onnx::AttributeProto* attribute_of(const onnx::NodeProto& node, std::string_view name);

/// Calls `visit` for each node of the graph and of its subgraphs, outer ones first.
void for_each_node(const onnx::GraphProto& graph, const std::function<void(const onnx::NodeProto&)>& visit);
/// The subgraphs of a node.
std::vector<const onnx::GraphProto*> subgraphs_of(const onnx::NodeProto& node);

/// Every name that is taken: of tensors and of nodes, subgraphs included.
std::unordered_set<std::string> names_in(const onnx::GraphProto& graph);
/// Every node of the graph and of its subgraphs takes `to` where it took `from`; where a subgraph has a tensor of its own
/// called `from`, that is meant.
void replace_uses(onnx::GraphProto& graph, const std::string& from, const std::string& to);

}  // namespace breakeven
