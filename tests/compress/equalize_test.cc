// Equalisation: ranges meet in the middle, outputs stay.
#include "breakeven/compress/equalize.h"

#include <gtest/gtest.h>

#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

using fixture::Net;
using fixture::picture;

/// Convolution, depthwise convolution, convolution, with an activation between; channels of very different size.
Model chain(const std::string& activation) {
    Net net(picture);
    if (activation == "Clip") {
        net.graph().weights("zero", {}, std::vector<float>{0.0F}).weights("six", {}, std::vector<float>{6.0F});
    }
    const auto active = [&](const std::string& from) {
        return activation == "Clip" ? net.node("Clip", {from, "zero", "six"}) : net.node(activation, {from});
    };
    const std::string wide = net.convolution("x", {16, 3, 1, 1});
    net.graph().weights("uneven", {16, 1, 3, 3}, [] {
        std::vector<float> values = fixture::noise(16 * 9, 5);
        for (std::size_t i = 0; i < values.size(); ++i) values[i] *= static_cast<float>(1 + (i / 9) * (i / 9));
        return values;
    }());
    const std::string deep = net.node("Conv", {active(wide), "uneven"}, "deep",
                                      {fakes::ints_attribute("pads", {1, 1, 1, 1}), fakes::int_attribute("group", 16)});
    return net.finish(net.convolution(active(deep), {4, 16, 1, 1}), {1, 4, 12, 12});
}

TEST(Equalize, OutputsStayThroughReluAndLeakyRelu) {
    for (const std::string activation : {"Relu", "LeakyRelu"}) {
        const Model model = chain(activation);
        Network network(model);
        EXPECT_EQ(equalize(network), 2U) << activation;
        const Model after = network.finish();
        EXPECT_TRUE(after.serialized() != Network(model).finish().serialized());
        EXPECT_LT(fixture::difference(model, after, picture), 1e-10) << activation;  // squared: 1e-5
    }
}

TEST(Equalize, TheUpperLimitOfAClipLetsNothingThrough) {
    Network network(chain("Clip"));
    EXPECT_EQ(equalize(network), 0U);
}

TEST(Equalize, ChannelsOfADepthwiseLayerEndWithRangesAlike) {
    Network network(chain("Relu"));
    equalize(network);
    const onnx::NodeProto* deep = network.producer("deep");
    ASSERT_NE(deep, nullptr);
    const auto weights = network.weights(deep->input(1));
    std::vector<float> largest(16, 0.0F);
    for (std::size_t i = 0; i < weights.size(); ++i) largest[i / 9] = std::max(largest[i / 9], std::abs(weights[i]));
    const auto [low, high] = std::minmax_element(largest.begin(), largest.end());
    EXPECT_LT(*high / *low, 40.0F);  // 1 : 226 and more before
}

TEST(Equalize, ATensorThatTwoTakeIsLeftAlone) {
    Net net(picture);
    const std::string stem = net.node("Relu", {net.convolution("x", {8, 3, 3, 3})});
    const Model model = net.finish(net.node("Add", {net.convolution(stem, {8, 8, 3, 3}), stem}), {1, 8, 12, 12});
    Network network(model);
    EXPECT_EQ(equalize(network), 0U);
}

}  // namespace
}  // namespace breakeven
