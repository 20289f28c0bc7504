// check: whether a parsed model is one that we take: versions, names, tensors, and the rules of ONNX's own checker.
#pragma once

#include <onnx/onnx_pb.h>

#include <string_view>

namespace breakeven {

inline constexpr int opset_min = 7;   // before it, broadcasting was an attribute and shapes were not inferred
inline constexpr int opset_max = 23;  // the newest that every engine here reads

/// Throws Error{input} or {unsupported} naming `model` and the first thing that is wrong.
/// Inlines the model's local functions, so that nothing after has to know of them.
void check_and_inline(onnx::ModelProto& proto, std::string_view model);

/// The model without its larger weights, which become inputs: enough for checking and for inferring shapes.
onnx::ModelProto skeleton_of(const onnx::ModelProto& proto);

}  // namespace breakeven
