// execution: how compression runs a network without knowing an engine. Whoever calls it passes an Execute: an engine
// outside, a few lines in a test.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "breakeven/model/model.h"
#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// The inputs of one inference, in the order of Model::inputs(), batch 1.
using Sample = std::vector<Tensor>;

/// Calibration samples, asked for one at a time: a data set need not fit into memory. No labels.
struct Samples {
    std::size_t count = 0;
    std::function<Sample(std::size_t index)> at;
};

/// Takes the outputs of one inference, in the order of Model::outputs(). They are valid during the call only.
using TakeOutputs = std::function<void(std::size_t index, std::span<const Tensor> outputs)>;

/// Runs `model` once for every sample, in their order, and hands the outputs over one inference at a time, so that
/// memory stays bounded. Runs with graph optimizations; throws Error when the model cannot be run.
using Execute = std::function<void(const Model& model, const Samples& samples, const TakeOutputs& take)>;

/// The same model with `tensors` as its only outputs, in that order; what they do not need is left out.
/// Throws Error{input} for a name that is no tensor that depends on the input.
Model with_outputs(const Model& model, std::span<const std::string> tensors);

}  // namespace breakeven
