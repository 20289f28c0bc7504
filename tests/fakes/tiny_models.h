// Small ONNX models for tests, written byte by byte (protobuf's wire format), so that they need no ONNX library and
// hostile ones can be made as easily as good ones.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "breakeven/tensor/tensor.h"

namespace breakeven::fakes {

/// An attribute of a node, already encoded.
struct Attribute {
    std::string bytes;
};
Attribute int_attribute(std::string_view name, std::int64_t value);
Attribute ints_attribute(std::string_view name, const std::vector<std::int64_t>& values);
Attribute float_attribute(std::string_view name, float value);
Attribute string_attribute(std::string_view name, std::string_view value);

/// A graph under construction. Dimensions of -1 become the symbol "N"; node order is the order of the calls.
class TinyGraph {
   public:
    explicit TinyGraph(std::string_view name = "tiny") : name_(name) {}

    TinyGraph& input(std::string_view name, DType dtype, const Shape& shape);
    TinyGraph& output(std::string_view name, DType dtype, const Shape& shape);
    TinyGraph& weights(std::string_view name, const Shape& shape, std::span<const float> values);
    TinyGraph& integers(std::string_view name, const Shape& shape, std::span<const std::int64_t> values);
    /// A tensor whose bytes are given as they are: they may disagree with the shape.
    TinyGraph& raw(std::string_view name, DType dtype, const Shape& shape, std::string_view bytes);
    /// Weights that lie in a file beside the model.
    TinyGraph& external(std::string_view name, DType dtype, const Shape& shape,
                        const std::vector<std::pair<std::string, std::string>>& entries);
    TinyGraph& node(std::string_view op, const std::vector<std::string>& inputs,
                    const std::vector<std::string>& outputs, const std::vector<Attribute>& attributes = {});
    TinyGraph& domain_node(std::string_view domain, std::string_view op, const std::vector<std::string>& inputs,
                           const std::vector<std::string>& outputs);

    /// A local function of the domain "local", with the nodes of `body`; call it with `call`.
    TinyGraph& function(std::string_view name, std::string_view input, std::string_view output, const TinyGraph& body);
    TinyGraph& call(std::string_view function, const std::string& input, const std::string& output);

    std::string graph_bytes() const;
    /// The ModelProto.
    std::string model(std::int64_t opset = 17, std::int64_t ir_version = 8) const;

   private:
    std::string name_;
    std::string fields_;
    std::vector<std::string> nodes_;
    std::vector<std::string> functions_;
    bool foreign_ = false;
};

/// A subgraph as an attribute of If, Loop or Scan.
Attribute graph_attribute(std::string_view name, const TinyGraph& graph);

/// y = x: float32 "x" -> "y".
std::string identity_model(const Shape& shape);
/// y = x + 1: float32 "x" -> "y".
std::string add_one_model(const Shape& shape);
/// y = relu(x) + sigmoid(x): float32 "x" -> "y"; the middle has two tensors crossing.
std::string two_branch_model(const Shape& shape);
/// y = softmax(x W + b), x [N, inputs], weights 0.01 * index: float32 "x" -> "y" [N, outputs].
std::string linear_model(std::int64_t inputs, std::int64_t outputs);
/// A 3x3 convolution of 4 filters, ReLU, global mean: float32 image "x" [N, 3, side, side] -> "y" [N, 4, 1, 1].
std::string small_convolution_model(std::int64_t side);

}  // namespace breakeven::fakes
