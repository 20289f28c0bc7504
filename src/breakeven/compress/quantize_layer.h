// quantize_layer: one view of the layers that multiply by stored weights (Conv, ConvTranspose, Gemm, MatMul): which
// element belongs to which input and output channel, and the bias.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "breakeven/compress/network.h"

namespace breakeven {

/// Where the elements of a weight tensor belong.
struct WeightLayout {
    std::int64_t outputs = 0;
    std::int64_t inputs = 0;
    int output_axis = 0;  ///< the dimension that an 8-bit scale for each output channel lies along
    std::int64_t rows = 0, columns = 0, inner = 1;
    std::int64_t group = 1;
    bool rows_are_outputs = true;

    /// Channels of element (row, column, any inner).
    std::int64_t output_of(std::int64_t row, std::int64_t column) const;
    std::int64_t input_of(std::int64_t row, std::int64_t column) const;
    /// Entries along output_axis: fewer than `outputs` where groups of a ConvTranspose share them.
    std::int64_t axis_length() const { return rows_are_outputs ? rows : columns; }
    std::int64_t axis_index(std::int64_t row, std::int64_t column) const { return rows_are_outputs ? row : column; }
};

/// Nothing for another operator, weights that are not stored as float32 or have no sound shape, a transposed input, or
/// a bias that is not stored.
std::optional<WeightLayout> weight_layout(const Network& network, const onnx::NodeProto& node);

/// Multiplies what the layer puts out, channel by channel: weights and bias.
void scale_outputs(Network& network, onnx::NodeProto& node, std::span<const float> factors);
/// Multiplies the weights of each input channel.
void scale_inputs(Network& network, onnx::NodeProto& node, std::span<const float> factors);

/// The bias, one entry an output channel; zeros where there is none.
std::vector<float> bias_of(const Network& network, const onnx::NodeProto& node);
/// Not for MatMul, which has none.
void set_bias(Network& network, onnx::NodeProto& node, std::span<const float> bias);

/// A stored tensor that is the same at all places of a channel, spread over `channels` on dimension 1 of a tensor of
/// `rank`; nothing when it is not.
std::optional<std::vector<float>> per_channel(const Network& network, const std::string& tensor, std::size_t rank,
                                              std::int64_t channels);

/// Whether the node is the standard operator `op`.
bool is_op(const onnx::NodeProto& node, std::string_view op);
/// The one node that takes the tensor; null when several do, none, or something outside sees it.
onnx::NodeProto* only_consumer(Network& network, const std::string& tensor);

}  // namespace breakeven
