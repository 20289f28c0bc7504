// MobileNet V1, alpha 1.0 (Howard et al. 2017, "MobileNets", Table 1), as Keras builds it.
#include <fmt/format.h>

#include <array>

#include "breakeven/zoo/definitions.h"

namespace breakeven {

namespace {

using Value = NetworkBuilder::Value;

struct Block {
    std::int64_t filters;
    std::int64_t stride;
};

constexpr std::array<Block, 13> blocks{{{64, 1},
                                        {128, 2},
                                        {128, 1},
                                        {256, 2},
                                        {256, 1},
                                        {512, 2},
                                        {512, 1},
                                        {512, 1},
                                        {512, 1},
                                        {512, 1},
                                        {512, 1},
                                        {1024, 2},
                                        {1024, 1}}};

/// The last of stride 16.
constexpr std::size_t middle_block = 11;

Value norm_and_relu(NetworkBuilder& builder, const std::string& layer, const Value& from) {
    return builder.relu6(layer + "_relu", builder.batch_norm(layer + "_bn", from, {}));
}

/// A filter for each channel, then a mix of the channels.
Value block(NetworkBuilder& builder, std::size_t number, const Value& from, const Block& shape, Border border) {
    const bool padded = shape.stride == 2 && border == Border::below_and_right;
    const Value input = padded ? builder.zero_padding(from, {.before = 0, .after = 1}) : from;
    const Padding padding = padded ? Padding::valid : Padding::same;
    const std::string depthwise = fmt::format("conv_dw_{}", number);
    const Value filtered =
        norm_and_relu(builder, depthwise,
                      builder.depthwise(depthwise, input, {.kernel = 3, .stride = shape.stride, .padding = padding}));
    const std::string pointwise = fmt::format("conv_pw_{}", number);
    return norm_and_relu(builder, pointwise, builder.convolution(pointwise, filtered, shape.filters, {.kernel = 1}));
}

}  // namespace

Features mobilenet_v1_features(NetworkBuilder& builder, std::int64_t side, Border border) {
    Features features;
    const Value picture = builder.picture(side);
    Value value =
        norm_and_relu(builder, "conv1", builder.convolution("conv1", picture, 32, {.kernel = 3, .stride = 2}));
    for (std::size_t number = 1; number <= blocks.size(); ++number) {
        value = block(builder, number, value, blocks[number - 1], border);
        if (number == middle_block) features.middle = value;
    }
    features.last = value;
    return features;
}

NetworkBuilder::Value mobilenet_v1(NetworkBuilder& builder, std::int64_t side) {
    return mobilenet_v1_features(builder, side, Border::below_and_right).last;
}

}  // namespace breakeven
