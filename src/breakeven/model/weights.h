// weights: which stored tensors are parameters, by what they are used for, and whose they are.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "breakeven/model/graph_index.h"
#include "breakeven/units/units.h"

namespace breakeven {

struct Weights {
    std::int64_t parameters = 0;
    Bytes size;

    Weights& operator+=(const Weights& other) {
        parameters += other.parameters;
        size += other.size;
        return *this;
    }
};

/// For each node that depends on the input, the parameters that it is the first to need; nothing for constant nodes.
/// Their sum is the network's, but for weights that only reach a constant output.
std::vector<Weights> weights_by_node(const onnx::GraphProto& graph, const GraphIndex& index);

}  // namespace breakeven
