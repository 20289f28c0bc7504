// cache_fit: how a network's layers compare with a cache (Frennborn & Oliv 2022, chapter 5: latency falls with the
// share of layers that fit a level).
#pragma once

#include <cstdint>
#include <optional>

#include "breakeven/model/model.h"

namespace breakeven {

/// Over the layers that have weights, by the bytes of those.
struct CacheFit {
    double mean_layer_percent = 0.0;  ///< mean size of a layer, of the cache's
    double fitting_percent = 0.0;     ///< layers no larger than the cache
};

/// Nothing for a network without weights.
std::optional<CacheFit> cache_fit(const Model& model, Bytes cache);

/// What a network is by count alone, as the study has it: Keras' layers, with weights and without.
struct LayerCount {
    std::int64_t parameters = 0;
    std::int64_t layers = 0;  ///< above 0
    int bits_a_weight = 8;
};
/// The mean layer's weights in percent of a memory (ibid., Table 5.1).
double mean_layer_percent(const LayerCount& network, Bytes memory);

}  // namespace breakeven
