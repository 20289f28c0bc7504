// String tensors: elements as 4-byte little-endian length and bytes, the way the Open Inference Protocol sends BYTES.
#pragma once

#include <string>
#include <vector>

#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// The tensor's elements. Throws Error{input} when the block does not hold exactly as many as the shape says.
std::vector<std::string> decode_strings(const Tensor& tensor);

/// A tensor of `shape` (closed) with these elements, as many as the shape says.
Tensor encode_strings(const Shape& shape, const std::vector<std::string>& elements);

}  // namespace breakeven
