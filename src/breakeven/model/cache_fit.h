// cache_fit: how a network's layers compare with a cache (Frennborn & Oliv 2022, chapter 5: latency falls with the
// share of layers that fit a level).
#pragma once

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

}  // namespace breakeven
