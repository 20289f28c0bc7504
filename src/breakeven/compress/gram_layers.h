// gram_layers: a network's linear layers (Conv, Gemm, MatMul with stored weights) as matrices, one row an output, and
// the inputs that each output position sees as rows of the same width: what a least-squares problem is made of.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "breakeven/compress/network.h"

namespace breakeven {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXf;

/// Spatial extent of a convolution; one-dimensional ones have a height of 1.
struct Extent {
    std::int64_t height = 1;
    std::int64_t width = 1;
};

struct LinearLayer {
    enum class Kind { convolution, dense };

    Kind kind = Kind::dense;
    std::string node;     ///< its name, or the operator and its output where it has none
    std::string op;       ///< "Conv", "Gemm", "MatMul"
    std::string input;    ///< tensors
    std::string output;   ///< what it makes; a MatMul's before the Add that holds its bias
    std::string weights;  ///< stored
    std::string bias;     ///< stored; empty: none
    std::int64_t groups = 1;
    std::int64_t outputs = 0;  ///< in all groups
    std::int64_t inputs = 0;   ///< columns of one group's matrix: channels of the group x kernel
    bool transposed = false;   ///< stored as [inputs, outputs]
    float scale = 1.0F;        ///< Gemm's alpha: the matrix is scale x what is stored
    bool can_take_bias = false;

    // Of a convolution.
    Extent kernel, stride, dilation, pad_begin;
    bool pads_from_shapes = false;  ///< auto_pad SAME_*: what begins follows from the sizes
    bool same_lower = false;
    bool rows_known = true;  ///< positions can be read off its input; not for three-dimensional kernels

    std::int64_t outputs_per_group() const { return outputs / groups; }
    std::int64_t positions_in_kernel() const { return kernel.height * kernel.width; }
    /// One input channel makes one output channel, or a few.
    bool is_depthwise() const { return groups > 1 && inputs == positions_in_kernel(); }
};

/// Operators that look linear and are left alone, with the reason.
struct LeftAlone {
    std::string node;
    std::string op;
    std::string reason;
    friend bool operator==(const LeftAlone&, const LeftAlone&) = default;
};

struct LinearLayers {
    std::vector<LinearLayer> layers;  ///< each after those it needs
    std::vector<LeftAlone> left_alone;
};

/// Gives every linear layer weights (and bias) of its own. Throws Error{input} for weights that are not finite.
LinearLayers linear_layers(Network& network);

/// The weights of one group, outputs_per_group x inputs.
Matrix matrix_of(const Network& network, const LinearLayer& layer, std::int64_t group);
void set_matrix(Network& network, const LinearLayer& layer, std::int64_t group, const Matrix& matrix);

/// The bias in all groups; zeros where there is none.
Vector bias_of(const Network& network, const LinearLayer& layer);
/// Adds the tensor where the layer has none yet. Requires can_take_bias.
void set_bias(Network& network, LinearLayer& layer, const Vector& bias);

/// Output positions of one sample: pixels of a convolution, rows of a matrix product.
std::int64_t positions_of(const LinearLayer& layer, const Tensor& output);
/// The layer's output at each of `positions`: one row each, a column an output. Throws Error{input} for a shape that
/// the layer cannot have.
Matrix output_rows(const LinearLayer& layer, const Tensor& output, std::span<const std::int64_t> positions);
/// What the outputs of one group see at `positions`: one row each, `inputs` columns. `output` gives the extent.
Matrix input_rows(const LinearLayer& layer, std::int64_t group, const Tensor& input, Extent output,
                  std::span<const std::int64_t> positions);
/// Height and width of a convolution's output; {1, 1} for a dense layer.
Extent extent_of(const LinearLayer& layer, const Tensor& output);

}  // namespace breakeven
