// Sample inputs: seeded random tensors of the right types and shapes, for timing a network without data.
// Good for latency only: random pixels say nothing about accuracy.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// One tensor a specification; open dimensions become 1. Floats lie in [0, 1) like scaled pixels, 8-bit unsigned
/// numbers take all values like pixels, other whole numbers are 0 to 9 (indices a table surely has), booleans and words
/// vary. The same seed gives the same inputs on every machine. Throws Error{input} beyond 1 GiB, which no sample needs.
std::vector<Tensor> sample_inputs(std::span<const TensorSpec> specifications, std::uint64_t seed);

/// One of them, for the inputs that no file was given for.
Tensor sample_input(const TensorSpec& specification, std::uint64_t seed);

}  // namespace breakeven
