// cuts: where a network can be cut in two, and what then crosses.
#pragma once

#include <onnx/onnx_pb.h>

#include <vector>

#include "breakeven/model/graph_index.h"
#include "breakeven/model/infer.h"
#include "breakeven/model/model.h"

namespace breakeven {

/// See Model::cuts.
std::vector<Cut> prefix_cuts(const onnx::GraphProto& graph, const GraphIndex& index, const TypeTable& types,
                             const std::unordered_set<std::string_view>& not_tensors);

}  // namespace breakeven
