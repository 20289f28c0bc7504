// Decoding: inputs that came as frames (wire/coded_inputs.h) made into the tensors that they stand for. Pure.
#pragma once

#include <optional>

#include "breakeven/serve/binding.h"

namespace breakeven {

/// Replaces the request's inputs where it says that they are frames; others stay as they are. A frame is held against
/// what the model takes before it is decoded; whatever is wrong with it is refused as INVALID_ARGUMENT.
std::optional<Refusal> decode_inputs(const ModelFace& model, ParsedMessage& request);

}  // namespace breakeven
