// Weights as compression leaves them, for tests and benchmarks of packing: random, then pruned, clustered, quantized.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "breakeven/time/random.h"

namespace breakeven::fakes {

struct Layer {
    std::size_t channels = 1;     ///< first dimension
    std::size_t per_channel = 1;  ///< weights of each
    std::size_t size() const { return channels * per_channel; }
};

/// Normal, each channel with a spread of its own.
inline std::vector<float> float_weights(const Layer& layer, std::uint64_t seed) {
    Random random(seed);
    std::vector<float> weights;
    weights.reserve(layer.size());
    for (std::size_t channel = 0; channel < layer.channels; ++channel) {
        const double spread = 0.05 * std::exp(0.3 * random.normal());
        for (std::size_t i = 0; i < layer.per_channel; ++i) {
            weights.push_back(static_cast<float>(spread * random.normal()));
        }
    }
    return weights;
}

/// The half nearest to zero becomes zero.
inline void prune_half(std::vector<float>& weights) {
    std::vector<float> sizes;
    for (const float weight : weights) sizes.push_back(std::abs(weight));
    const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
    std::nth_element(sizes.begin(), middle, sizes.end());
    for (float& weight : weights) weight = std::abs(weight) < *middle ? 0.0F : weight;
}

/// Zeros stay; the others take the nearest of 15 values, evenly spaced and then moved to the mean of those they serve.
inline void cluster_to_16(std::vector<float>& weights) {
    const auto [low, high] = std::minmax_element(weights.begin(), weights.end());
    std::vector<double> centres;
    for (int i = 0; i < 15; ++i) centres.push_back(*low + (double{*high} - *low) * i / 14.0);
    const auto nearest = [&centres](float weight) {
        const auto above = std::lower_bound(centres.begin(), centres.end(), double{weight});
        if (above == centres.begin()) return std::size_t{0};
        const auto place = static_cast<std::size_t>(above - centres.begin());
        if (above == centres.end()) return place - 1;
        return *above - weight < weight - centres[place - 1] ? place : place - 1;
    };
    for (int step = 0; step < 8; ++step) {
        std::vector<double> sum(centres.size(), 0.0);
        std::vector<double> count(centres.size(), 0.0);
        for (const float weight : weights) {
            if (weight == 0.0F) continue;
            sum[nearest(weight)] += weight;
            ++count[nearest(weight)];
        }
        for (std::size_t i = 0; i < centres.size(); ++i) {
            if (count[i] > 0) centres[i] = sum[i] / count[i];
        }
        std::sort(centres.begin(), centres.end());
    }
    for (float& weight : weights) weight = weight == 0.0F ? 0.0F : static_cast<float>(centres[nearest(weight)]);
}

/// 8 bits, symmetric, each channel by its own largest weight.
inline std::string quantized(const std::vector<float>& weights, const Layer& layer) {
    std::string bytes;
    for (std::size_t channel = 0; channel < layer.channels; ++channel) {
        const float* const own = weights.data() + channel * layer.per_channel;
        float largest = 1e-9F;
        for (std::size_t i = 0; i < layer.per_channel; ++i) largest = std::max(largest, std::abs(own[i]));
        for (std::size_t i = 0; i < layer.per_channel; ++i) {
            bytes.push_back(static_cast<char>(std::lround(own[i] / largest * 127.0F)));
        }
    }
    return bytes;
}

}  // namespace breakeven::fakes
