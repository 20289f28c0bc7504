// fold: see fold.h.
#include "breakeven/compress/fold.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/compress/quantize_layer.h"
#include "breakeven/model/graph_index.h"

namespace breakeven {

namespace {

using onnx::NodeProto;

/// y = scale * x + shift, one pair a channel; only one pair when it is the same for all.
struct Affine {
    std::vector<float> scale;
    std::vector<float> shift;

    bool shifts() const {
        return std::any_of(shift.begin(), shift.end(), [](float s) { return s != 0.0F; });
    }
};

/// The rank of a tensor, 0 where it is unknown.
std::size_t rank_of(const Network& network, const std::string& tensor) {
    const auto specification = network.tensor(tensor);
    return specification ? specification->shape.size() : 0;
}

std::optional<Affine> batch_norm(const Network& network, const NodeProto& node, std::int64_t channels) {
    if (node.input_size() < 5 || integer_attribute(node, "training_mode", 0) != 0) return std::nullopt;
    std::vector<std::vector<float>> of;
    for (int i = 1; i < 5; ++i) {
        if (!network.has_weights(node.input(i))) return std::nullopt;
        const auto values = network.weights(node.input(i));
        if (static_cast<std::int64_t>(values.size()) != channels) return std::nullopt;
        of.emplace_back(values.begin(), values.end());
    }
    const double epsilon = double{float_attribute(node, "epsilon", 1e-5F)};
    Affine affine;
    for (std::size_t i = 0; i < of[0].size(); ++i) {
        const double scale = double{of[0][i]} / std::sqrt(double{of[3][i]} + epsilon);
        affine.scale.push_back(static_cast<float>(scale));
        affine.shift.push_back(static_cast<float>(double{of[1][i]} - scale * double{of[2][i]}));
    }
    return affine;
}

/// Of an operator between `x` and a stored tensor.
std::optional<Affine> arithmetic(const Network& network, const NodeProto& node, const std::string& x,
                                 std::int64_t channels, std::size_t rank) {
    if (node.input_size() != 2 || rank == 0) return std::nullopt;
    const bool first = node.input(0) == x;
    const std::string& other = node.input(first ? 1 : 0);
    if (other == x || !network.has_weights(other) || network.weights_shape(other).size() > rank) return std::nullopt;
    auto values = per_channel(network, other, rank, channels);
    if (!values) return std::nullopt;
    const auto count = static_cast<std::size_t>(channels);
    Affine affine{std::vector<float>(count, 1.0F), std::vector<float>(count, 0.0F)};
    if (is_op(node, "Mul")) {
        affine.scale = *values;
    } else if (is_op(node, "Add")) {
        affine.shift = *values;
    } else if (is_op(node, "Sub")) {
        for (std::size_t i = 0; i < count; ++i) affine.shift[i] = first ? -(*values)[i] : (*values)[i];
        if (!first) affine.scale.assign(count, -1.0F);
    } else if (is_op(node, "Div") && first) {
        for (std::size_t i = 0; i < count; ++i) affine.scale[i] = 1.0F / (*values)[i];
    } else {
        return std::nullopt;
    }
    return affine;
}

std::optional<Affine> affine_of(const Network& network, const NodeProto& node, const std::string& x,
                                std::int64_t channels) {
    if (node.output_size() < 1) return std::nullopt;
    if (is_op(node, "BatchNormalization")) {
        return node.input(0) == x ? batch_norm(network, node, channels) : std::nullopt;
    }
    return arithmetic(network, node, x, channels, rank_of(network, x));
}

bool all_finite(const Affine& affine) {
    const auto finite = [](float v) { return std::isfinite(v); };
    return std::all_of(affine.scale.begin(), affine.scale.end(), finite) &&
           std::all_of(affine.shift.begin(), affine.shift.end(), finite);
}

/// The tensor among a node's inputs that is not stored; empty when there is none or several.
std::string flowing_input(const Network& network, const NodeProto& node) {
    std::string found;
    for (const std::string& input : node.input()) {
        if (input.empty() || network.is_stored(input)) continue;
        if (!found.empty()) return {};
        found = input;
    }
    return found;
}

bool into_layer_before(Network& network, NodeProto& node) {
    const std::string x = flowing_input(network, node);
    NodeProto* layer = x.empty() ? nullptr : network.producer(x);
    if (layer == nullptr || only_consumer(network, x) != &node || is_op(*layer, "MatMul")) return false;
    const auto layout = weight_layout(network, *layer);
    if (!layout) return false;
    const auto affine = affine_of(network, node, x, layout->outputs);
    if (!affine || !all_finite(*affine)) return false;
    scale_outputs(network, *layer, affine->scale);
    std::vector<float> bias = bias_of(network, *layer);
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] += affine->shift[i];
    if (affine->shifts() || layer->input_size() > 2) set_bias(network, *layer, bias);
    network.rewire(node.output(0), x);
    return true;
}

bool is_unpadded(const NodeProto& conv) {
    if (!is_op(conv, "Conv")) return is_op(conv, "Gemm");
    const onnx::AttributeProto* automatic = attribute_of(conv, "auto_pad");
    if (automatic != nullptr && automatic->s() != "NOTSET" && automatic->s() != "VALID") return false;
    const auto pads = integers_attribute(conv, "pads");
    return std::all_of(pads.begin(), pads.end(), [](std::int64_t p) { return p == 0; });
}

/// What the layer adds to its bias when its input is shifted: the sum of its weights times the shift.
void shift_input(Network& network, NodeProto& layer, const WeightLayout& layout, std::span<const float> shift) {
    std::vector<double> sum(static_cast<std::size_t>(layout.outputs), 0.0);
    const std::span<const float> weights = network.weights(layer.input(1));
    std::size_t at = 0;
    for (std::int64_t row = 0; row < layout.rows; ++row) {
        for (std::int64_t column = 0; column < layout.columns; ++column) {
            const double by = double{shift[static_cast<std::size_t>(layout.input_of(row, column))]};
            double& to = sum[static_cast<std::size_t>(layout.output_of(row, column))];
            for (std::int64_t i = 0; i < layout.inner; ++i, ++at) to += by * double{weights[at]};
        }
    }
    std::vector<float> bias = bias_of(network, layer);
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = static_cast<float>(double{bias[i]} + sum[i]);
    set_bias(network, layer, bias);
}

/// Operators that move elements without changing them: one factor for all of a tensor passes through.
bool moves_only(const NodeProto& node) {
    return is_op(node, "Transpose") || is_op(node, "Reshape") || is_op(node, "Flatten") || is_op(node, "Squeeze") ||
           is_op(node, "Unsqueeze") || is_op(node, "Identity");
}

bool into_layer_behind(Network& network, NodeProto& node) {
    const std::string x = flowing_input(network, node);
    if (x.empty() || node.output_size() < 1) return false;
    NodeProto* layer = only_consumer(network, node.output(0));
    bool moved = false;
    while (layer != nullptr && moves_only(*layer)) {
        moved = true;
        layer = only_consumer(network, layer->output(0));
    }
    if (layer == nullptr || (!is_op(*layer, "Conv") && !is_op(*layer, "Gemm"))) return false;
    const auto layout = weight_layout(network, *layer);
    if (!layout) return false;
    const bool one_for_all = !is_op(node, "BatchNormalization") && node.input_size() == 2 &&
                             network.weights(node.input(node.input(0) == x ? 1 : 0)).size() == 1;
    if (moved && !one_for_all) return false;
    const auto specification = network.tensor(x);
    const bool spreads = !specification || specification->shape.size() < 2 || specification->shape[1] != layout->inputs;
    if (!one_for_all && spreads) return false;  // a channel that becomes many
    const auto affine = affine_of(network, node, x, layout->inputs);
    if (!affine || !all_finite(*affine) || (affine->shifts() && !is_unpadded(*layer))) return false;
    if (affine->shifts()) shift_input(network, *layer, *layout, affine->shift);
    scale_inputs(network, *layer, affine->scale);
    network.rewire(node.output(0), x);
    return true;
}

std::vector<std::int64_t> stored_integers(const Network& network, const std::string& tensor) {
    std::vector<std::int64_t> values;
    for (const auto& stored : network.graph().initializer()) {
        if (stored.name() != tensor || stored.data_type() != onnx::TensorProto::INT64) continue;
        values.assign(stored.int64_data().begin(), stored.int64_data().end());
        if (stored.has_raw_data()) {
            values.resize(stored.raw_data().size() / sizeof(std::int64_t));
            std::memcpy(values.data(), stored.raw_data().data(), values.size() * sizeof(std::int64_t));
        }
    }
    return values;
}

/// Zeros around a picture, then a convolution: the convolution pads by itself.
bool pad_into_convolution(Network& network, NodeProto& node) {
    const onnx::AttributeProto* mode = attribute_of(node, "mode");
    if (mode != nullptr && mode->s() != "constant") return false;
    std::vector<std::int64_t> pads = integers_attribute(node, "pads");
    if (node.input_size() > 1) pads = stored_integers(network, node.input(1));
    if (node.input_size() > 3 && !node.input(3).empty()) return false;  // its own choice of axes
    float value = float_attribute(node, "value", 0.0F);
    if (node.input_size() > 2 && !node.input(2).empty()) {
        if (!network.has_weights(node.input(2)) || network.weights(node.input(2)).size() != 1) return false;
        value = network.weights(node.input(2))[0];
    }
    NodeProto* conv = only_consumer(network, node.output(0));
    const std::size_t rank = rank_of(network, node.input(0));
    if (value != 0.0F || conv == nullptr || !is_op(*conv, "Conv") || conv->input(0) != node.output(0)) return false;
    if (rank < 3 || pads.size() != 2 * rank) return false;
    if (std::any_of(pads.begin(), pads.end(), [](std::int64_t p) { return p < 0; })) return false;
    if (pads[0] != 0 || pads[1] != 0 || pads[rank] != 0 || pads[rank + 1] != 0) return false;
    const onnx::AttributeProto* automatic = attribute_of(*conv, "auto_pad");
    if (automatic != nullptr && automatic->s() != "NOTSET" && automatic->s() != "VALID") return false;
    std::vector<std::int64_t> own = integers_attribute(*conv, "pads");
    if (own.empty()) own.assign(2 * (rank - 2), 0);
    if (own.size() != 2 * (rank - 2)) return false;
    for (std::size_t i = 0; i < rank - 2; ++i) {
        own[i] += pads[2 + i];
        own[rank - 2 + i] += pads[rank + 2 + i];
    }
    auto& attributes = *conv->mutable_attribute();
    for (int i = attributes.size() - 1; i >= 0; --i) {
        if (attributes.Get(i).name() == "auto_pad") attributes.DeleteSubrange(i, 1);
    }
    set_attribute(*conv, "pads", own);
    network.rewire(node.output(0), node.input(0));
    return true;
}

/// MatMul of a matrix by a stored one is a Gemm, which takes a bias (and needs none since opset 11).
bool matmul_to_gemm(Network& network, NodeProto& node) {
    for (const auto& import : network.proto().opset_import()) {
        if (import.domain().empty() && import.version() < 11) return false;
    }
    if (!weight_layout(network, node) || rank_of(network, node.input(0)) != 2) return false;
    node.set_op_type("Gemm");
    return true;
}

bool reshape_of_weights(Network& network, NodeProto& node) {
    if (node.input_size() != 2 || !network.has_weights(node.input(0)) || !network.is_stored(node.input(1))) {
        return false;
    }
    const auto specification = network.tensor(node.output(0));
    if (!specification || !element_count(specification->shape) || network.is_seen_outside(node.output(0))) return false;
    const std::span<const float> old = network.weights(node.input(0));
    if (element_count(specification->shape) != static_cast<std::int64_t>(old.size())) return false;
    const std::vector<float> values(old.begin(), old.end());
    network.rewire(node.output(0), network.add_weights(node.output(0) + "_weights", specification->shape, values));
    return true;
}

void fold_alpha_and_beta(Network& network, NodeProto& node) {
    const float alpha = float_attribute(node, "alpha", 1.0F);
    const float beta = float_attribute(node, "beta", 1.0F);
    if (alpha == 1.0F && beta == 1.0F) return;
    const auto layout = weight_layout(network, node);
    if (!layout) return;
    std::vector<float> bias = bias_of(network, node);
    scale_outputs(network, node, std::vector<float>(static_cast<std::size_t>(layout->outputs), alpha));
    for (float& b : bias) b *= beta;
    if (node.input_size() > 2) set_bias(network, node, bias);
    set_attribute(node, "alpha", 1.0F);
    set_attribute(node, "beta", 1.0F);
}

}  // namespace

std::size_t fold_batch_norms(Network& network) {
    std::size_t folded = 0;
    std::vector<char> gone(static_cast<std::size_t>(network.graph().node_size()), 0);
    // Twice: a MatMul becomes a Gemm, or a Mul goes away, after what stood before it was looked at.
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < network.graph().node_size(); ++i) {
            char& is_gone = gone[static_cast<std::size_t>(i)];
            if (is_gone != 0) continue;
            NodeProto& node = *network.graph().mutable_node(i);
            bool now = false;
            if (is_op(node, "Reshape")) {
                now = reshape_of_weights(network, node);
            } else if (is_op(node, "MatMul")) {
                matmul_to_gemm(network, node);
            } else if (is_op(node, "Gemm")) {
                fold_alpha_and_beta(network, node);
            } else if (is_op(node, "Pad")) {
                now = pad_into_convolution(network, node);
            } else if (is_op(node, "BatchNormalization") || is_op(node, "Mul") || is_op(node, "Add") ||
                       is_op(node, "Sub") || is_op(node, "Div")) {
                now = into_layer_before(network, node) || into_layer_behind(network, node);
            }
            if (!now) continue;
            is_gone = 1;
            ++folded;
            // What was folded must not count as a taker of its input any more.
            node.clear_input();
            network.changed();
        }
    }
    return folded;
}

}  // namespace breakeven
