// equalize: see equalize.h.
#include "breakeven/compress/equalize.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "breakeven/compress/quantize_layer.h"

namespace breakeven {

namespace {

using onnx::NodeProto;

struct Pair {
    std::string first, second;  // what the layers put out
};

/// Whether a positive factor before the operator is the same as one behind it.
bool lets_factors_through(const Network& network, const NodeProto& node) {
    if (is_op(node, "Relu") || is_op(node, "LeakyRelu")) return true;
    if (!is_op(node, "Clip")) return false;
    const bool has_low = node.input_size() > 1 && !node.input(1).empty();
    const bool has_high = node.input_size() > 2 && !node.input(2).empty();
    if (has_high || integer_attribute(node, "max", 0) != 0 || node.attribute_size() > 0) return false;
    return !has_low || (network.has_weights(node.input(1)) && network.weights(node.input(1)).size() == 1 &&
                        network.weights(node.input(1))[0] == 0.0F);
}

bool can_rescale(const Network& network, const NodeProto& node) {
    return !is_op(node, "MatMul") && weight_layout(network, node).has_value();
}

std::vector<Pair> pairs_of(Network& network) {
    std::vector<Pair> pairs;
    for (NodeProto& first : *network.graph().mutable_node()) {
        if (!can_rescale(network, first)) continue;
        NodeProto* next = only_consumer(network, first.output(0));
        if (next != nullptr && lets_factors_through(network, *next)) next = only_consumer(network, next->output(0));
        if (next == nullptr || !can_rescale(network, *next)) continue;
        if (weight_layout(network, first)->outputs != weight_layout(network, *next)->inputs) continue;
        pairs.push_back({first.output(0), next->output(0)});
    }
    return pairs;
}

enum class Side { outputs, inputs };

/// The largest weight of each channel on one side of the layer.
std::vector<float> largest(const Network& network, const NodeProto& node, Side side) {
    const bool of_outputs = side == Side::outputs;
    const WeightLayout layout = *weight_layout(network, node);
    std::vector<float> most(static_cast<std::size_t>(of_outputs ? layout.outputs : layout.inputs), 0.0F);
    const auto weights = network.weights(node.input(1));
    std::size_t at = 0;
    for (std::int64_t row = 0; row < layout.rows; ++row) {
        for (std::int64_t column = 0; column < layout.columns; ++column) {
            float& to = most[static_cast<std::size_t>(of_outputs ? layout.output_of(row, column)
                                                                 : layout.input_of(row, column))];
            for (std::int64_t i = 0; i < layout.inner; ++i, ++at) to = std::max(to, std::abs(weights[at]));
        }
    }
    return most;
}

/// Equation 11: s = sqrt(r1 r2) / r2, where r are the channel's ranges; W1 / s, b1 / s, W2 * s. Returns the largest
/// |log s|.
float equalize_pair(Network& network, NodeProto& first, NodeProto& second) {
    const std::vector<float> before = largest(network, first, Side::outputs);
    const std::vector<float> behind = largest(network, second, Side::inputs);
    std::vector<float> factors(before.size(), 1.0F);
    std::vector<float> inverse(before.size(), 1.0F);
    float moved = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
        if (before[i] <= 0 || behind[i] <= 0) continue;
        // At most 2^8 a sweep: a channel that is nearly dead would get a bias out of all proportion.
        const float s = std::clamp(std::sqrt(before[i] / behind[i]), 1.0F / 256, 256.0F);
        factors[i] = s;
        inverse[i] = 1.0F / s;
        moved = std::max(moved, std::abs(std::log(s)));
    }
    scale_outputs(network, first, inverse);
    scale_inputs(network, second, factors);
    return moved;
}

}  // namespace

std::size_t equalize(Network& network) {
    const std::vector<Pair> pairs = pairs_of(network);
    constexpr int sweeps_max = 20;
    for (int sweep = 0; sweep < sweeps_max; ++sweep) {
        float moved = 0;
        for (const Pair& pair : pairs) {
            moved =
                std::max(moved, equalize_pair(network, *network.producer(pair.first), *network.producer(pair.second)));
        }
        if (moved < 0.01F) break;
    }
    return pairs.size();
}

}  // namespace breakeven
