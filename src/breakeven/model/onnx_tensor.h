// onnx_tensor: facts of a stored tensor (a TensorProto), and of the types ONNX numbers.
#pragma once

#include <onnx/onnx_pb.h>

#include <optional>
#include <string>

#include "breakeven/model/model.h"
#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// Nothing for a type that our tensors do not have (float8, int4, complex).
std::optional<DType> dtype_of_onnx(std::int32_t data_type);
std::int32_t onnx_type_of(DType dtype);

/// Bits of one element; nothing for strings and unknown types.
std::optional<std::int64_t> bits_of_onnx(std::int32_t data_type);
bool is_floating_onnx(std::int32_t data_type);

Shape shape_of(const onnx::TensorProto& tensor);
bool is_external(const onnx::TensorProto& tensor);

/// Bytes by type and shape, whatever is stored; nothing where they overflow or have no size.
std::optional<Bytes> stored_size(std::int32_t data_type, const Shape& shape);

/// Every element is 1 (of a float tensor stored in the model; false where it lies elsewhere).
bool all_ones(const onnx::TensorProto& tensor);

/// Why the tensor is not sound, or nothing: shape, type and the bytes that are there must agree.
std::optional<std::string> fault_of(const onnx::TensorProto& tensor);

/// Where an external tensor lies. `fault_of` it first.
ExternalWeights external_weights_of(const onnx::TensorProto& tensor);

}  // namespace breakeven
