// calibrate_choose: of several ranges for a tensor, the one that costs the layers behind it least.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "breakeven/compress/calibrate.h"
#include "breakeven/compress/quantize.h"
#include "breakeven/compress/quantize_plan.h"

namespace breakeven {

/// For each entry of `candidates` (by the plan's shared tensor), the one whose rounding leaves the least noise,
/// relative to the signal, in what the layers that take the tensor put out; where no layer takes it, in the tensor
/// itself. One pass over the samples: a layer is linear, so what rounding adds to its output is what the layer makes of
/// the rounding error alone.
std::map<std::string, ChosenRange> choose_ranges(const Model& model, const QuantizePlan& plan,
                                                 const std::map<std::string, std::vector<ChosenRange>>& candidates,
                                                 const Samples& samples, const Execute& execute, ActivationForm form);

}  // namespace breakeven
