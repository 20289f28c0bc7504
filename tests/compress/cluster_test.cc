// cluster: a few values a layer, zeros untouched, and nothing else.
#include "breakeven/compress/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "breakeven/compress/fold.h"
#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

std::set<float> distinct(std::span<const float> values) {
    return {values.begin(), values.end()};
}

TEST(Cluster, EveryLayerHasAtMostSoManyValuesAndOnlyThat) {
    for (const ClusterSearch search : {ClusterSearch::linear, ClusterSearch::exact}) {
        const Model model = fixture::varied();
        Network network(model);
        const ClusterReport report = cluster(network, {.clusters = 16, .search = search});
        const LinearLayers after = linear_layers(network);
        ASSERT_EQ(report.layers.size(), after.layers.size());
        for (const LinearLayer& layer : after.layers) {
            const auto values = distinct(network.weights(layer.weights));
            if (layer.is_depthwise()) {
                EXPECT_GT(values.size(), 16U) << layer.node;
            } else {
                EXPECT_LE(values.size(), 16U) << layer.node;
            }
        }
        EXPECT_LT(fixture::difference(model, network.finish(), fixture::picture), 0.1);
    }
}

TEST(Cluster, DepthwiseKernelsChangeWhenAsked) {
    Network network(fixture::varied());
    cluster(network, {.clusters = 16, .depthwise = DepthwiseKernels::change});
    for (const LinearLayer& layer : linear_layers(network).layers) {
        EXPECT_LE(distinct(network.weights(layer.weights)).size(), 16U) << layer.node;
    }
}

TEST(Cluster, WhatWasZeroIsZeroAndNothingElse) {
    Network network(fixture::varied());
    prune(network, {.sparsity = 0.5}, nullptr);
    const PruneReport before = prune(network, {.sparsity = 0.0}, nullptr);
    const ClusterReport after = cluster(network, {.clusters = 16});
    for (std::size_t i = 0; i < after.layers.size(); ++i) {
        if (!after.layers[i].note.empty()) continue;
        EXPECT_EQ(after.layers[i].zeros, before.layers[i].zeros);
        EXPECT_LE(after.layers[i].clusters, 16U);
        EXPECT_GE(after.layers[i].zeros, after.layers[i].weights / 2);
    }
}

TEST(Cluster, ExactIsNeverFurtherFromTheWeightsThanLinear) {
    Network one(fixture::varied());
    Network other(fixture::varied());
    const auto exact = cluster(one, {.search = ClusterSearch::exact});
    const auto linear = cluster(other, {.search = ClusterSearch::linear});
    for (std::size_t i = 0; i < exact.layers.size(); ++i) {
        EXPECT_LE(exact.layers[i].error, linear.layers[i].error + 1e-7) << exact.layers[i].node;
    }
}

TEST(Cluster, WeighingByCurvatureKeepsTheFirstLayersOutputCloser) {
    // One layer whose inputs differ in size by a thousand: an error at the large one counts.
    fixture::Net net({1, 4});
    std::vector<float> factors = {1000.0F, 1.0F, 1.0F, 1.0F};
    net.graph().weights("factors", {4}, factors);
    const Model model = net.finish(net.dense(net.node("Mul", {"x", "factors"}), 4, 32), {1, 32});
    const Calibration calibration = fixture::calibration({1, 4}, 64);
    Network plain(model);
    Network weighed(model);
    cluster(plain, {.clusters = 4});
    cluster(weighed, {.clusters = 4, .weighting = ClusterWeighting::curvature}, &calibration);
    EXPECT_LT(fixture::difference(model, weighed.finish(), {1, 4}),
              0.8 * fixture::difference(model, plain.finish(), {1, 4}));
}

ClusterOptions rebuilding(ClusterScales scales = ClusterScales::layer) {
    ClusterOptions options;
    options.clusters = 6;
    options.reconstruction = Reconstruction::least_squares;
    options.scales = scales;
    return options;
}

/// Half of the answers' difference is gone, with as few values and the same zeros.
void expect_rebuilt(ClusterScales scales) {
    const Model model = fixture::varied();
    const Calibration calibration = fixture::calibration(fixture::picture, 64);
    Network plain(model);
    prune(plain, {.sparsity = 0.3}, nullptr);
    const Model pruned = plain.finish();
    Network rebuilt(pruned);
    const ClusterReport before = cluster(plain, {.clusters = 6});
    const ClusterReport after = cluster(rebuilt, rebuilding(scales), &calibration);
    ASSERT_EQ(after.layers.size(), before.layers.size());
    for (std::size_t i = 0; i < after.layers.size(); ++i) EXPECT_EQ(after.layers[i].zeros, before.layers[i].zeros);
    const Model result = rebuilt.finish();
    Network written(result);
    for (const LinearLayer& layer : linear_layers(written).layers) {
        if (layer.is_depthwise()) continue;
        const auto values = written.weights(layer.weights);
        EXPECT_LE(distinct(values).size(), 6U) << layer.node;
        EXPECT_GE(std::count(values.begin(), values.end(), 0.0F), layer.outputs * layer.inputs * 3 / 10 - 1);
    }
    EXPECT_LT(fixture::difference(pruned, result, fixture::picture),
              0.5 * fixture::difference(pruned, plain.finish(), fixture::picture));
}

TEST(Cluster, ReconstructionKeepsTheAnswersCloserWithAsFewValuesAndTheSameZeros) {
    expect_rebuilt(ClusterScales::layer);
}

TEST(Cluster, ScalesOfChannelsServeChannelsOfDifferentSizes) {
    expect_rebuilt(ClusterScales::channel);
    // What a folded norm leaves: channels ten and a hundred times as large as others, and readers that undo it.
    fixture::Net net(fixture::picture);
    std::vector<float> made = fixture::noise(12 * 27, 1);
    std::vector<float> read = fixture::noise(8 * 12 * 9, 2);
    for (std::size_t i = 0; i < made.size(); ++i) made[i] *= std::pow(10.0F, static_cast<float>(i / 27 % 3));
    for (std::size_t i = 0; i < read.size(); ++i) read[i] /= std::pow(10.0F, static_cast<float>(i / 9 % 12 % 3));
    net.graph().weights("made", {12, 3, 3, 3}, made);
    net.graph().weights("read", {8, 12, 3, 3}, read);
    const std::string hidden = net.node("Relu", {net.node("Conv", {"x", "made"})});
    const Model model = net.finish(net.node("Conv", {hidden, "read"}), {1, 8, 8, 8});
    const Calibration calibration = fixture::calibration(fixture::picture, 64);
    const auto moved = [&](ClusterScales scales) {
        Network network(model);
        cluster(network, rebuilding(scales), &calibration);
        return fixture::difference(model, network.finish(), fixture::picture);
    };
    EXPECT_LT(moved(ClusterScales::channel), 0.7 * moved(ClusterScales::layer));
}

TEST(Cluster, AnotherRecipeGoesOnWithScaledChannels) {
    const Model model = fixture::varied();
    const Calibration calibration = fixture::calibration(fixture::picture, 64);
    Network network(model);
    cluster(network, rebuilding(ClusterScales::channel), &calibration);
    Network next(network.finish());
    EXPECT_GT(fold_batch_norms(next), 0U);
    EXPECT_LT(fixture::difference(network.finish(), next.finish(), fixture::picture), 1e-9);
}

TEST(Cluster, RefusesWhatMakesNoSense) {
    Network network(fixture::varied());
    EXPECT_THAT(fixture::message_of([&] { cluster(network, {.clusters = 1}); }), HasSubstr("2 to 256"));
    EXPECT_THAT(fixture::message_of([&] { cluster(network, {.weighting = ClusterWeighting::curvature}); }),
                HasSubstr("needs calibration samples"));
    EXPECT_THAT(fixture::message_of([&] { cluster(network, rebuilding()); }), HasSubstr("needs calibration samples"));
    const LinearLayer layer = linear_layers(network).layers.front();
    std::vector<float> broken(network.weights(layer.weights).begin(), network.weights(layer.weights).end());
    broken[3] = std::numeric_limits<float>::quiet_NaN();
    network.set_weights(layer.weights, network.weights_shape(layer.weights), broken);
    EXPECT_THAT(fixture::message_of([&] { cluster(network, {}); }), HasSubstr("not finite"));
}

}  // namespace
}  // namespace breakeven
