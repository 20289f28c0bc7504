// quantize_write: writes a planned and calibrated network in 8 bits: QuantizeLinear and DequantizeLinear around what is
// rounded, weights and biases as integers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "breakeven/compress/network.h"
#include "breakeven/compress/observe.h"
#include "breakeven/compress/quantize.h"
#include "breakeven/compress/quantize_layer.h"
#include "breakeven/compress/quantize_plan.h"

namespace breakeven {

/// Activations: real = scale * (integer - zero_point), integers of 8 bits.
struct ActivationScale {
    float scale = 1;
    int zero_point = 0;
};
ActivationScale activation_scale(Range range, ActivationForm form);

/// Weights of a layer as integers and the scale of each entry along the output axis (one in all for per_tensor).
struct RoundedWeights {
    std::vector<std::int8_t> values;
    std::vector<float> scales;
};

/// Symmetric: zero is exact. `floors`: no scale is smaller than its entry (a bias in units of a tiny scale overflows);
/// empty: none.
RoundedWeights round_weights(std::span<const float> weights, const WeightLayout& layout, const QuantizeOptions& options,
                             std::span<const float> floors);
/// What the rounded weights stand for.
std::vector<float> dequantized(const RoundedWeights& rounded, const WeightLayout& layout);

/// `ranges` by tensor, for all of the plan's. `shifts`, by layer: what is added to its bias.
void write_quantized(Network& network, const QuantizePlan& plan, const std::map<std::string, Range>& ranges,
                     const std::map<std::string, std::vector<float>>& shifts, const QuantizeOptions& options);

}  // namespace breakeven
