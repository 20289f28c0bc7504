// The network as the split search sees it (plan/split_graph.h), and the names of what it talks of. Layer times come
// from the whole network's, by multiply-adds: good enough to look where to cut, not to believe a cut.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/model/model.h"
#include "breakeven/plan/split_graph.h"

namespace breakeven {

struct SearchedAs {
    Seconds whole{0.0};     ///< what all of it takes on the server
    double slowdown = 1.0;  ///< of the device
    std::optional<Watts> active;
    std::vector<std::string> private_inputs;
    Seconds cloud{0.0};  ///< what all of it takes in the cloud, where there is one
};

struct SearchedNetwork {
    SplitGraph graph;
    std::vector<std::string> tensors;             ///< by SplitTensorId
    std::vector<std::vector<std::string>> makes;  ///< by node
};

SearchedNetwork searched_network(const Model& model, const SearchedAs& as);

/// What crosses a batch of one; nothing where the shape is not known.
std::optional<Bytes> size_of_tensor(const Model& model, const std::string& name);

}  // namespace breakeven
