// cache_fit: see cache_fit.h.
#include "breakeven/model/cache_fit.h"

#include "breakeven/error.h"

namespace breakeven {

std::optional<CacheFit> cache_fit(const Model& model, Bytes cache) {
    BREAKEVEN_ASSERT(cache > Bytes(0));
    double layers = 0;
    double fitting = 0;
    double sizes = 0;
    for (const Layer& layer : model.layers()) {
        if (layer.weight_size == Bytes(0)) continue;
        layers += 1;
        fitting += layer.weight_size <= cache ? 1 : 0;
        sizes += layer.weight_size / cache;
    }
    if (layers == 0) return std::nullopt;
    return CacheFit{.mean_layer_percent = 100 * sizes / layers, .fitting_percent = 100 * fitting / layers};
}

double mean_layer_percent(const LayerCount& network, Bytes memory) {
    BREAKEVEN_ASSERT(network.layers > 0 && memory > Bytes(0));
    const double weights = static_cast<double>(network.parameters) * network.bits_a_weight / 8;
    return 100 * weights / static_cast<double>(network.layers) / static_cast<double>(memory.count());
}

}  // namespace breakeven
