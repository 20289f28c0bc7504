// quantize_plan: see quantize_plan.h.
#include "breakeven/compress/quantize_plan.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

#include "breakeven/compress/quantize_layer.h"

namespace breakeven {

namespace {

using onnx::NodeProto;

template <std::size_t n>
bool is_one_of(const NodeProto& node, const std::array<std::string_view, n>& ops) {
    return std::any_of(ops.begin(), ops.end(), [&](std::string_view op) { return is_op(node, op); });
}

/// Numbers go through unchanged (or some of them do): input and output share their scale.
bool moves(const NodeProto& node) {
    return is_one_of<13>(node, {"Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "MaxPool", "Identity",
                                "Slice", "Gather", "Split", "Expand", "Tile", "DepthToSpace"});
}

/// Arithmetic that engines have integer kernels for.
bool computes(const NodeProto& node) {
    return is_one_of<8>(node,
                        {"Add", "Mul", "AveragePool", "GlobalAveragePool", "Relu", "Clip", "LeakyRelu", "Sigmoid"});
}

/// What an activation lets through, when its limits are stored and zero is among it.
bool is_absorbable(const Network& network, const NodeProto& node) {
    if (is_op(node, "Relu")) return true;
    if (!is_op(node, "Clip")) return false;
    float low = 0;
    float high = 0;
    for (const int i : {1, 2}) {
        if (node.input_size() <= i || node.input(i).empty()) continue;
        if (!network.has_weights(node.input(i)) || network.weights(node.input(i)).size() != 1) return false;
        (i == 1 ? low : high) = network.weights(node.input(i))[0];
    }
    return low <= 0 && high >= 0;
}

bool is_float(const Network& network, const std::string& tensor) {
    const auto specification = network.tensor(tensor);
    return specification && specification->dtype == DType::float32;
}

class Planner {
   public:
    Planner(Network& network, const std::unordered_set<std::string>& keep_float)
        : network_(network), keep_float_(keep_float) {}

    QuantizePlan plan() {
        find_wanted();
        for (NodeProto& node : *network_.graph().mutable_node()) visit(node);
        // A Gemm whose result only float operators take hands out float; a convolution has no such kernel.
        for (QuantizedNode& node : plan_.nodes) {
            const NodeProto& of = *by_name_.at(node.node);
            if (!is_op(of, "Gemm") && !is_op(of, "MatMul")) continue;
            if (taken_.contains(node.output)) continue;
            node.rounds_output = false;
            node.activation.clear();
            node.output = of.output(0);
        }
        for (const QuantizedNode& node : plan_.nodes) add_tensors(node);
        for (auto& [tensor, shared] : plan_.tensors) {
            shared = root(tensor);
            if (!moved_.contains(tensor)) plan_.sources[shared].push_back(tensor);
        }
        return std::move(plan_);
    }

   private:
    bool is_layer(const NodeProto& node) const {
        return !keep_float_.contains(node.name()) && weight_layout(network_, node) &&
               is_float(network_, node.output(0));
    }

    /// The activations a node takes: not what is stored, nor shapes and indices.
    std::vector<std::string> activations(const NodeProto& node) const {
        std::vector<std::string> found;
        for (const std::string& input : node.input()) {
            if (input.empty() || network_.is_stored(input) || !is_float(network_, input)) continue;
            if (std::find(found.begin(), found.end(), input) == found.end()) found.push_back(input);
        }
        return found;
    }

    /// Tensors that a layer in 8 bits takes, maybe through operators that also run in 8 bits. Nodes are in order.
    void find_wanted() {
        const auto& nodes = network_.graph().node();
        for (int i = nodes.size() - 1; i >= 0; --i) {
            const NodeProto& node = nodes.Get(i);
            if (is_layer(node)) {
                wanted_.insert(node.input(0));
            } else if (is_between(node)) {
                for (const std::string& input : activations(node)) wanted_.insert(input);
            }
        }
    }

    /// An operator whose result a layer wants, and that can run in 8 bits.
    bool is_between(const NodeProto& node) const {
        if (node.output_size() != 1 || !wanted_.contains(node.output(0)) || !is_float(network_, node.output(0))) {
            return false;
        }
        if (is_op(node, "Concat")) return activations(node).size() == static_cast<std::size_t>(node.input_size());
        if (moves(node)) return true;
        // Stored operands stay in float: the operator is small beside its neighbours, or would have been folded.
        const std::size_t operands = is_op(node, "Add") || is_op(node, "Mul") ? 2 : 1;
        return computes(node) && activations(node).size() == operands;
    }

    void visit(NodeProto& node) {
        by_name_[node.name()] = &node;
        if (absorbed_.contains(node.name())) return;
        const bool layer = is_layer(node);
        if (!layer && !is_between(node)) return;
        const bool moving = !layer && (moves(node) || is_op(node, "Concat"));
        QuantizedNode entry;
        entry.node = node.name();
        entry.inputs = layer ? std::vector<std::string>{node.input(0)} : activations(node);
        // Arithmetic on tensors that nothing before has rounded: not worth rounding them for it.
        const auto is_rounded = [&](const std::string& tensor) { return made_.contains(tensor); };
        if (!layer && !moving && std::none_of(entry.inputs.begin(), entry.inputs.end(), is_rounded)) return;
        entry.output = node.output(0);
        entry.has_weights = layer;
        NodeProto* behind = moving ? nullptr : only_consumer(network_, node.output(0));
        if (behind != nullptr && is_absorbable(network_, *behind) && behind->input(0) == node.output(0)) {
            entry.activation = behind->name();
            entry.output = behind->output(0);
            absorbed_.insert(behind->name());
        }
        if (moving) {
            moved_.insert(entry.output);
            for (const std::string& input : entry.inputs) unite(input, entry.output);
        }
        for (const std::string& input : entry.inputs) taken_.insert(input);
        made_.insert(entry.output);
        plan_.nodes.push_back(std::move(entry));
    }

    void add_tensors(const QuantizedNode& node) {
        for (const std::string& input : node.inputs) plan_.tensors[input];
        if (node.rounds_output) plan_.tensors[node.output];
    }

    std::string root(const std::string& tensor) const {
        std::string at = tensor;
        for (auto up = up_.find(at); up != up_.end(); up = up_.find(at)) at = up->second;
        return at;
    }

    void unite(const std::string& from, const std::string& to) {
        const std::string a = root(from);
        const std::string b = root(to);
        if (a != b) up_[a] = b;
    }

    Network& network_;
    const std::unordered_set<std::string>& keep_float_;
    std::unordered_set<std::string> wanted_, taken_, made_, moved_, absorbed_;
    std::unordered_map<std::string, NodeProto*> by_name_;
    std::unordered_map<std::string, std::string> up_;
    QuantizePlan plan_;
};

}  // namespace

QuantizePlan plan_quantization(Network& network, const std::unordered_set<std::string>& keep_float) {
    return Planner(network, keep_float).plan();
}

std::vector<std::string> quantizable_layers(Network& network) {
    const std::unordered_set<std::string> none;
    std::vector<std::string> names;
    for (const QuantizedNode& node : plan_quantization(network, none).nodes) {
        if (node.has_weights) names.push_back(node.node);
    }
    return names;
}

}  // namespace breakeven
