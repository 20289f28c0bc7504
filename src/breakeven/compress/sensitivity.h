// sensitivity: which layers suffer most from 8 bits, and which must stay in float until an accuracy floor holds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "breakeven/compress/execution.h"
#include "breakeven/compress/quantize.h"
#include "breakeven/model/model.h"

namespace breakeven {

struct LayerSensitivity {
    std::string layer;
    /// Signal to noise of the network's output (its logits where it ends in a Softmax), in decibels, when this layer
    /// alone is quantized: the lower, the more the layer hurts.
    double output_sqnr_db = 0;
};

/// Every layer that can be quantized, the most sensitive first. Looks at no more than `samples_max` samples.
std::vector<LayerSensitivity> layer_sensitivities(const Quantization& quantization, const Samples& samples,
                                                  const Execute& execute, std::size_t samples_max = 4);

/// Signal to noise in decibels of what `model` puts out, with `reference` as the signal: over the output that feeds the
/// last Softmax, or the outputs themselves. Infinity when they agree exactly.
double output_sqnr_db(const Model& reference, const Model& model, const Samples& samples, const Execute& execute);

/// How far the accuracy of a model lies below the float network's, in points; the caller measures it.
using Drop = std::function<double(const Model& model)>;

struct MixedPrecision {
    Model model;
    std::vector<std::string> kept_float;  ///< the most sensitive first
    double drop_points = 0;
    bool floor_holds = false;  ///< false: not even with every layer in float
};

/// The most sensitive layers stay in float, as few as the floor needs: their number is found by doubling and halving,
/// which is the fewest if more layers in float never raise the drop.
MixedPrecision quantize_within(const Quantization& quantization, const std::vector<LayerSensitivity>& sensitivities,
                               double drop_points_max, const Drop& drop);

}  // namespace breakeven
