// Synthetic samples: what a network of the zoo is calibrated and compared on where there are no pictures. Its weights
// are seeded, so no picture means more to it than another; what counts is that numbers are spread as those of pictures
// are.
#pragma once

#include <cstddef>
#include <cstdint>

#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// One sample of a stream that the seed names.
struct SyntheticSample {
    std::uint64_t seed = 0;
    std::size_t index = 0;
};

/// A picture of overlapping leaves in -1..1 for an input of [batch, channels, rows, columns]: the kind that a network
/// of the zoo is rehearsed with while it is built, of other seeds. The same on every machine.
Tensor synthetic_picture(const TensorSpec& input, const SyntheticSample& sample);

}  // namespace breakeven
