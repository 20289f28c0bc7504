// quantize_plan: which nodes of a network run in 8 bits, and which tensors are rounded for that.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "breakeven/compress/network.h"

namespace breakeven {

/// A node that runs in 8 bits.
struct QuantizedNode {
    std::string node;                 ///< its name
    std::vector<std::string> inputs;  ///< activations it takes, each once; not weights
    std::string activation;           ///< the Relu or Clip behind it that its output's range replaces; empty: none
    std::string output;               ///< of the activation, where there is one
    bool rounds_output = true;        ///< false: a Gemm may hand out float
    bool has_weights = false;
};

struct QuantizePlan {
    std::vector<QuantizedNode> nodes;  ///< in the order of the graph
    /// Each tensor to round, with the one whose range it shares (itself, mostly): what only moves numbers must not
    /// round them again.
    std::map<std::string, std::string> tensors;
    /// For each shared range, the tensors that fill it: those among its own that no moving operator made.
    std::map<std::string, std::vector<std::string>> sources;
};

/// Layers with stored weights run in 8 bits, but for those in `keep_float`; so do the operators between them that
/// engines have integer kernels for. What leads to no further layer (boxes, scores) stays in float. Nodes must be
/// named.
QuantizePlan plan_quantization(Network& network, const std::unordered_set<std::string>& keep_float);

/// Names of the layers that could run in 8 bits, in the order of the graph.
std::vector<std::string> quantizable_layers(Network& network);

}  // namespace breakeven
