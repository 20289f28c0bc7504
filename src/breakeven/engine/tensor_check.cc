// What every engine checks before it runs: see tensor_check.h.
#include "breakeven/engine/tensor_check.h"

#include <fmt/format.h>

#include "breakeven/error.h"

namespace breakeven {

void check_tensors(const std::vector<TensorSpec>& inputs, std::span<const Tensor> tensors) {
    if (tensors.size() != inputs.size()) {
        throw Error(ErrorKind::input, "run the model",
                    fmt::format("it takes {} inputs, {} were given", inputs.size(), tensors.size()));
    }
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const TensorSpec& spec = inputs[i];
        if (tensors[i].dtype() == spec.dtype && admits(spec.shape, tensors[i].shape())) continue;
        throw Error(ErrorKind::input, fmt::format("run the model with input '{}'", spec.name),
                    fmt::format("it takes {} {}, given was {} {}", name(spec.dtype), to_text(spec.shape),
                                name(tensors[i].dtype()), to_text(tensors[i].shape())));
    }
}

}  // namespace breakeven
