// groups_walk: see groups_walk.h.
#include "breakeven/compress/groups_walk.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <numeric>
#include <span>

#include "breakeven/error.h"
#include "breakeven/model/graph_index.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {

using onnx::NodeProto;

namespace {

bool is_one_of(const std::string& op, std::span<const std::string_view> names) {
    return std::find(names.begin(), names.end(), op) != names.end();
}

constexpr std::array<std::string_view, 31> unary_ops = {"Relu",
                                                        "Clip",
                                                        "LeakyRelu",
                                                        "Sigmoid",
                                                        "HardSigmoid",
                                                        "HardSwish",
                                                        "Tanh",
                                                        "Elu",
                                                        "Selu",
                                                        "Celu",
                                                        "Softplus",
                                                        "Softsign",
                                                        "Erf",
                                                        "Exp",
                                                        "Log",
                                                        "Neg",
                                                        "Abs",
                                                        "Sqrt",
                                                        "Reciprocal",
                                                        "Floor",
                                                        "Ceil",
                                                        "Round",
                                                        "Sign",
                                                        "Identity",
                                                        "Dropout",
                                                        "Cast",
                                                        "Gelu",
                                                        "Mish",
                                                        "ThresholdedRelu",
                                                        "Sin",
                                                        "Cos"};
constexpr std::array<std::string_view, 10> elementwise_ops = {"Add", "Sub", "Mul",  "Div",   "Max",
                                                              "Min", "Sum", "Mean", "PRelu", "Pow"};
constexpr std::array<std::string_view, 6> pool_ops = {"MaxPool",           "AveragePool",   "LpPool",
                                                      "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"};
constexpr std::array<std::string_view, 8> reduce_ops = {"ReduceMean", "ReduceMax", "ReduceMin",  "ReduceSum",
                                                        "ReduceL1",   "ReduceL2",  "ReduceProd", "ReduceSumSquare"};
constexpr std::array<std::string_view, 4> reshape_ops = {"Reshape", "Flatten", "Squeeze", "Unsqueeze"};
constexpr std::array<std::string_view, 3> spatial_ops = {"Pad", "Resize", "Upsample"};

}  // namespace

void ChannelWalk::run() {
    for (int i = 0; i < network_.graph().node_size(); ++i) {
        NodeProto& node = *network_.graph().mutable_node(i);
        if (node.output_size() > 0 && !visit(node)) pin_inputs(node);
        for (const std::string& output : node.output()) {
            if (!output.empty() && network_.is_seen_outside(output)) pin(output);
        }
    }
}

void ChannelWalk::pin_inputs(const NodeProto& node) {
    bool had = false;
    for (const std::string& input : node.input()) {
        had = had || of(input) != nullptr;
        pin(input);
    }
    if (had) {
        map_.left_alone_.push_back({node.name().empty() ? printable(node.output(0), 120) : printable(node.name(), 120),
                                    op_of(node), "its channels stay as they are"});
    }
}

bool ChannelWalk::visit(NodeProto& node) {
    const std::string& op = node.op_type();
    if (!is_standard(node)) return false;
    // Weights first: a layer on the network's input has no labels to read, and makes some.
    if (op == "Conv") return convolution(node);
    if (op == "Gemm" || op == "MatMul") return dense(node);
    const auto labelled = [&](const std::string& input) { return of(input) != nullptr; };
    if (std::none_of(node.input().begin(), node.input().end(), labelled)) return true;
    if (op == "BatchNormalization" || op == "InstanceNormalization") return norm(node);
    if (is_one_of(op, unary_ops)) return of(node.input(0)) != nullptr && pass(node, *of(node.input(0)));
    if (is_one_of(op, elementwise_ops)) return elementwise(node);
    if (is_one_of(op, pool_ops))
        return of(node.input(0))->axis == 1 && node.output_size() == 1 && pass(node, *of(node.input(0)));
    if (is_one_of(op, spatial_ops)) return same_channels(node);
    if (is_one_of(op, reduce_ops)) return reduce(node);
    if (is_one_of(op, reshape_ops)) return reshape(node);
    if (op == "Concat") return concat(node);
    if (op == "Transpose") return transpose(node);
    return false;
}

bool ChannelWalk::convolution(NodeProto& node) {
    if (node.input_size() < 2 || !network_.has_weights(node.input(1))) return false;
    network_.own_weights(node, 1);
    const bool has_bias = node.input_size() > 2 && !node.input(2).empty();
    if (has_bias && !network_.has_weights(node.input(2))) return false;
    if (has_bias) network_.own_weights(node, 2);
    const Shape weights = network_.weights_shape(node.input(1));
    if (weights.size() < 3) return false;
    if (integer_attribute(node, "group", 1) != 1) return depthwise(node, weights);
    const ChannelAxis* input = of(node.input(0));
    if (input != nullptr) {
        if (input->axis != 1 || static_cast<std::int64_t>(input->labels.size()) != weights[1]) return false;
        use(ChannelUse::Role::read, node.input(1), 1, input->labels, node);
    }
    const std::vector<int> labels = fresh(weights[0]);
    use(ChannelUse::Role::made, node.input(1), 0, labels, node);
    if (has_bias) use(ChannelUse::Role::follows, node.input(2), 0, labels, node);
    return pass(node, {1, labels});
}

bool ChannelWalk::depthwise(NodeProto& node, const Shape& weights) {
    const ChannelAxis* input = of(node.input(0));
    if (input == nullptr) return true;  // groups of the network's input: nothing that could go
    const auto channels = static_cast<std::int64_t>(input->labels.size());
    if (input->axis != 1 || weights[1] != 1 || integer_attribute(node, "group", 1) != channels ||
        weights[0] % channels != 0) {
        return false;
    }
    std::vector<int> labels;
    for (std::int64_t i = 0; i < weights[0]; ++i) {
        labels.push_back(input->labels[static_cast<std::size_t>(i / (weights[0] / channels))]);
    }
    use(ChannelUse::Role::follows, node.input(1), 0, labels, node);
    if (node.input_size() > 2 && !node.input(2).empty()) {
        use(ChannelUse::Role::follows, node.input(2), 0, labels, node);
    }
    map_.depthwise_.push_back(node.output(0));
    return pass(node, {1, labels});
}

bool ChannelWalk::dense(NodeProto& node) {
    if (node.input_size() < 2 || !network_.has_weights(node.input(1))) return false;
    const Shape stored = network_.weights_shape(node.input(1));
    const auto input_shape = shape(node.input(0));
    const auto output_shape = shape(node.output(0));
    if (stored.size() != 2 || !input_shape || !output_shape || output_shape->empty()) return false;
    const bool is_gemm = node.op_type() == "Gemm";
    if (is_gemm && integer_attribute(node, "transA", 0) != 0) return false;
    network_.own_weights(node, 1);
    const bool turned = is_gemm && integer_attribute(node, "transB", 0) != 0;
    const std::size_t in_axis = turned ? 1 : 0;
    const ChannelAxis* input = of(node.input(0));
    if (input != nullptr) {
        if (input->axis + 1 != input_shape->size() ||
            static_cast<std::int64_t>(input->labels.size()) != stored[in_axis]) {
            return false;
        }
        use(ChannelUse::Role::read, node.input(1), in_axis, input->labels, node);
    }
    const std::vector<int> labels = fresh(stored[1 - in_axis]);
    use(ChannelUse::Role::made, node.input(1), 1 - in_axis, labels, node);
    const ChannelAxis made{output_shape->size() - 1, labels};
    map_.tensors_[node.output(0)] = made;
    if (is_gemm && node.input_size() > 2 && !node.input(2).empty() &&
        !constant_operand(node, 2, made, output_shape->size())) {
        pin(node.output(0));
    }
    return true;
}

bool ChannelWalk::norm(NodeProto& node) {
    const ChannelAxis* input = of(node.input(0));
    if (input == nullptr || input->axis != 1 || node.output_size() != 1) return false;
    for (int i = 1; i < node.input_size(); ++i) {
        if (!network_.has_weights(node.input(i))) return false;
    }
    for (int i = 1; i < node.input_size(); ++i) {
        network_.own_weights(node, i);
        use(ChannelUse::Role::follows, node.input(i), 0, input->labels, node);
    }
    return pass(node, *input);
}

/// A stored operand: it loses channels where it has one number for each, and stays where it has one for all.
bool ChannelWalk::constant_operand(NodeProto& node, int input, const ChannelAxis& axis, std::size_t rank) {
    const std::string& name = node.input(input);
    if (!network_.has_weights(name)) return false;
    const Shape shape = network_.weights_shape(name);
    const std::size_t from_end = rank - axis.axis;
    if (shape.size() > rank) return false;
    if (shape.size() < from_end || shape[shape.size() - from_end] == 1) return true;
    if (shape[shape.size() - from_end] != static_cast<std::int64_t>(axis.labels.size())) return false;
    network_.own_weights(node, input);
    use(ChannelUse::Role::follows, node.input(input), shape.size() - from_end, axis.labels, node);
    return true;
}

bool ChannelWalk::elementwise(NodeProto& node) {
    const auto output = shape(node.output(0));
    if (!output) return false;
    const ChannelAxis* first = nullptr;
    for (const std::string& input : node.input()) {
        const ChannelAxis* axis = of(input);
        const auto own = shape(input);
        // Channels of one with the other's dimensions in front would shift.
        if (axis != nullptr && (!own || own->size() != output->size())) return false;
        if (axis != nullptr && first == nullptr) first = axis;
        if (axis != nullptr && (axis->axis != first->axis || axis->labels.size() != first->labels.size())) return false;
    }
    if (static_cast<std::int64_t>(first->labels.size()) != (*output)[first->axis]) return false;
    for (int i = 0; i < node.input_size(); ++i) {
        const ChannelAxis* axis = of(node.input(i));
        if (axis != nullptr) {
            unite(first->labels, axis->labels);
        } else if (!constant_operand(node, i, *first, output->size())) {
            const auto other = shape(node.input(i));
            const std::size_t from_end = output->size() - first->axis;
            const bool one_for_all = other && !network_.has_weights(node.input(i)) &&
                                     (other->size() < from_end || (*other)[other->size() - from_end] == 1);
            if (!one_for_all) return false;
        }
    }
    return pass(node, *first);
}

bool ChannelWalk::concat(NodeProto& node) {
    const auto output = shape(node.output(0));
    if (!output) return false;
    std::int64_t at = integer_attribute(node, "axis", 1);
    if (at < 0) at += static_cast<std::int64_t>(output->size());
    ChannelAxis joined;
    joined.axis = static_cast<std::size_t>(at);
    for (const std::string& input : node.input()) {
        const ChannelAxis* axis = of(input);
        const auto own = shape(input);
        if (!own || joined.axis >= own->size() || (axis != nullptr && axis->axis != joined.axis)) return false;
        std::vector<int> labels;
        if (axis != nullptr) {
            labels = axis->labels;
        } else {
            labels = fresh((*own)[joined.axis]);
            for (const int label : labels) map_.pinned_[static_cast<std::size_t>(label)] = true;
        }
        joined.labels.insert(joined.labels.end(), labels.begin(), labels.end());
    }
    return pass(node, std::move(joined));
}

bool ChannelWalk::reshape(NodeProto& node) {
    const ChannelAxis* input = of(node.input(0));
    const auto before = shape(node.input(0));
    const auto after = shape(node.output(0));
    if (input == nullptr || !before || !after) return false;
    const auto product = [](const Shape& s, std::size_t from, std::size_t to) {
        return std::accumulate(s.begin() + static_cast<std::ptrdiff_t>(from),
                               s.begin() + static_cast<std::ptrdiff_t>(to), std::int64_t{1}, std::multiplies<>());
    };
    const std::int64_t outer = product(*before, 0, input->axis);
    const std::int64_t inner = product(*before, input->axis + 1, before->size());
    const auto channels = static_cast<std::int64_t>(input->labels.size());
    if ((*before)[input->axis] != channels) return false;
    // The output dimension that channels, with a whole number of what is inside them, fall into.
    std::size_t at = after->size();
    for (std::size_t i = 0; i < after->size() && at == after->size(); ++i) {
        const std::int64_t size = (*after)[i];
        if (product(*after, 0, i) == outer && size % channels == 0 && size >= channels &&
            inner % (size / channels) == 0)
            at = i;
    }
    if (at == after->size()) return false;
    const std::int64_t repeat = (*after)[at] / channels;
    ChannelAxis turned;
    turned.axis = at;
    for (const int label : input->labels)
        turned.labels.insert(turned.labels.end(), static_cast<std::size_t>(repeat), label);
    if (node.op_type() == "Reshape") {
        const auto target = node.input_size() > 1 ? integers(node.input(1)) : std::nullopt;
        if (!target || target->size() != after->size()) return false;
        if ((*target)[at] > 0) map_.counts_.push_back({node.output(0), at, turned.labels});
    }
    return pass(node, std::move(turned));
}

bool ChannelWalk::transpose(NodeProto& node) {
    const auto permutation = integers_attribute(node, "perm");
    const ChannelAxis* input = of(node.input(0));
    for (std::size_t i = 0; i < permutation.size(); ++i) {
        if (permutation[i] == static_cast<std::int64_t>(input->axis)) return pass(node, {i, input->labels});
    }
    return false;
}

bool ChannelWalk::reduce(NodeProto& node) {
    const ChannelAxis* input = of(node.input(0));
    const auto before = shape(node.input(0));
    if (input == nullptr || !before) return false;
    std::vector<std::int64_t> axes = integers_attribute(node, "axes");
    if (node.input_size() > 1 && !node.input(1).empty()) {
        const auto stored = integers(node.input(1));
        if (!stored) return false;
        axes = *stored;
    }
    if (axes.empty()) return false;
    std::size_t gone_before = 0;
    for (std::int64_t axis : axes) {
        if (axis < 0) axis += static_cast<std::int64_t>(before->size());
        if (axis == static_cast<std::int64_t>(input->axis)) return false;
        if (axis < static_cast<std::int64_t>(input->axis)) ++gone_before;
    }
    if (integer_attribute(node, "keepdims", 1) != 0) gone_before = 0;
    return pass(node, {input->axis - gone_before, input->labels});
}

/// Pad and Resize, where they leave the channels' dimension as it is.
bool ChannelWalk::same_channels(NodeProto& node) {
    const ChannelAxis* input = of(node.input(0));
    const auto before = shape(node.input(0));
    const auto after = shape(node.output(0));
    if (input == nullptr || !before || !after || before->size() != after->size()) return false;
    if ((*before)[input->axis] != (*after)[input->axis]) return false;
    // A Resize to sizes, rather than by scales, names the channels' count.
    if (node.op_type() == "Resize" && node.input_size() > 3 && !node.input(3).empty()) return false;
    return pass(node, *input);
}

std::optional<std::vector<std::int64_t>> ChannelWalk::integers(const std::string& tensor) const {
    for (const auto& stored : network_.graph().initializer()) {
        if (stored.name() != tensor || stored.data_type() != onnx::TensorProto::INT64) continue;
        if (!stored.has_raw_data())
            return std::vector<std::int64_t>(stored.int64_data().begin(), stored.int64_data().end());
        std::vector<std::int64_t> values(stored.raw_data().size() / sizeof(std::int64_t));
        std::memcpy(values.data(), stored.raw_data().data(), values.size() * sizeof(std::int64_t));
        return values;
    }
    return std::nullopt;
}

}  // namespace breakeven
