// bias: rounding shifts the mean of what a layer puts out; its bias takes the shift back. Nagel et al. 2019, section
// 4.2, measured on samples instead of derived from batch norms.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "breakeven/compress/execution.h"
#include "breakeven/compress/observe.h"
#include "breakeven/compress/quantize.h"
#include "breakeven/compress/quantize_plan.h"

namespace breakeven {

/// By layer, one entry an output channel: what to add to its bias. MatMul of higher rank has no bias and no entry.
using BiasShifts = std::map<std::string, std::vector<float>>;

/// `model` is the float network that `plan` is of. Local shifts see each layer alone, its input rounded from the float
/// network's: one pass over the samples. Sequential ones then go from layer to layer, front to back, and take out what
/// the rounded network up to there still shifts: one more pass a layer. (All layers at once would correct each again
/// for what is corrected before it, which builds up along the network.)
BiasShifts bias_shifts(const Model& model, const QuantizePlan& plan, const std::map<std::string, Range>& ranges,
                       const Samples& samples, const Execute& execute, const QuantizeOptions& options);

}  // namespace breakeven
