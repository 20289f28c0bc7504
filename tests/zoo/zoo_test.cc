// The zoo against the counts that the study prints (Frennborn & Oliv 2022, Tables 2.1 and 5.1) and against hand
// arithmetic.
#include "breakeven/zoo/zoo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <stdexcept>

#include "breakeven/error.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/zoo/detection.h"
#include "breakeven/zoo/network_builder.h"
#include "breakeven/zoo/rehearsal.h"

namespace breakeven {
namespace {

struct Printed {
    std::int64_t parameters;
    std::int64_t keras_layers;
    std::array<int, 3> percent;  ///< Table 5.1: a mean layer's int8 weights in L1, L2 and RAM
};

/// Tables 2.1 and 5.1, whole.
const std::map<std::string, Printed> printed{
    {"inception-v3-75", {22353028, 314, {217, 14, 8}}}, {"inception-v3-128", {23925892, 314, {233, 15, 9}}},
    {"resnet50-32", {24137956, 178, {414, 26, 15}}},    {"resnet50-75", {28332260, 178, {486, 30, 18}}},
    {"resnet50-128", {32002276, 178, {549, 34, 20}}},   {"mobilenet-v1-32", {3516964, 89, {120, 8, 4}}},
    {"mobilenet-v1-75", {4303396, 89, {148, 9, 5}}},    {"mobilenet-v1-128", {7449124, 89, {255, 16, 9}}},
    {"vgg16-32", {14871716, 22, {2063, 129, 76}}},      {"vgg16-75", {15264932, 22, {2117, 132, 78}}},
    {"vgg16-128", {16837796, 22, {2336, 146, 86}}}};

const ZooNetwork& listed(const std::string& name) {
    static const std::vector<ZooNetwork> networks = zoo_networks();
    const auto found = std::find_if(networks.begin(), networks.end(), [&](const auto& n) { return n.name == name; });
    if (found == networks.end()) throw std::runtime_error(name + " is not listed");
    return *found;
}

TEST(Zoo, HasTable2_1Whole) {
    for (const auto& [name, row] : printed) {
        EXPECT_EQ(listed(name).parameters, row.parameters) << name;
        EXPECT_EQ(listed(name).keras_layers, row.keras_layers) << name;
    }
    EXPECT_EQ(zoo_networks().size(), printed.size() + 5);
}

TEST(Zoo, HasTable5_1Whole) {
    constexpr std::array<double, 3> levels{32.0 * 1024, 512.0 * 1024, 868.0 * 1024};
    for (const auto& [name, row] : printed) {
        const double mean_layer =
            static_cast<double>(listed(name).parameters) / static_cast<double>(listed(name).keras_layers);
        for (std::size_t level = 0; level < levels.size(); ++level) {
            EXPECT_NEAR(100.0 * mean_layer / levels[level], row.percent[level], 1.0) << name;
        }
    }
}

TEST(Zoo, TheOthersHaveTheCountsOfTheirPublications) {
    EXPECT_EQ(listed("mobilenet-v2-224").parameters, 3538984) << "Keras";
    EXPECT_EQ(listed("mobilenet-v2-224").keras_layers, 156) << "Keras";
    // Sainath & Parada's Table 1 counts weights only: 244.2 thousand.
    EXPECT_EQ(listed("cnn-trad-fpool3").parameters - (64 + 64 + 32 + 128 + 4), 244224);
}

struct Published {
    double parameters;  ///< million, batch norms folded
    double operations;  ///< thousand million, two for each multiply-add, and a few of other kinds
};

/// What OpenVINO's Open Model Zoo states of them (googlenet-v4-tf, ssd_mobilenet_v1_coco, ssd_mobilenet_v2_coco).
const std::map<std::string, Published> open_model_zoo{{"inception-v4-299", {42.648, 24.584}},
                                                      {"ssd-mobilenet-v1-300", {6.807, 2.494}},
                                                      {"ssd-mobilenet-v2-300", {16.818, 3.775}}};

/// Without anchors, and with one number a channel of each batch norm, which holds `numbers` of them.
std::int64_t folded_parameters(const Model& model, std::int64_t numbers) {
    std::int64_t total = 0;
    for (const Layer& layer : model.layers()) {
        if (layer.op == "Conv" || layer.op == "Gemm") total += layer.parameters;
        if (layer.op == "BatchNormalization") total += layer.parameters / numbers;
    }
    return total;
}

TEST(Zoo, TheLargeOnesHaveThePublishedWeightsAndWork) {
    for (const auto& [name, row] : open_model_zoo) {
        const Model model = build_network(name, 0);
        const std::int64_t numbers = name.starts_with("inception") ? 3 : 4;
        EXPECT_NEAR(static_cast<double>(folded_parameters(model, numbers)) / 1e6, row.parameters, 0.001) << name;
        const double operations = 2e-9 * static_cast<double>(model.facts().macs.value());
        EXPECT_LT(operations, row.operations) << name;
        EXPECT_GT(operations, 0.99 * row.operations) << name;
    }
}

TEST(Zoo, WhatIsBuiltIsWhatIsListed) {
    for (const char* name : {"mobilenet-v1-75", "resnet50-32", "vgg16-32", "inception-v3-75", "mobilenet-v2-224",
                             "ssd-mobilenet-v1-300", "cnn-trad-fpool3"}) {
        const Model model = build_network(name, 3);
        EXPECT_EQ(model.facts().parameters, listed(name).parameters) << name;
        EXPECT_EQ(model.inputs(), std::vector<TensorSpec>{listed(name).input}) << name;
        EXPECT_EQ(model.metadata(std::string(weights_metadata_key)), "seeded");
        EXPECT_EQ(model.facts().opset, 17);
    }
}

TEST(Zoo, ADetectorHasBoxesScoresAndClassesOfOneSize) {
    const Model model = build_network("ssd-mobilenet-v1-300", 0);
    const std::vector<TensorSpec> outputs{{"boxes", DType::float32, {-1, 100, 4}},
                                          {"scores", DType::float32, {-1, 100}},
                                          {"classes", DType::int64, {-1, 100}}};
    EXPECT_EQ(model.outputs(), outputs);
    const auto anchors = model.tensor("boxes_decoded");
    ASSERT_TRUE(anchors);
    EXPECT_EQ(anchors->shape, (Shape{1, 1917, 4})) << "3 anchors at 19x19; 6 at 10x10, 5x5, 3x3, 2x2 and 1x1";
}

TEST(Anchors, LieOnTheGridOfTheirMap) {
    const std::vector<Anchor> anchors = ssd_anchors({19, 10, 5, 3, 2, 1});
    ASSERT_EQ(anchors.size(), 1917U);
    EXPECT_DOUBLE_EQ(anchors[0].y, 0.5 / 19);
    EXPECT_DOUBLE_EQ(anchors[0].height, 0.1);
    EXPECT_DOUBLE_EQ(anchors[1].width / anchors[1].height, 2.0);
    EXPECT_DOUBLE_EQ(anchors[1].width * anchors[1].height, 0.2 * 0.2);
    EXPECT_DOUBLE_EQ(anchors[3].x, 1.5 / 19) << "the next cell of the row";
    const Anchor& last = anchors.back();
    EXPECT_DOUBLE_EQ(last.y, 0.5);
    EXPECT_NEAR(last.width, std::sqrt(0.95), 1e-12) << "between the last scale and 1";
}

TEST(Zoo, MobileNetHasTheMultiplyAddsOfItsPaper) {
    // Howard et al. 2017 count 569 million for 224 pixels and 1000 classes; convolutions shrink with the area:
    // at 128 pixels, (569 M - 1024 * 1000) * (128 / 224)^2, and the study's top instead.
    const double convolutions = (569e6 - 1024e3) * (128.0 / 224.0) * (128.0 / 224.0);
    const double top = 16384.0 * 256 + 256 * 100;
    const auto macs = static_cast<double>(build_network("mobilenet-v1-128", 0).facts().macs.value());
    EXPECT_NEAR(macs / (convolutions + top), 1.0, 0.005);
}

TEST(Zoo, ShapesFollowKerasPadding) {
    const Model model = build_network("mobilenet-v1-75", 0);
    const auto side = [&](const char* layer) { return model.tensor(layer)->shape.at(2); };
    EXPECT_EQ(side("conv1"), 38) << "same: ceil(75 / 2)";
    EXPECT_EQ(side("conv_dw_2"), 19) << "one row of zeros below, then valid: (39 - 3) / 2 + 1";
    EXPECT_EQ(side("conv_dw_4"), 9);
    EXPECT_EQ(side("conv_dw_6"), 4);
    EXPECT_EQ(side("conv_dw_12"), 2);
}

TEST(Zoo, TheSameSeedGivesTheSameBytesOnEveryMachine) {
    // The golden value was computed on x86-64; a machine that rounds otherwise fails here.
    EXPECT_EQ(build_network("mobilenet-v1-32", 0).facts().sha256,
              "82f0b955ac937caad0ade2ceb37ff6a661f60eebda9f59e940ec62e2796a3876");
    EXPECT_EQ(build_network("mobilenet-v1-32", 7).facts().sha256, build_network("mobilenet-v1-32", 7).facts().sha256);
    EXPECT_NE(build_network("mobilenet-v1-32", 7).facts().sha256, build_network("mobilenet-v1-32", 8).facts().sha256);
}

TEST(Zoo, PixelsAreScaledAsMobileNetWasTrained) {
    const Preprocess preprocess = preprocess_of(build_network("mobilenet-v1-32", 0));
    const ChannelScaling scaling = channel_scaling(preprocess, 3);
    EXPECT_DOUBLE_EQ(scaling.scale[0] * 0 + scaling.offset[0], -1.0);
    EXPECT_NEAR(scaling.scale[2] * 255 + scaling.offset[2], 1.0, 1e-12);
    EXPECT_EQ(with_u8_input(build_network("mobilenet-v1-32", 0), preprocess).inputs().front().dtype, DType::uint8);
}

TEST(Zoo, AnUnknownNameIsAUsageError) {
    try {
        build_network("mobilenet-v1-33", 0);
        FAIL() << "it was built";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_NE(std::string(error.what()).find("zoo list"), std::string::npos);
    }
}

TEST(Zoo, PadsAsKerasResNetDoes) {
    const Model model = build_network("resnet50-75", 0);
    const auto side = [&](const char* layer) { return model.tensor(layer)->shape.at(2); };
    EXPECT_EQ(side("conv1_conv"), 38) << "(75 + 6 - 7) / 2 + 1";
    EXPECT_EQ(side("pool1_pool"), 19);
    EXPECT_EQ(side("conv5_block3_out"), 3);
}

TEST(NetworkBuilder, ActivationsStayAboutOneInEachRehearsedLayer) {
    NetworkBuilder builder("test", 5);
    auto value = builder.picture(32);
    for (int i = 0; i < 6; ++i) {
        const std::string layer = "l" + std::to_string(i);
        value = builder.convolution(layer, value, 32, {.kernel = 3});
        value = builder.batch_norm(layer + "_bn", value, {});
        double variance = 0;
        for (const ChannelMoments& channel : moments_of(*value.rehearsed)) variance += channel.variance / 32;
        EXPECT_GT(variance, 0.5) << layer;
        EXPECT_LT(variance, 2.0) << layer;
        value = builder.relu6(layer + "_relu", value);
    }
}

TEST(NetworkBuilder, ABiasTakesTheMeanAwayAndTheWeightsAreScaledToOne) {
    NetworkBuilder builder("test", 5);
    auto value = builder.relu("r", builder.picture(16));
    value = builder.convolution("c", value, 8, {.kernel = {1, 3}, .bias = Bias::centred});
    double variance = 0;
    for (const ChannelMoments& channel : moments_of(*value.rehearsed)) {
        EXPECT_NEAR(channel.mean, 0.0, 1e-6);
        variance += channel.variance / 8;
    }
    EXPECT_NEAR(variance, 1.0, 1e-5);
}

/// One channel, sample s and place i hold s + i / 10.
Rehearsal counting(std::int64_t side) {
    Rehearsal values{.channels = 1, .height = side, .width = side, .values = {}};
    for (std::int64_t s = 0; s < Rehearsal::samples; ++s) {
        for (std::int64_t i = 0; i < side * side; ++i) {
            values.values.push_back(static_cast<float>(s) + static_cast<float>(i) / 10.0F);
        }
    }
    return values;
}

TEST(Rehearsal, AConvolutionOfTheWholePictureIsTheDefinition) {
    const Rehearsal from = counting(5);
    Axis axis{.in = 5, .kernel = 3, .stride = 2};
    axis.pad(Padding::same, {});
    const std::vector<float> weights{1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    const Rehearsal made = convolved(from, {axis, axis}, {weights, 2, 1});
    ASSERT_EQ(made.area(), 9);
    for (std::int64_t s = 0; s < Rehearsal::samples; ++s) {
        for (std::int64_t f = 0; f < 2; ++f) {
            for (std::int64_t at = 0; at < 9; ++at) {
                float expected = 0;
                for (std::int64_t tap = 0; tap < 9; ++tap) {
                    const std::int64_t y = at / 3 * 2 - 1 + tap / 3;
                    const std::int64_t x = at % 3 * 2 - 1 + tap % 3;
                    if (y < 0 || y >= 5 || x < 0 || x >= 5) continue;
                    expected += weights[static_cast<std::size_t>(f * 9 + tap)] *
                                from.plane(s, 0)[static_cast<std::size_t>(y * 5 + x)];
                }
                EXPECT_NEAR(made.plane(s, f)[static_cast<std::size_t>(at)], expected, 1e-3);
            }
        }
    }
}

TEST(Rehearsal, BeyondAPieceThePictureGoesOnAndZerosAreAsRareAsInThePicture) {
    Rehearsal from = counting(1);
    std::fill(from.values.begin(), from.values.end(), 1.0F);
    Axis axis{.in = 8, .kernel = 3, .stride = 1};
    axis.pad(Padding::same, {});
    const std::vector<float> weights(9, 1.0F);
    const Rehearsal made = convolved(from, {axis, axis}, {weights, 1, 1});
    ASSERT_EQ(made.area(), 1);
    // Two of eight rows lose one tap of three, and so do columns: the mean over all places is (22 / 8)^2.
    EXPECT_NEAR(moments_of(made)[0].mean, 22.0 / 8 * 22.0 / 8, 0.2);
    EXPECT_EQ(*std::max_element(made.values.begin(), made.values.end()), 9.0F);
}

TEST(NetworkBuilder, ANormWithoutScaleHasNoScaleToCount) {
    const auto parameters = [](NormScale scale) {
        NetworkBuilder builder("test", 5);
        auto value = builder.convolution("c", builder.picture(8), 4, {.kernel = 1});
        value = builder.batch_norm("n", value, {.scale = scale});
        value = builder.dense("d", builder.flatten("f", value), 2, Activation::softmax);
        builder.output(value);
        EXPECT_EQ(builder.finish().facts().parameters, builder.counts().parameters);
        return builder.counts().parameters;
    };
    EXPECT_EQ(parameters(NormScale::learned), parameters(NormScale::none) + 4);
}

}  // namespace
}  // namespace breakeven
