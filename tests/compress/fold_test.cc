// Folding: fewer operators, the same outputs.
#include "breakeven/compress/fold.h"

#include <gtest/gtest.h>

#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

using fixture::Net;
using fixture::picture;

struct Folded {
    Model before;
    Model after;
    std::size_t gone = 0;
};

Folded fold(const Model& model) {
    Network network(model);
    const std::size_t gone = fold_batch_norms(network);
    return {model, network.finish(), gone};
}

std::size_t count_of(const Model& model, const std::string& op) {
    std::size_t count = 0;
    for (const auto& node : model.proto().graph().node()) count += node.op_type() == op ? 1U : 0U;
    return count;
}

/// Largest difference of the first outputs, over what the largest of them is.
double largest_difference(const Folded& folded, const Shape& shape) {
    double off = 0;
    double most = 1e-6;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const Sample sample = fixture::sample_of(shape, seed);
        const Tensor a = fixture::run(folded.before, sample).front();
        const Tensor b = fixture::run(folded.after, sample).front();
        const auto x = a.as<float>();
        const auto y = b.as<float>();
        if (x.size() != y.size()) return INFINITY;
        for (std::size_t i = 0; i < x.size(); ++i) {
            off = std::max(off, std::abs(double{x[i]} - double{y[i]}));
            most = std::max(most, std::abs(double{x[i]}));
        }
    }
    return off / most;
}

std::string affine(Net& net, const std::string& from, const std::string& op, const Shape& shape, std::uint64_t seed) {
    const std::string name = net.fresh("factors");
    std::vector<float> values = fixture::noise(*element_count(shape), seed);
    for (float& value : values) value += op == "Div" ? 3.0F : 0.0F;
    net.graph().weights(name, shape, values);
    return net.node(op, {from, name});
}

TEST(Fold, ANetworkWithNormsKeepsItsOutputs) {
    const Folded folded = fold(fixture::varied());
    EXPECT_EQ(count_of(folded.after, "BatchNormalization"), 0U);
    EXPECT_EQ(count_of(folded.after, "MatMul"), 0U);
    EXPECT_LT(largest_difference(folded, picture), 1e-4);
}

TEST(Fold, ScaleAndShiftBehindAConvolutionGoIntoIt) {
    for (const std::string op : {"Mul", "Add", "Sub", "Div"}) {
        for (const Shape& shape : {Shape{8, 1, 1}, Shape{1, 8, 1, 1}, Shape{1}, Shape{}}) {
            Net net(picture);
            const std::string scaled = affine(net, net.convolution("x", {8, 3, 3, 3}), op, shape, 7);
            const Folded folded = fold(net.finish(net.node("Relu", {scaled}), {1, 8, 12, 12}));
            EXPECT_EQ(folded.gone, 1U) << op << to_text(shape);
            EXPECT_LT(largest_difference(folded, picture), 1e-4) << op << to_text(shape);
        }
    }
}

TEST(Fold, AVectorAlongAPicturesWidthIsNoFactorOfItsChannels) {
    Net net(picture);
    const std::string scaled = affine(net, net.convolution("x", {12, 3, 3, 3}), "Mul", {12}, 7);
    const Folded folded = fold(net.finish(scaled, {1, 12, 12, 12}));
    EXPECT_EQ(folded.gone, 0U);
    EXPECT_LT(largest_difference(folded, picture), 1e-6);
}

TEST(Fold, AScaleBeforeAConvolutionGoesIntoItAndAShiftOnlyWithoutPadding) {
    for (const std::string op : {"Mul", "Sub"}) {
        for (const std::int64_t kernel : {1, 3}) {  // the fixture pads kernels of 3
            Net net(picture);
            const std::string scaled = affine(net, "x", op, {3, 1, 1}, 9);
            const Folded folded = fold(net.finish(net.convolution(scaled, {8, 3, kernel, kernel}), {1, 8, 12, 12}));
            EXPECT_EQ(folded.gone, op == "Mul" || kernel == 1 ? 1U : 0U) << op << kernel;
            EXPECT_LT(largest_difference(folded, picture), 1e-4) << op << kernel;
        }
    }
}

TEST(Fold, OneFactorForAllPassesThroughATranspose) {
    Net net({1, 12, 12, 3});
    const std::string scaled = affine(net, "x", "Mul", {}, 9);
    const std::string moved = net.node("Transpose", {scaled}, "moved", {fakes::ints_attribute("perm", {0, 3, 1, 2})});
    const Folded folded = fold(net.finish(net.convolution(moved, {8, 3, 3, 3}), {1, 8, 12, 12}));
    EXPECT_EQ(folded.gone, 1U);
    EXPECT_LT(largest_difference(folded, {1, 12, 12, 3}), 1e-4);
}

TEST(Fold, ZerosAroundAPictureBecomeTheConvolutionsPadding) {
    Net net(picture);
    const std::vector<std::int64_t> pads{0, 0, 0, 0, 0, 0, 1, 1};
    net.graph().integers("pads", {8}, pads);
    const std::string padded = net.node("Pad", {"x", "pads"});
    const Folded folded = fold(net.finish(net.convolution(padded, {8, 3, 3, 3}, 1, 2), {1, 8, 7, 7}));
    EXPECT_EQ(folded.gone, 1U);
    EXPECT_LT(largest_difference(folded, picture), 1e-5);
}

TEST(Fold, WhatSomethingElseSeesStays) {
    Net net(picture);
    const std::string conv = net.convolution("x", {8, 3, 3, 3});
    const std::string norm = net.norm(conv, 8);
    const Folded folded = fold(net.finish(net.node("Add", {norm, conv}), {1, 8, 12, 12}));
    EXPECT_EQ(count_of(folded.after, "BatchNormalization"), 1U);
    EXPECT_LT(largest_difference(folded, picture), 1e-6);
}

TEST(Fold, AlphaAndBetaGoIntoAGemm) {
    Net net({1, 6});
    net.graph().weights("w", {4, 6}, fixture::noise(24, 1)).weights("b", {1, 4}, fixture::noise(4, 2));
    const std::string gemm = net.node("Gemm", {"x", "w", "b"}, "gemm",
                                      {fakes::int_attribute("transB", 1), fakes::float_attribute("alpha", 0.5F),
                                       fakes::float_attribute("beta", -2.0F)});
    const Folded folded = fold(net.finish(affine(net, gemm, "Mul", {4}, 3), {1, 4}));
    EXPECT_EQ(folded.gone, 1U);
    EXPECT_LT(largest_difference(folded, {1, 6}), 1e-5);
}

}  // namespace
}  // namespace breakeven
