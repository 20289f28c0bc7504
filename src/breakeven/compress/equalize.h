// equalize: channels of neighbouring layers rescaled against each other, so that each layer's share its range more
// evenly; what the network puts out stays. Nagel et al. 2019, "Data-free quantization through weight equalization and
// bias correction", section 4.1.
#pragma once

#include <cstddef>

#include "breakeven/compress/network.h"

namespace breakeven {

/// Pairs of layers with nothing between them, or a Relu or LeakyRelu (a positive factor goes through those; not through
/// the upper limit of a Clip). Chains, depthwise ones too, are swept until nothing moves. Returns how many pairs there
/// are.
std::size_t equalize(Network& network);

}  // namespace breakeven
