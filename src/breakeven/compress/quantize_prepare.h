// quantize_prepare: a model made ready to be quantized: checked, its opset raised where 8-bit weights need it, its
// nodes named, and samples checked as they come.
#pragma once

#include "breakeven/compress/execution.h"
#include "breakeven/compress/network.h"
#include "breakeven/model/model.h"

namespace breakeven {

/// Throws Error{input}: an already quantized model, weights that are not finite; {unsupported} where nothing can be
/// quantized, or the opset cannot be raised to 13, which has a scale for each channel.
Network open_for_quantization(const Model& model);

/// The first `count_max` samples, each checked against the model's inputs when it is asked for. Small ones are kept, so
/// that further passes do not read them again. Throws Error{input} when there are none.
Samples checked_samples(const Model& model, const Samples& samples, std::size_t count_max);

}  // namespace breakeven
