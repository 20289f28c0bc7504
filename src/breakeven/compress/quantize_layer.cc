// quantize_layer: see quantize_layer.h.
#include "breakeven/compress/quantize_layer.h"

#include <algorithm>

#include "breakeven/error.h"
#include "breakeven/model/graph_index.h"

namespace breakeven {

namespace {

using onnx::NodeProto;

bool has_input(const NodeProto& node, int index) {
    return node.input_size() > index && !node.input(index).empty();
}

std::optional<WeightLayout> convolution_layout(const NodeProto& node, const Shape& shape, bool transposed) {
    if (shape.size() < 3) return std::nullopt;
    WeightLayout layout;
    layout.rows = shape[0];
    layout.columns = shape[1];
    layout.group = integer_attribute(node, "group", 1);
    if (layout.group < 1 || layout.rows % layout.group != 0) return std::nullopt;
    for (std::size_t i = 2; i < shape.size(); ++i) layout.inner *= shape[i];
    layout.rows_are_outputs = !transposed;
    layout.output_axis = transposed ? 1 : 0;
    layout.outputs = transposed ? layout.columns * layout.group : layout.rows;
    layout.inputs = transposed ? layout.rows : layout.columns * layout.group;
    return layout;
}

std::optional<WeightLayout> matrix_layout(const Shape& shape, bool transposed) {
    if (shape.size() != 2) return std::nullopt;
    WeightLayout layout;
    layout.rows = shape[0];
    layout.columns = shape[1];
    layout.rows_are_outputs = transposed;
    layout.output_axis = transposed ? 0 : 1;
    layout.outputs = transposed ? layout.rows : layout.columns;
    layout.inputs = transposed ? layout.columns : layout.rows;
    return layout;
}

std::optional<WeightLayout> layout_of(const NodeProto& node, const Shape& shape) {
    if (is_op(node, "Conv")) return convolution_layout(node, shape, false);
    if (is_op(node, "ConvTranspose")) return convolution_layout(node, shape, true);
    if (is_op(node, "MatMul")) return matrix_layout(shape, false);
    if (is_op(node, "Gemm") && integer_attribute(node, "transA", 0) == 0) {
        return matrix_layout(shape, integer_attribute(node, "transB", 0) != 0);
    }
    return std::nullopt;
}

/// Calls `change(value, row, column)` for every weight of a tensor that is the node's own.
template <class Change>
void change_weights(Network& network, NodeProto& node, const WeightLayout& layout, const Change& change) {
    network.own_weights(node, 1);
    const std::span<const float> old = network.weights(node.input(1));
    std::vector<float> values(old.begin(), old.end());
    std::size_t at = 0;
    for (std::int64_t row = 0; row < layout.rows; ++row) {
        for (std::int64_t column = 0; column < layout.columns; ++column) {
            for (std::int64_t i = 0; i < layout.inner; ++i, ++at) values[at] = change(values[at], row, column);
        }
    }
    network.set_weights(node.input(1), network.weights_shape(node.input(1)), values);
}

}  // namespace

std::int64_t WeightLayout::output_of(std::int64_t row, std::int64_t column) const {
    if (rows_are_outputs) return row;
    return group == 1 ? column : row / (rows / group) * columns + column;
}

std::int64_t WeightLayout::input_of(std::int64_t row, std::int64_t column) const {
    if (!rows_are_outputs) return row;
    return group == 1 ? column : row / (rows / group) * columns + column;
}

bool is_op(const NodeProto& node, std::string_view op) {
    return node.op_type() == op && is_standard(node);
}

NodeProto* only_consumer(Network& network, const std::string& tensor) {
    const std::vector<NodeProto*> takers = network.consumers(tensor);
    return takers.size() == 1 && !network.is_seen_outside(tensor) ? takers.front() : nullptr;
}

std::optional<WeightLayout> weight_layout(const Network& network, const NodeProto& node) {
    if (node.input_size() < 2 || node.output_size() != 1 || !network.has_weights(node.input(1))) return std::nullopt;
    if (network.is_stored(node.input(0))) return std::nullopt;
    const auto layout = layout_of(node, network.weights_shape(node.input(1)));
    if (!layout || layout->outputs < 1 || layout->inputs < 1 || layout->inner < 1) return std::nullopt;
    if (has_input(node, 2)) {
        if (!network.has_weights(node.input(2))) return std::nullopt;
        if (!per_channel(network, node.input(2), is_op(node, "Gemm") ? 2 : 0, layout->outputs)) return std::nullopt;
    }
    return layout;
}

std::optional<std::vector<float>> per_channel(const Network& network, const std::string& tensor, std::size_t rank,
                                              std::int64_t channels) {
    if (!network.has_weights(tensor)) return std::nullopt;
    const std::span<const float> values = network.weights(tensor);
    if (values.size() == 1) return std::vector<float>(static_cast<std::size_t>(channels), values[0]);
    if (static_cast<std::int64_t>(values.size()) != channels) return std::nullopt;
    const Shape shape = network.weights_shape(tensor);
    // Rank 0: a plain vector. Otherwise dimensions align at the end, and the long one must be dimension 1.
    const auto longest = std::find(shape.begin(), shape.end(), channels);
    const auto place = static_cast<std::size_t>(longest - shape.begin());
    if (rank == 0 ? shape.size() != 1 : place + rank != shape.size() + 1) return std::nullopt;
    return std::vector<float>(values.begin(), values.end());
}

std::vector<float> bias_of(const Network& network, const NodeProto& node) {
    const auto layout = weight_layout(network, node);
    BREAKEVEN_ASSERT(layout);
    if (!has_input(node, 2)) return std::vector<float>(static_cast<std::size_t>(layout->outputs), 0.0F);
    return *per_channel(network, node.input(2), is_op(node, "Gemm") ? 2 : 0, layout->outputs);
}

void set_bias(Network& network, NodeProto& node, std::span<const float> bias) {
    BREAKEVEN_ASSERT(!is_op(node, "MatMul"));
    const Shape shape{static_cast<std::int64_t>(bias.size())};
    if (!has_input(node, 2)) {
        while (node.input_size() < 3) node.add_input();
        node.set_input(2, network.add_weights(node.name() + "_bias", shape, bias));
    } else {
        network.own_weights(node, 2);
        network.set_weights(node.input(2), shape, bias);
    }
    network.changed();
}

void scale_outputs(Network& network, NodeProto& node, std::span<const float> factors) {
    const auto layout = weight_layout(network, node);
    BREAKEVEN_ASSERT(layout && static_cast<std::int64_t>(factors.size()) == layout->outputs);
    change_weights(network, node, *layout, [&](float value, std::int64_t row, std::int64_t column) {
        return value * factors[static_cast<std::size_t>(layout->output_of(row, column))];
    });
    if (!has_input(node, 2)) return;
    std::vector<float> bias = bias_of(network, node);
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] *= factors[i];
    set_bias(network, node, bias);
}

void scale_inputs(Network& network, NodeProto& node, std::span<const float> factors) {
    const auto layout = weight_layout(network, node);
    BREAKEVEN_ASSERT(layout && static_cast<std::int64_t>(factors.size()) == layout->inputs);
    change_weights(network, node, *layout, [&](float value, std::int64_t row, std::int64_t column) {
        return value * factors[static_cast<std::size_t>(layout->input_of(row, column))];
    });
}

}  // namespace breakeven
