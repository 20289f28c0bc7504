// Inception: what V3 and V4 are made of: a convolution with a norm without scale and a ReLU, pools of 3, branches side
// by side. Layers are numbered as Keras does.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "breakeven/zoo/definitions.h"

namespace breakeven {

class Inception final {
   public:
    using Value = NetworkBuilder::Value;
    Inception(NetworkBuilder& builder, double norm_margin) : builder_(builder), norm_margin_(norm_margin) {}

    Value convolution(const Value& from, std::int64_t filters, const NetworkBuilder::Filter& filter) {
        const std::int64_t number = convolutions_++;
        const Value value = builder_.convolution(numbered("conv2d", number), from, filters, filter);
        const Value normed = builder_.batch_norm(numbered("batch_normalization", number), value,
                                                 {.scale = NormScale::none, .epsilon = 1e-3F, .margin = norm_margin_});
        return builder_.relu(numbered("activation", number), normed);
    }
    /// 3x3, halves the side.
    Value max_pool(const Value& from) {
        return builder_.max_pool(numbered("max_pooling2d", max_pools_++), from,
                                 {.kernel = 3, .stride = 2, .padding = Padding::valid});
    }
    /// 3x3, keeps the side.
    Value average_pool(const Value& from) {
        return builder_.average_pool(numbered("average_pooling2d", average_pools_++), from, {.kernel = 3});
    }
    Value mixed(const std::vector<Value>& branches) {
        return builder_.concat(fmt::format("mixed{}", concats_++), branches);
    }

   private:
    static std::string numbered(const char* layer, std::int64_t number) {
        return number == 0 ? layer : fmt::format("{}_{}", layer, number);
    }

    NetworkBuilder& builder_;
    double norm_margin_;
    std::int64_t convolutions_ = 0;
    std::int64_t max_pools_ = 0;
    std::int64_t average_pools_ = 0;
    std::int64_t concats_ = 0;
};

}  // namespace breakeven
