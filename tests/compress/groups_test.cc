// groups: channels that nobody reads can go, wherever they lead, and no answer changes.
#include "breakeven/compress/groups.h"

#include <gtest/gtest.h>

#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

/// Sets to zero whatever reads the units, so that removing them may change nothing.
void stop_reading(Network& network, ChannelMap& map, const std::vector<bool>& removed) {
    for (const ChannelUse& use : map.uses()) {
        if (use.role != ChannelUse::Role::read) continue;
        const Shape shape = network.weights_shape(use.tensor);
        std::vector<float> values(network.weights(use.tensor).begin(), network.weights(use.tensor).end());
        std::int64_t inner = 1;
        for (std::size_t i = use.axis + 1; i < shape.size(); ++i) inner *= shape[i];
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto index = static_cast<std::size_t>(static_cast<std::int64_t>(i) / inner % shape[use.axis]);
            if (removed[static_cast<std::size_t>(map.unit(use.labels[index]))]) values[i] = 0.0F;
        }
        network.set_weights(use.tensor, shape, values);
    }
}

void expect_removal_of_unread_channels_changes_nothing(const Model& model, const Shape& input) {
    Network network(model);
    ChannelMap map(network);
    const auto groups = map.groups();
    ASSERT_FALSE(groups.empty());
    for (std::size_t g = 0; g < groups.size(); ++g) {
        Network trial(model);
        ChannelMap followed(trial);
        std::vector<bool> removed(followed.labels(), false);
        for (std::size_t i = 0; i + 1 < groups[g].units.size(); i += 2)
            removed[static_cast<std::size_t>(groups[g].units[i])] = true;
        stop_reading(trial, followed, removed);
        const Model unread = trial.finish();
        followed.remove(trial, removed);
        const Model without = trial.finish();
        EXPECT_LT(without.facts().parameters, unread.facts().parameters);
        EXPECT_LT(fixture::difference(unread, without, input), 1e-9) << "group " << g;
    }
}

TEST(ChannelMap, ChannelsThatNobodyReadsGoWithoutAChange) {
    expect_removal_of_unread_channels_changes_nothing(fixture::varied(), fixture::picture);
}

TEST(ChannelMap, FollowsLayoutsScalesReshapesAndReductions) {
    fixture::Net net({1, 12, 12, 3});
    const std::string turned = net.node("Transpose", {"x"}, "turned", {fakes::ints_attribute("perm", {0, 3, 1, 2})});
    const std::string stem = net.convolution(turned, {16, 3, 3, 3});
    net.graph()
        .weights("factor", {1, 16, 1, 1}, fixture::noise(16, 50))
        .weights("shift", {16, 1, 1}, fixture::noise(16, 51));
    net.graph().weights("slope", {16, 1, 1}, fixture::noise(16, 52)).weights("two", {1}, std::vector<float>{2.0F});
    const std::string scaled = net.node("Mul", {net.node("Add", {net.node("Mul", {stem, "factor"}), "shift"}), "two"});
    const std::string sloped = net.node("PRelu", {scaled, "slope"});
    const std::vector<std::int64_t> pads = {0, 0, 1, 1, 0, 0, 1, 1};
    net.graph().integers("pads", {8}, pads);
    const std::string padded = net.node("Pad", {sloped, "pads"});
    const std::string deep = net.convolution(padded, {16, 1, 3, 3}, 16);
    // Squeeze and excite: a product of two tensors that both have the channels.
    const std::string squeezed = net.node("GlobalAveragePool", {deep});
    const std::string gate = net.node(
        "Sigmoid", {net.convolution(net.node("Relu", {net.convolution(squeezed, {8, 16, 1, 1})}), {16, 8, 1, 1})});
    const std::string gated = net.node("Mul", {deep, gate});
    const std::string mean = net.node("ReduceMean", {gated}, "mean",
                                      {fakes::ints_attribute("axes", {2, 3}), fakes::int_attribute("keepdims", 0)});
    const std::vector<std::int64_t> target = {1, 16};
    net.graph().integers("target", {2}, target);
    const std::string shaped = net.node("Reshape", {mean, "target"});
    const Model model = net.finish(net.dense(shaped, 16, 5), {1, 5});
    Network network(model);
    ChannelMap map(network);
    EXPECT_TRUE(map.left_alone().empty());
    ASSERT_EQ(map.groups().size(), 2U);  // what passes through, and what squeezes
    expect_removal_of_unread_channels_changes_nothing(model, {1, 12, 12, 3});
}

TEST(ChannelMap, ChannelsOfAResidualSumStandTogether) {
    Network network(fixture::varied());
    ChannelMap map(network);
    bool shared = false;
    for (const ChannelGroup& group : map.groups())
        shared = shared || (group.makers.size() == 2 && group.units.size() == 16);
    EXPECT_TRUE(shared);
}

TEST(ChannelMap, WhatReachesAnOutputOrAnUnknownOperatorStays) {
    fixture::Net net({1, 3, 6, 6});
    const std::string seen = net.convolution("x", {8, 3, 3, 3});
    const std::string odd = net.fresh("odd");
    net.graph().domain_node("com.microsoft", "Odd", {net.convolution(seen, {8, 8, 3, 3})}, {odd});
    net.graph().output(seen, DType::float32, {1, 8, 6, 6});
    Network network(net.finish(odd, {1, 8, 6, 6}));
    ChannelMap map(network);
    EXPECT_TRUE(map.groups().empty());
    ASSERT_EQ(map.left_alone().size(), 1U);
    EXPECT_EQ(map.left_alone().front().op, "com.microsoft.Odd");
}

TEST(ChannelMap, GroupedConvolutionsKeepTheirChannels) {
    fixture::Net net({1, 4, 6, 6});
    const std::string made = net.convolution("x", {8, 4, 3, 3});
    const std::string grouped = net.convolution(made, {8, 2, 3, 3}, 4);
    Network network(net.finish(net.convolution(grouped, {4, 8, 1, 1}), {1, 4, 6, 6}));
    ChannelMap map(network);
    EXPECT_TRUE(map.groups().empty());
}

}  // namespace
}  // namespace breakeven
