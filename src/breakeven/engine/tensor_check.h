// What every engine checks before it runs: the tensors fit the inputs.
#pragma once

#include <span>
#include <vector>

#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// Throws Error{input}, naming the input and what was given, for a wrong count, type or shape.
void check_tensors(const std::vector<TensorSpec>& inputs, std::span<const Tensor> tensors);

}  // namespace breakeven
