// Tensors into ONNX Runtime's values and back, without copying numbers. Included by the engine alone.
#pragma once

#ifndef ORT_API_MANUAL_INIT
#define ORT_API_MANUAL_INIT
#endif
#include <onnxruntime_cxx_api.h>

#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// Throws Error{unsupported} for a type that Tensor does not have.
DType dtype_of(ONNXTensorElementDataType type);

/// A value over the tensor's own memory, which must outlive it; strings are copied into the engine.
Ort::Value to_ort(const Tensor& tensor);

/// A tensor over the engine's memory, which it keeps alive; strings are copied out.
Tensor from_ort(Ort::Value value);

}  // namespace breakeven
