// The zoo: the studies' networks by name, built here layer by layer with seeded weights.
// Frennborn & Oliv 2022, "Neural Networks, Edge Computing or Offloading", Table 2.1: a Keras application without its
// top, then Flatten, Dense(256), Dense(100). Untrained: their answers mean nothing, their cost does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/model/model.h"
#include "breakeven/zoo/network_builder.h"

namespace breakeven {

struct ZooNetwork {
    std::string name;  ///< "mobilenet-v1-32"
    TensorSpec input;
    std::int64_t parameters = 0;
    std::int64_t keras_layers = 0;  ///< as Keras counts them, with the input and the three of the top
};

/// All networks, counted from their definitions.
std::vector<ZooNetwork> zoo_networks();

/// The same seed gives the same bytes on every machine. Throws Error{usage} for a name that is not in the zoo.
Model build_network(std::string_view name, std::uint64_t seed);

}  // namespace breakeven
