// gram_layers: see gram_layers.h.
#include "breakeven/compress/gram_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "breakeven/error.h"
#include "breakeven/model/graph_index.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {

namespace {

using onnx::NodeProto;

std::string name_of(const NodeProto& node) {
    if (!node.name().empty()) return printable(node.name(), 120);
    return fmt::format("{} of '{}'", node.op_type(), node.output_size() > 0 ? printable(node.output(0), 120) : "");
}

void check_finite(const Network& network, const std::string& tensor, const std::string& node) {
    const auto values = network.weights(tensor);
    if (std::any_of(values.begin(), values.end(), [](float value) { return !std::isfinite(value); })) {
        throw Error(ErrorKind::input, fmt::format("compress layer '{}'", node),
                    fmt::format("its weights '{}' hold numbers that are not finite; export the network again",
                                printable(tensor, 120)));
    }
}

/// The stored vector that is added to a product before anybody else sees it.
NodeProto* bias_add(Network& network, const NodeProto& node) {
    const std::string& product = node.output(0);
    if (network.is_seen_outside(product)) return nullptr;
    const auto takers = network.consumers(product);
    if (takers.size() != 1 || !is_standard(*takers.front()) || takers.front()->op_type() != "Add") return nullptr;
    return takers.front();
}

/// Input of `node` that holds a stored vector of `outputs` numbers in the last dimension (or in dimension
/// `axis_from_end`).
std::optional<int> vector_input(const Network& network, const NodeProto& node, std::int64_t outputs) {
    for (int i = 0; i < node.input_size(); ++i) {
        if (!network.has_weights(node.input(i))) continue;
        const Shape shape = network.weights_shape(node.input(i));
        if (element_count(shape) == outputs && !shape.empty() && shape.back() == outputs) return i;
    }
    return std::nullopt;
}

Extent extent_from(const std::vector<std::int64_t>& values, std::size_t from, std::size_t rank) {
    if (values.empty()) return {};
    if (rank == 1) return {1, values[from]};
    return {values[from], values[from + 1]};
}

/// What keeps a Conv from being a matrix here; nothing where it can be one.
std::optional<std::string> read_convolution(Network& network, NodeProto& node, LinearLayer& layer) {
    const Shape shape = network.weights_shape(node.input(1));
    if (shape.size() < 3) return "its kernel has no spatial dimension";
    const std::size_t rank = shape.size() - 2;
    layer.kind = LinearLayer::Kind::convolution;
    layer.groups = integer_attribute(node, "group", 1);
    layer.outputs = shape[0];
    if (layer.groups < 1 || layer.outputs % layer.groups != 0) return "its groups do not divide its outputs";
    layer.inputs = shape[1];
    for (std::size_t i = 2; i < shape.size(); ++i) layer.inputs *= shape[i];
    layer.rows_known = rank <= 2;
    layer.can_take_bias = true;
    if (!layer.rows_known) return std::nullopt;
    const auto pads = integers_attribute(node, "pads");
    const auto strides = integers_attribute(node, "strides");
    const auto dilations = integers_attribute(node, "dilations");
    if ((!pads.empty() && pads.size() != 2 * rank) || (!strides.empty() && strides.size() != rank) ||
        (!dilations.empty() && dilations.size() != rank)) {
        return "its attributes do not match its kernel";
    }
    layer.kernel = extent_from(shape, 2, rank);
    layer.stride = extent_from(strides, 0, rank);
    layer.dilation = extent_from(dilations, 0, rank);
    if (!pads.empty()) layer.pad_begin = extent_from(pads, 0, rank);
    if (rank == 1 || pads.empty()) layer.pad_begin.height = 0;
    if (pads.empty()) layer.pad_begin = {0, 0};
    if (const auto* automatic = attribute_of(node, "auto_pad"); automatic != nullptr) {
        layer.pads_from_shapes = automatic->s().starts_with("SAME");
        layer.same_lower = automatic->s() == "SAME_LOWER";
    }
    return std::nullopt;
}

std::optional<std::string> read_dense(Network& network, NodeProto& node, LinearLayer& layer) {
    const Shape shape = network.weights_shape(node.input(1));
    if (shape.size() != 2) return "its weights are not a matrix";
    layer.kind = LinearLayer::Kind::dense;
    layer.transposed = true;
    if (node.op_type() == "Gemm") {
        if (integer_attribute(node, "transA", 0) != 0) return "it takes its input transposed";
        if (float_attribute(node, "beta", 1.0F) != 1.0F) return "it scales its bias";
        layer.transposed = integer_attribute(node, "transB", 0) == 0;
        layer.scale = float_attribute(node, "alpha", 1.0F);
        if (layer.scale == 0.0F) return "its alpha is zero";
        layer.can_take_bias = true;
    }
    layer.inputs = shape[layer.transposed ? 0 : 1];
    layer.outputs = shape[layer.transposed ? 1 : 0];
    return std::nullopt;
}

/// Finds the bias, owned. Returns why the layer cannot be changed, or nothing.
std::optional<std::string> read_bias(Network& network, NodeProto& node, LinearLayer& layer) {
    if (node.op_type() == "MatMul") {
        NodeProto* add = bias_add(network, node);
        const auto at = add == nullptr ? std::nullopt : vector_input(network, *add, layer.outputs);
        if (!at) return std::nullopt;
        network.own_weights(*add, *at);
        layer.bias = add->input(*at);
        layer.can_take_bias = true;
        return std::nullopt;
    }
    if (node.input_size() < 3 || node.input(2).empty()) return std::nullopt;
    if (!network.has_weights(node.input(2))) return "its bias is not stored";
    if (element_count(network.weights_shape(node.input(2))) != layer.outputs) return "its bias is no vector";
    network.own_weights(node, 2);
    layer.bias = node.input(2);
    return std::nullopt;
}

[[noreturn]] void shape_fault(const LinearLayer& layer, const Tensor& tensor) {
    throw Error(ErrorKind::input, fmt::format("look at layer '{}'", layer.node),
                fmt::format("a calibration sample gave it a tensor of {} {}, which does not fit; samples must have the "
                            "network's input shape",
                            name(tensor.dtype()), to_text(tensor.shape())));
}

void check_tensor(const LinearLayer& layer, const Tensor& tensor, std::int64_t channels) {
    const Shape& shape = tensor.shape();
    bool fits = tensor.dtype() == DType::float32 && tensor.elements() > 0;
    if (layer.kind == LinearLayer::Kind::convolution) {
        fits = fits && (shape.size() == 3 || shape.size() == 4) && shape[0] == 1 && shape[1] == channels;
    } else {
        fits = fits && !shape.empty() && shape.back() == channels;
    }
    if (!fits) shape_fault(layer, tensor);
}

std::int64_t same_pad(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                      std::int64_t dilation, bool lower) {
    const std::int64_t total = std::max<std::int64_t>((out - 1) * stride + (kernel - 1) * dilation + 1 - in, 0);
    return lower ? total - total / 2 : total / 2;
}

Extent image_extent(const Tensor& tensor) {
    const Shape& shape = tensor.shape();
    return shape.size() == 3 ? Extent{1, shape[2]} : Extent{shape[2], shape[3]};
}

}  // namespace

LinearLayers linear_layers(Network& network) {
    LinearLayers found;
    for (int i = 0; i < network.graph().node_size(); ++i) {
        NodeProto& node = *network.graph().mutable_node(i);
        const std::string& op = node.op_type();
        if (!is_standard(node) || (op != "Conv" && op != "Gemm" && op != "MatMul")) continue;
        LinearLayer layer;
        layer.node = name_of(node);
        layer.op = op;
        std::optional<std::string> fault;
        if (node.input_size() < 2 || !network.has_weights(node.input(1))) {
            fault = "its weights are not stored as float32";
        } else {
            fault = op == "Conv" ? read_convolution(network, node, layer) : read_dense(network, node, layer);
            if (!fault && (layer.inputs < 1 || layer.outputs < 1)) fault = "it has no weights";
            if (!fault) fault = read_bias(network, node, layer);
        }
        if (fault) {
            found.left_alone.push_back({layer.node, op, *fault});
            continue;
        }
        network.own_weights(node, 1);
        layer.weights = node.input(1);
        layer.input = node.input(0);
        layer.output = node.output(0);
        check_finite(network, layer.weights, layer.node);
        if (!layer.bias.empty()) check_finite(network, layer.bias, layer.node);
        found.layers.push_back(std::move(layer));
    }
    return found;
}

Matrix matrix_of(const Network& network, const LinearLayer& layer, std::int64_t group) {
    const auto values = network.weights(layer.weights);
    const std::int64_t rows = layer.outputs_per_group();
    if (layer.transposed) {
        return layer.scale * Eigen::Map<const Matrix>(values.data(), layer.inputs, layer.outputs).transpose();
    }
    return layer.scale * Eigen::Map<const Matrix>(values.data() + group * rows * layer.inputs, rows, layer.inputs);
}

void set_matrix(Network& network, const LinearLayer& layer, std::int64_t group, const Matrix& matrix) {
    const auto old = network.weights(layer.weights);
    std::vector<float> values(old.begin(), old.end());
    const std::int64_t rows = layer.outputs_per_group();
    BREAKEVEN_ASSERT(matrix.rows() == rows && matrix.cols() == layer.inputs);
    if (layer.transposed) {
        Eigen::Map<Matrix>(values.data(), layer.inputs, layer.outputs) = matrix.transpose() / layer.scale;
    } else {
        Eigen::Map<Matrix>(values.data() + group * rows * layer.inputs, rows, layer.inputs) = matrix / layer.scale;
    }
    network.set_weights(layer.weights, network.weights_shape(layer.weights), values);
}

Vector bias_of(const Network& network, const LinearLayer& layer) {
    if (layer.bias.empty()) return Vector::Zero(layer.outputs);
    return Eigen::Map<const Vector>(network.weights(layer.bias).data(), layer.outputs);
}

void set_bias(Network& network, LinearLayer& layer, const Vector& bias) {
    BREAKEVEN_ASSERT(layer.can_take_bias && bias.size() == layer.outputs);
    const std::span<const float> values(bias.data(), static_cast<std::size_t>(bias.size()));
    if (!layer.bias.empty()) {
        network.set_weights(layer.bias, network.weights_shape(layer.bias), values);
        return;
    }
    layer.bias = network.add_weights(layer.weights + "_bias", {layer.outputs}, values);
    NodeProto* node = network.producer(layer.output);
    BREAKEVEN_ASSERT(node != nullptr);
    if (node->input_size() < 3) {
        node->add_input(layer.bias);
    } else {
        node->set_input(2, layer.bias);
    }
    network.changed();
}

Extent extent_of(const LinearLayer& layer, const Tensor& output) {
    if (layer.kind == LinearLayer::Kind::dense) return {};
    check_tensor(layer, output, layer.outputs);
    return image_extent(output);
}

std::int64_t positions_of(const LinearLayer& layer, const Tensor& output) {
    check_tensor(layer, output, layer.outputs);
    return output.elements() / layer.outputs;
}

Matrix output_rows(const LinearLayer& layer, const Tensor& output, std::span<const std::int64_t> positions) {
    check_tensor(layer, output, layer.outputs);
    const float* values = output.as<float>().data();
    Matrix rows(static_cast<Eigen::Index>(positions.size()), layer.outputs);
    const std::int64_t area = output.elements() / layer.outputs;
    for (std::size_t i = 0; i < positions.size(); ++i) {
        float* row = rows.data() + static_cast<std::int64_t>(i) * layer.outputs;
        BREAKEVEN_ASSERT(positions[i] < area);
        if (layer.kind == LinearLayer::Kind::dense) {
            std::copy_n(values + positions[i] * layer.outputs, layer.outputs, row);
        } else {
            for (std::int64_t c = 0; c < layer.outputs; ++c) row[c] = values[c * area + positions[i]];
        }
    }
    return rows;
}

Matrix input_rows(const LinearLayer& layer, std::int64_t group, const Tensor& input, Extent output,
                  std::span<const std::int64_t> positions) {
    Matrix rows(static_cast<Eigen::Index>(positions.size()), layer.inputs);
    if (layer.kind == LinearLayer::Kind::dense) {
        check_tensor(layer, input, layer.inputs);
        const float* values = input.as<float>().data();
        for (std::size_t i = 0; i < positions.size(); ++i) {
            if ((positions[i] + 1) * layer.inputs > input.elements()) shape_fault(layer, input);
            std::copy_n(values + positions[i] * layer.inputs, layer.inputs,
                        rows.data() + static_cast<std::int64_t>(i) * layer.inputs);
        }
        return rows;
    }
    BREAKEVEN_ASSERT(layer.rows_known);
    const std::int64_t channels = layer.inputs / layer.positions_in_kernel();
    check_tensor(layer, input, channels * layer.groups);
    const Extent size = image_extent(input);
    Extent begin = layer.pad_begin;
    if (layer.pads_from_shapes) {
        begin.height = same_pad(size.height, output.height, layer.kernel.height, layer.stride.height,
                                layer.dilation.height, layer.same_lower);
        begin.width = same_pad(size.width, output.width, layer.kernel.width, layer.stride.width, layer.dilation.width,
                               layer.same_lower);
    }
    const float* values = input.as<float>().data() + group * channels * size.height * size.width;
    for (std::size_t i = 0; i < positions.size(); ++i) {
        const std::int64_t top = positions[i] / output.width * layer.stride.height - begin.height;
        const std::int64_t left = positions[i] % output.width * layer.stride.width - begin.width;
        float* to = rows.data() + static_cast<std::int64_t>(i) * layer.inputs;
        for (std::int64_t c = 0; c < channels; ++c) {
            const float* plane = values + c * size.height * size.width;
            for (std::int64_t ky = 0; ky < layer.kernel.height; ++ky) {
                const std::int64_t y = top + ky * layer.dilation.height;
                for (std::int64_t kx = 0; kx < layer.kernel.width; ++kx) {
                    const std::int64_t x = left + kx * layer.dilation.width;
                    const bool inside = y >= 0 && y < size.height && x >= 0 && x < size.width;
                    *to++ = inside ? plane[y * size.width + x] : 0.0F;
                }
            }
        }
    }
    return rows;
}

}  // namespace breakeven
