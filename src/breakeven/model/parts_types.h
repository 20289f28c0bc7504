// parts_types: the declared types of what crosses a cut, with the batch open where the network leaves it open.
#pragma once

#include <onnx/onnx_pb.h>

#include <span>
#include <string_view>
#include <vector>

#include "breakeven/model/model.h"

namespace breakeven {

/// One declaration a name, in that order; inputs of the network are declared as it declares them. Throws
/// Error{unsupported} for what is no tensor or has no known shape.
std::vector<onnx::ValueInfoProto> declarations_of(const Model& model, std::span<const std::string_view> names);

}  // namespace breakeven
