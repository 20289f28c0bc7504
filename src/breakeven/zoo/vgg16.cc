// VGG16 (Simonyan & Zisserman 2015, "Very deep convolutional networks", Table 1, D), as Keras builds it.
#include <fmt/format.h>

#include <array>

#include "breakeven/zoo/definitions.h"

namespace breakeven {

namespace {

struct Block {
    std::int64_t filters;
    std::int64_t convolutions;
};

constexpr std::array<Block, 5> blocks{{{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}}};

}  // namespace

NetworkBuilder::Value vgg16(NetworkBuilder& builder, std::int64_t side) {
    NetworkBuilder::Value value = builder.picture(side, 32);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        for (std::int64_t c = 0; c < blocks[b].convolutions; ++c) {
            value = builder.convolution(fmt::format("block{}_conv{}", b + 1, c + 1), value, blocks[b].filters,
                                        {.kernel = 3, .bias = Bias::centred, .activation = Activation::relu});
        }
        value = builder.max_pool(fmt::format("block{}_pool", b + 1), value,
                                 {.kernel = 2, .stride = 2, .padding = Padding::valid});
    }
    return value;
}

}  // namespace breakeven
