// MobileNet V2, alpha 1.0 (Sandler et al. 2018, "MobileNetV2: Inverted residuals and linear bottlenecks", Table 2), as
// Keras builds it.
#include <fmt/format.h>

#include <array>

#include "breakeven/zoo/definitions.h"

namespace breakeven {

namespace {

using Value = NetworkBuilder::Value;

struct Stage {
    std::int64_t filters;
    std::int64_t blocks;
    std::int64_t stride;  ///< of its first block
};

constexpr std::array<Stage, 7> stages{
    {{16, 1, 1}, {24, 2, 2}, {32, 3, 2}, {64, 4, 2}, {96, 3, 1}, {160, 3, 2}, {320, 1, 1}}};
/// How many times more channels a block has inside; the first has none more.
constexpr std::int64_t expansion = 6;
/// The one whose expansion is the last of stride 16.
constexpr std::int64_t middle_block = 13;
constexpr std::int64_t classes = 1000;

Value norm(NetworkBuilder& builder, const std::string& layer, const Value& from) {
    return builder.batch_norm(layer + "_BN", from, {});
}

Value norm_and_relu(NetworkBuilder& builder, const std::string& layer, const Value& from) {
    return builder.relu6(layer + "_relu", norm(builder, layer, from));
}

struct Block {
    std::int64_t number;
    std::int64_t filters;
    std::int64_t stride;
    Border border;
};

/// More channels, a filter for each, fewer channels without a nonlinearity; the input added where the shape allows.
Value block(NetworkBuilder& builder, const Value& from, const Block& shape, Features& features) {
    const std::string prefix = shape.number == 0 ? "expanded_conv_" : fmt::format("block_{}_", shape.number);
    Value value = from;
    if (shape.number > 0) {
        const std::string layer = prefix + "expand";
        value =
            norm_and_relu(builder, layer, builder.convolution(layer, value, expansion * from.channels, {.kernel = 1}));
    }
    if (shape.number == middle_block) features.middle = value;
    Padding padding = Padding::same;
    if (shape.stride == 2 && shape.border == Border::below_and_right) {
        value = builder.zero_padding(value, {.before = value.height % 2, .after = 1});  // Keras' correct_pad
        padding = Padding::valid;
    }
    const std::string depthwise = prefix + "depthwise";
    value =
        norm_and_relu(builder, depthwise,
                      builder.depthwise(depthwise, value, {.kernel = 3, .stride = shape.stride, .padding = padding}));
    const std::string project = prefix + "project";
    value = norm(builder, project, builder.convolution(project, value, shape.filters, {.kernel = 1}));
    const bool residual = shape.stride == 1 && from.channels == shape.filters;
    return residual ? builder.add(prefix + "add", from, value) : value;
}

}  // namespace

Features mobilenet_v2_features(NetworkBuilder& builder, std::int64_t side, Border border) {
    Features features;
    const Value picture = builder.picture(side);
    Value value =
        norm_and_relu(builder, "Conv1", builder.convolution("Conv1", picture, 32, {.kernel = 3, .stride = 2}));
    std::int64_t number = 0;
    for (const Stage& stage : stages) {
        for (std::int64_t i = 0; i < stage.blocks; ++i) {
            const std::int64_t stride = i == 0 ? stage.stride : 1;
            value = block(builder, value, {number, stage.filters, stride, border}, features);
            ++number;
        }
    }
    features.last = norm_and_relu(builder, "Conv_1", builder.convolution("Conv_1", value, 1280, {.kernel = 1}));
    return features;
}

void mobilenet_v2(NetworkBuilder& builder, std::int64_t side) {
    const Value features = mobilenet_v2_features(builder, side, Border::below_and_right).last;
    const Value pooled = builder.global_average_pool("global_average_pooling2d", features);
    builder.output(builder.dense("predictions", pooled, classes, Activation::softmax));
}

}  // namespace breakeven
