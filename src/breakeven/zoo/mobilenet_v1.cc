// MobileNet V1: see mobilenet_v1.h.
#include "breakeven/zoo/mobilenet_v1.h"

#include <fmt/format.h>

#include <array>

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

Value norm_and_relu(NetworkBuilder& builder, const std::string& layer, const Value& from) {
    return builder.relu6(layer + "_relu", builder.batch_norm(layer + "_bn", from, NormScale::learned));
}

/// A filter for each channel, then a mix of the channels. Keras pads a stride of 2 below and right only.
Value block(NetworkBuilder& builder, std::size_t number, const Value& from, const Block& shape) {
    const bool strided = shape.stride == 2;
    const Value padded = strided ? builder.zero_padding(from, 1) : from;
    const std::string depthwise = fmt::format("conv_dw_{}", number);
    const Value filtered = norm_and_relu(
        builder, depthwise,
        builder.depthwise(depthwise, padded,
                          {.kernel = 3, .stride = shape.stride, .padding = strided ? Padding::valid : Padding::same}));
    const std::string pointwise = fmt::format("conv_pw_{}", number);
    return norm_and_relu(
        builder, pointwise,
        builder.convolution(pointwise, filtered, shape.filters, {.kernel = 1, .stride = 1, .padding = Padding::same}));
}

}  // namespace

NetworkBuilder::Value mobilenet_v1(NetworkBuilder& builder, std::int64_t side) {
    Value value = builder.picture(side);
    value =
        norm_and_relu(builder, "conv1",
                      builder.convolution("conv1", value, 32, {.kernel = 3, .stride = 2, .padding = Padding::same}));
    for (std::size_t i = 0; i < blocks.size(); ++i) value = block(builder, i + 1, value, blocks[i]);
    return value;
}

}  // namespace breakeven
