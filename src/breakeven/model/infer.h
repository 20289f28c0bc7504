// infer: types and shapes of every tensor, by ONNX's own inference, kept from eating time and memory.
#pragma once

#include <onnx/onnx_pb.h>

#include <optional>
#include <string_view>
#include <unordered_map>

#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// A tensor's type as ONNX numbers it, and its shape where the rank is known.
struct TensorType {
    std::int32_t data_type = 0;
    std::optional<Shape> shape;
};

/// Types by name in one graph; what a subgraph does not know, the graph around it may. Not tensors are not here.
class TypeTable {
   public:
    explicit TypeTable(const onnx::GraphProto& graph, const TypeTable* around = nullptr);

    const TensorType* find(std::string_view name) const;
    /// The shape, when it is known to the last dimension.
    std::optional<Shape> closed_shape(std::string_view name) const;

   private:
    const TypeTable* around_;
    std::unordered_map<std::string_view, TensorType> types_;  // names point into the graph
};

/// The skeleton (check.h) with all types that can be inferred for one sample: the open first dimensions of the inputs
/// are closed to 1. Declared shapes that contradict what the operators do are dropped; a graph whose operators
/// contradict each other throws Error{input}.
onnx::ModelProto inferred(const onnx::ModelProto& skeleton, std::string_view model);

}  // namespace breakeven
