// parts_names: what a cut is told when it names a tensor that is not there.
#pragma once

#include <string>
#include <string_view>

#include "breakeven/model/graph_index.h"

namespace breakeven {

/// "; did you mean 'a' or 'b'?", "; 'x' is a node, it makes 'y'", or nothing.
std::string near_names(const onnx::GraphProto& graph, const GraphIndex& index, std::string_view wanted);

/// "'a', 'b' and 3 more", fit for an error.
std::string listed(const std::vector<std::string_view>& names);

}  // namespace breakeven
