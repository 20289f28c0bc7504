// macs: see macs.h.
#include "breakeven/model/macs.h"

#include <algorithm>
#include <string>

#include "breakeven/model/graph_index.h"

namespace breakeven {

namespace {

using onnx::NodeProto;
using Count = std::optional<std::int64_t>;

Count times(Count a, Count b) {
    std::int64_t product = 0;
    if (!a || !b || __builtin_mul_overflow(*a, *b, &product)) return std::nullopt;
    return product;
}

Count plus(Count a, Count b) {
    std::int64_t sum = 0;
    if (!a || !b || __builtin_add_overflow(*a, *b, &sum)) return std::nullopt;
    return sum;
}

std::optional<Shape> input_shape(const NodeProto& node, int slot, const TypeTable& types) {
    if (slot >= node.input_size()) return std::nullopt;
    return types.closed_shape(node.input(slot));
}

Count output_elements(const NodeProto& node, const TypeTable& types) {
    if (node.output_size() == 0) return std::nullopt;
    const auto shape = types.closed_shape(node.output(0));
    return shape ? element_count(*shape) : std::nullopt;
}

/// W is [filters, channels / groups, kernel...]: each output element takes one filter.
Count convolution(const NodeProto& node, int weights_slot, const TypeTable& types) {
    const auto weights = input_shape(node, weights_slot, types);
    if (!weights || weights->empty()) return std::nullopt;
    return times(output_elements(node, types), element_count(Shape(weights->begin() + 1, weights->end())));
}

/// W is [channels, filters / groups, kernel...]: each input element spreads over one.
Count transposed_convolution(const NodeProto& node, const TypeTable& types) {
    const auto weights = input_shape(node, 1, types);
    const auto input = input_shape(node, 0, types);
    if (!weights || weights->empty() || !input) return std::nullopt;
    return times(element_count(*input), element_count(Shape(weights->begin() + 1, weights->end())));
}

/// Each output element sums over the last dimension of A (its first when transposed).
Count product(const NodeProto& node, bool transposed, const TypeTable& types) {
    const auto a = input_shape(node, 0, types);
    if (!a || a->empty()) return std::nullopt;
    return times(output_elements(node, types), transposed ? a->front() : a->back());
}

Count macs_inside(const onnx::GraphProto& graph, const TypeTable& around) {
    const TypeTable types(graph, &around);
    Count total = 0;
    for (const NodeProto& node : graph.node()) total = plus(total, macs_of(node, types));
    return total;
}

Count control_flow(const NodeProto& node, const TypeTable& types) {
    Count most = 0;
    for (const auto* graph : subgraphs_of(node)) {
        const Count inside = macs_inside(*graph, types);
        if (!inside) return std::nullopt;
        most = std::max(most, inside);
    }
    if (node.op_type() == "If" || most == 0) return most;
    return std::nullopt;  // how often a loop runs, its input decides
}

}  // namespace

Count macs_of(const NodeProto& node, const TypeTable& types) {
    if (!is_standard(node)) return 0;
    const std::string& op = node.op_type();
    if (op == "Conv" || op == "ConvInteger") return convolution(node, 1, types);
    if (op == "QLinearConv") return convolution(node, 3, types);
    if (op == "ConvTranspose") return transposed_convolution(node, types);
    if (op == "Gemm") {
        const auto* transposed = attribute_of(node, "transA");
        return product(node, transposed != nullptr && transposed->i() != 0, types);
    }
    if (op == "MatMul" || op == "MatMulInteger" || op == "QLinearMatMul") return product(node, false, types);
    return subgraphs_of(node).empty() ? Count(0) : control_flow(node, types);
}

}  // namespace breakeven
