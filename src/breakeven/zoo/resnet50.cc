// ResNet50 (He et al. 2016, "Deep residual learning", Table 1), as Keras builds it: the stride in a block's first
// convolution, a bias in each.
#include <fmt/format.h>

#include <array>

#include "breakeven/zoo/definitions.h"

namespace breakeven {

namespace {

using Value = NetworkBuilder::Value;

struct Stage {
    std::int64_t filters;  ///< inside; four times as many come out
    std::int64_t blocks;
    std::int64_t stride;
};

constexpr std::array<Stage, 4> stages{{{64, 3, 1}, {128, 4, 2}, {256, 6, 2}, {512, 3, 2}}};
constexpr NetworkBuilder::Norm norm{.scale = NormScale::learned, .epsilon = 1.001e-5F};

struct Unit {
    std::string name;
    std::int64_t filters;
    std::int64_t kernel;
    std::int64_t stride;
};

Value convolution(NetworkBuilder& builder, const Value& from, const Unit& unit) {
    const Value value = builder.convolution(unit.name + "_conv", from, unit.filters,
                                            {.kernel = unit.kernel, .stride = unit.stride, .bias = Bias::centred});
    return builder.batch_norm(unit.name + "_bn", value, norm);
}

/// A 3x3 convolution between two 1x1, beside a shortcut; the shortcut has a convolution of its own in a stage's first.
Value block(NetworkBuilder& builder, const std::string& name, const Value& from, const Stage& stage, bool first) {
    const std::int64_t stride = first ? stage.stride : 1;
    const Value shortcut = first ? convolution(builder, from, {name + "_0", 4 * stage.filters, 1, stride}) : from;
    Value value = builder.relu(name + "_1_relu", convolution(builder, from, {name + "_1", stage.filters, 1, stride}));
    value = builder.relu(name + "_2_relu", convolution(builder, value, {name + "_2", stage.filters, 3, 1}));
    value = convolution(builder, value, {name + "_3", 4 * stage.filters, 1, 1});
    return builder.relu(name + "_out", builder.add(name + "_add", shortcut, value));
}

}  // namespace

NetworkBuilder::Value resnet50(NetworkBuilder& builder, std::int64_t side) {
    Value value = builder.zero_padding(builder.picture(side), {.before = 3, .after = 3});
    value = builder.convolution("conv1_conv", value, 64,
                                {.kernel = 7, .stride = 2, .padding = Padding::valid, .bias = Bias::centred});
    value = builder.relu("conv1_relu", builder.batch_norm("conv1_bn", value, norm));
    value = builder.zero_padding(value, {.before = 1, .after = 1});
    value = builder.max_pool("pool1_pool", value, {.kernel = 3, .stride = 2, .padding = Padding::valid});
    for (std::size_t s = 0; s < stages.size(); ++s) {
        for (std::int64_t b = 0; b < stages[s].blocks; ++b) {
            value = block(builder, fmt::format("conv{}_block{}", s + 2, b + 1), value, stages[s], b == 0);
        }
    }
    return value;
}

}  // namespace breakeven
