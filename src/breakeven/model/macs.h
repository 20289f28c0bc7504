// macs: multiply-adds of a node, from its shapes.
#pragma once

#include <cstdint>
#include <optional>

#include "breakeven/model/infer.h"

namespace breakeven {

/// Of Conv, ConvTranspose, Gemm, MatMul and their integer forms; 0 for other operators; nothing where a shape that
/// counts is unknown. If counts its costlier branch; a loop around such operators is unknown.
std::optional<std::int64_t> macs_of(const onnx::NodeProto& node, const TypeTable& types);

}  // namespace breakeven
