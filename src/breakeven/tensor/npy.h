// .npy files (NumPy's format, versions 1 and 2): a tensor with its type and shape, to and from bytes.
// The format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// Copies the elements. `subject` names the bytes in messages. Throws Error{input} for a bad or hostile header, for
/// types and byte orders we lack, and for Fortran order.
Tensor parse_npy(std::span<const std::byte> bytes, std::string_view subject);

/// Throws Error{unsupported} for types .npy has no name for (bfloat16, string).
std::string to_npy(const Tensor& tensor);

}  // namespace breakeven
