// The zoo against the counts that the study prints (Frennborn & Oliv 2022, Table 2.1) and against hand arithmetic.
#include "breakeven/zoo/zoo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "breakeven/error.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/zoo/network_builder.h"

namespace breakeven {
namespace {

struct Printed {
    std::int64_t parameters;
    std::int64_t keras_layers;
};

const std::map<std::string, Printed> table_2_1{
    {"mobilenet-v1-32", {3516964, 89}}, {"mobilenet-v1-75", {4303396, 89}}, {"mobilenet-v1-128", {7449124, 89}}};

TEST(Zoo, ListsTheStudysCounts) {
    const auto networks = zoo_networks();
    EXPECT_EQ(networks.size(), table_2_1.size());
    for (const ZooNetwork& network : networks) {
        ASSERT_TRUE(table_2_1.contains(network.name)) << network.name;
        EXPECT_EQ(network.parameters, table_2_1.at(network.name).parameters) << network.name;
        EXPECT_EQ(network.keras_layers, table_2_1.at(network.name).keras_layers) << network.name;
    }
}

TEST(Zoo, WhatIsBuiltIsWhatIsListed) {
    for (const ZooNetwork& network : zoo_networks()) {
        const Model model = build_network(network.name, 3);
        EXPECT_EQ(model.facts().parameters, network.parameters) << network.name;
        EXPECT_EQ(model.inputs(), std::vector<TensorSpec>{network.input}) << network.name;
        EXPECT_EQ(model.outputs().front().shape, (Shape{-1, 100})) << network.name;
        EXPECT_EQ(model.metadata(std::string(weights_metadata_key)), "seeded");
        EXPECT_EQ(model.facts().opset, 17);
    }
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
              "8a77b2099b61462b7c0281e2012ebb611ffd5e6b09fbaec38ae68f5f68a5ee02");
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

TEST(NetworkBuilder, FollowsMomentsSoThatActivationsStayAboutOne) {
    NetworkBuilder builder("test", 5);
    auto value = builder.picture(32);
    for (int i = 0; i < 6; ++i) {
        const std::string layer = "l" + std::to_string(i);
        value = builder.convolution(layer, value, 64, {.kernel = 3, .stride = 1, .padding = Padding::same});
        double mean_variance = 0;
        for (const auto& channel : value.moments) mean_variance += channel.variance / 64;
        EXPECT_GT(mean_variance, 0.2) << layer;
        EXPECT_LT(mean_variance, 3.0) << layer;
        value = builder.relu6(layer + "_relu", builder.batch_norm(layer + "_bn", value, NormScale::learned));
    }
}

TEST(NetworkBuilder, ANormWithoutScaleHasNoScaleToCount) {
    const auto parameters = [](NormScale scale) {
        NetworkBuilder builder("test", 5);
        auto value = builder.convolution("c", builder.picture(8), 4, {.kernel = 1});
        value = builder.batch_norm("n", value, scale);
        value = builder.dense("d", builder.flatten("f", value), 2, Activation::softmax);
        EXPECT_EQ(builder.finish(value).facts().parameters, builder.parameters());
        return builder.parameters();
    };
    EXPECT_EQ(parameters(NormScale::learned), parameters(NormScale::none) + 4);
}

}  // namespace
}  // namespace breakeven
