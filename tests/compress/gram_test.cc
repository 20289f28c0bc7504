// gram: a layer is a matrix times rows of its input, whatever its strides, pads and groups; moments are those rows'.
#include "breakeven/compress/gram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

struct Geometry {
    Shape input;
    Shape kernel;
    std::int64_t group = 1;
    std::vector<fakes::Attribute> attributes;
};

Model convolution(const Geometry& geometry) {
    fixture::Net net(geometry.input);
    net.graph().weights("w", geometry.kernel, fixture::noise(*element_count(geometry.kernel), 3));
    net.graph().weights("b", {geometry.kernel[0]}, fixture::noise(geometry.kernel[0], 4));
    std::vector<fakes::Attribute> attributes = geometry.attributes;
    attributes.push_back(fakes::int_attribute("group", geometry.group));
    const std::string output = net.node("Conv", {net.node("Neg", {"x"}), "w", "b"}, "y", attributes);
    return net.finish(output, Shape(geometry.input.size(), -1));
}

/// The largest difference between the engine's outputs and matrix x rows + bias.
double largest_difference(const Model& model, const Shape& shape) {
    Network network(model);
    const LinearLayer layer = linear_layers(network).layers.front();
    const Sample sample = fixture::sample_of(shape, 5);
    const Tensor output = fixture::run(model, sample).front();
    const Tensor input = fixture::run(with_outputs(model, std::vector<std::string>{layer.input}), sample).front();
    std::vector<std::int64_t> positions(static_cast<std::size_t>(positions_of(layer, output)));
    std::iota(positions.begin(), positions.end(), 0);
    const Matrix wanted = output_rows(layer, output, positions);
    double largest = 0.0;
    for (std::int64_t g = 0; g < layer.groups; ++g) {
        const Matrix rows = input_rows(layer, g, input, extent_of(layer, output), positions);
        const std::int64_t width = layer.outputs_per_group();
        Matrix made = rows * matrix_of(network, layer, g).transpose();
        made.rowwise() += bias_of(network, layer).segment(g * width, width).transpose();
        largest =
            std::max(largest, static_cast<double>((made - wanted.middleCols(g * width, width)).cwiseAbs().maxCoeff()));
    }
    return largest;
}

TEST(LinearLayers, MatrixTimesRowsIsWhatTheEngineComputes) {
    const auto pads = [](const std::vector<std::int64_t>& values) { return fakes::ints_attribute("pads", values); };
    const auto strides = [](const std::vector<std::int64_t>& v) { return fakes::ints_attribute("strides", v); };
    const std::vector<Geometry> geometries = {
        {{1, 3, 9, 7}, {5, 3, 3, 3}, 1, {pads({1, 1, 1, 1})}},
        {{1, 3, 9, 7}, {5, 3, 3, 2}, 1, {pads({0, 1, 2, 0}), strides({2, 1})}},
        {{1, 4, 9, 9}, {6, 2, 3, 3}, 2, {strides({2, 2})}},
        {{1, 4, 8, 8}, {4, 1, 3, 3}, 4, {pads({1, 1, 1, 1})}},
        {{1, 2, 11, 11}, {3, 2, 3, 3}, 1, {fakes::ints_attribute("dilations", {2, 3})}},
        {{1, 2, 10, 9}, {3, 2, 4, 4}, 1, {fakes::string_attribute("auto_pad", "SAME_UPPER"), strides({2, 2})}},
        {{1, 2, 10, 9}, {3, 2, 4, 4}, 1, {fakes::string_attribute("auto_pad", "SAME_LOWER"), strides({3, 1})}},
        {{1, 2, 10}, {3, 2, 3}, 1, {pads({1, 0}), strides({2})}},
    };
    for (std::size_t i = 0; i < geometries.size(); ++i) {
        EXPECT_LT(largest_difference(convolution(geometries[i]), geometries[i].input), 1e-4) << "geometry " << i;
    }
}

TEST(LinearLayers, GemmCountsItsAlphaAndItsTransposition) {
    for (const std::int64_t transposed : {0, 1}) {
        fixture::Net net({1, 6});
        const Shape shape = transposed == 1 ? Shape{4, 6} : Shape{6, 4};
        net.graph().weights("w", shape, fixture::noise(24, 3)).weights("b", {4}, fixture::noise(4, 4));
        const std::vector<fakes::Attribute> attributes = {fakes::int_attribute("transB", transposed),
                                                          fakes::float_attribute("alpha", 0.5F)};
        const Model model = net.finish(net.node("Gemm", {net.node("Neg", {"x"}), "w", "b"}, "y", attributes), {1, 4});
        EXPECT_LT(largest_difference(model, {1, 6}), 1e-4);
        Network network(model);
        const LinearLayer layer = linear_layers(network).layers.front();
        const std::vector<float> before(network.weights(layer.weights).begin(), network.weights(layer.weights).end());
        set_matrix(network, layer, 0, matrix_of(network, layer, 0));
        EXPECT_EQ(std::vector<float>(network.weights(layer.weights).begin(), network.weights(layer.weights).end()),
                  before);
    }
}

TEST(LinearLayers, WhatIsNoMatrixIsLeftAloneWithTheReason) {
    fixture::Net net({1, 4, 6, 6});
    net.graph().input("kernel", DType::float32, {4, 4, 1, 1});
    const Model model = net.finish(net.node("Conv", {"x", "kernel"}, "y"), {1, 4, 6, 6});
    Network network(model);
    const LinearLayers found = linear_layers(network);
    EXPECT_TRUE(found.layers.empty());
    ASSERT_EQ(found.left_alone.size(), 1U);
    EXPECT_THAT(found.left_alone.front().reason, HasSubstr("not stored"));
}

TEST(Gram, MomentsAreThoseOfAllRowsHoweverTheyCome) {
    const Eigen::Index rows = 700;
    Matrix x(rows, 5);
    Matrix y(rows, 3);
    Random random(8);
    for (float& value : x.reshaped()) value = static_cast<float>(random.normal() + 50.0);
    for (float& value : y.reshaped()) value = static_cast<float>(random.normal() - 20.0);
    y.col(0) += x.col(1);
    Gram whole(5, 3);
    whole.add(x, y);
    Gram even(5, 3);
    Gram odd(5, 3);
    even.add(x.topRows(100), y.topRows(100));
    odd.add(x.bottomRows(rows - 100), y.bottomRows(rows - 100));
    const Matrix centred_x = x.rowwise() - x.colwise().mean();
    const Matrix centred_y = y.rowwise() - y.colwise().mean();
    const Matrix inputs = centred_x.transpose() * centred_x / static_cast<float>(rows);
    const Matrix cross = centred_x.transpose() * centred_y / static_cast<float>(rows);
    for (const Moments& moments : {whole.moments(), joined({even.moments(), odd.moments()})}) {
        EXPECT_EQ(moments.rows, rows);
        EXPECT_LT((moments.inputs - inputs).cwiseAbs().maxCoeff(), 1e-3F);
        EXPECT_LT((moments.cross - cross).cwiseAbs().maxCoeff(), 1e-3F);
        EXPECT_LT((moments.inputs_mean - x.colwise().mean().transpose()).cwiseAbs().maxCoeff(), 1e-3F);
        EXPECT_LT((moments.outputs_mean - y.colwise().mean().transpose()).cwiseAbs().maxCoeff(), 1e-3F);
        EXPECT_NEAR(static_cast<double>(moments.outputs_variance[2]),
                    static_cast<double>(centred_y.col(2).squaredNorm()) / static_cast<double>(rows), 1e-3);
    }
    EXPECT_EQ(joined({whole.moments(), Gram(5, 3).moments()}).rows, rows);
}

TEST(MomentsOf, OfTheSameNetworkSayThatItsWeightsAreRight) {
    const Model model = fixture::varied();
    Network network(model);
    const LinearLayers all = linear_layers(network);
    const auto moments = moments_of(all.layers, model, network.finish(), fixture::calibration(fixture::picture), {});
    for (std::size_t l = 0; l < all.layers.size(); ++l) {
        for (std::int64_t g = 0; g < all.layers[l].groups; ++g) {
            const Moments group = joined(moments[l][static_cast<std::size_t>(g)]);
            const Matrix made = matrix_of(network, all.layers[l], g) * group.inputs;
            EXPECT_LT((made - group.cross.transpose()).cwiseAbs().maxCoeff(),
                      1e-3F * (1.0F + made.cwiseAbs().maxCoeff()))
                << all.layers[l].node;
        }
    }
}

TEST(MomentsOf, RefusesNoSamplesAndSamplesOfTheWrongShape) {
    const Model model = fixture::varied();
    Network network(model);
    const auto layers = linear_layers(network).layers;
    const Calibration none = fixture::calibration(fixture::picture, 0);
    EXPECT_THAT(fixture::message_of([&] { moments_of(layers, model, model, none, {}); }), HasSubstr("no samples"));
    const Calibration wrong = fixture::calibration({1, 3, 12});
    EXPECT_NE(fixture::message_of([&] { moments_of(layers, model, model, wrong, {}); }), "no error");
}

TEST(MomentsOf, RefusesSamplesThatAreNotFinite) {
    const Model model = fixture::varied();
    Network network(model);
    const auto layers = linear_layers(network).layers;
    Calibration broken = fixture::calibration(fixture::picture);
    broken.samples.at = [](std::size_t index) {
        std::vector<float> values = fixture::noise(*element_count(fixture::picture), index);
        if (index == 5) values[7] = std::numeric_limits<float>::infinity();
        return Sample{Tensor::of<float>(DType::float32, fixture::picture, values)};
    };
    EXPECT_THAT(fixture::message_of([&] { moments_of(layers, model, model, broken, {.rows = 1 << 14}); }),
                HasSubstr("not finite"));
}

}  // namespace
}  // namespace breakeven
