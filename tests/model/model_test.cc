// Model: facts, layers and types of small graphs that are counted by hand, and of the real networks.
#include "breakeven/model/model.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <numeric>
#include <sstream>

#include "breakeven/error.h"
#include "breakeven/model/cache_fit.h"
#include "fakes/shared_data.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using namespace literals;
using fakes::TinyGraph;

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
}

Model parsed(const std::string& bytes) {
    return Model::parse(bytes, "test");
}

TEST(Model, CountsALinearLayerByHand) {
    const Model model = parsed(fakes::linear_model(8, 5));
    EXPECT_EQ(model.facts().parameters, 8 * 5 + 5);
    EXPECT_EQ(model.facts().weight_size, Bytes(4 * (8 * 5 + 5)));
    EXPECT_EQ(model.facts().macs, 8 * 5);
    EXPECT_EQ(model.facts().opset, 17);
    ASSERT_EQ(model.layers().size(), 2U);
    EXPECT_EQ(model.layers()[0].op, "Gemm");
    EXPECT_EQ(model.layers()[0].parameters, 45);
    EXPECT_EQ(model.layers()[1].parameters, 0);
    EXPECT_EQ(model.layers()[1].output_size, 20_B);
}

TEST(Model, CountsAConvolutionByHand) {
    const Model model = parsed(fakes::small_convolution_model(8));
    EXPECT_EQ(model.facts().parameters, 4 * 3 * 3 * 3 + 4);
    EXPECT_EQ(model.facts().macs, 4 * 8 * 8 * 3 * 3 * 3);
}

TEST(Model, LeavesTheBatchOpenOutsideAndTakesOneSampleInside) {
    const Model model = parsed(fakes::small_convolution_model(8));
    EXPECT_EQ(model.inputs().front(), (TensorSpec{"x", DType::float32, {-1, 3, 8, 8}}));
    EXPECT_EQ(model.outputs().front(), (TensorSpec{"y", DType::float32, {-1, 4, 1, 1}}));
    EXPECT_EQ(model.tensor("c"), (TensorSpec{"c", DType::float32, {1, 4, 8, 8}}));
    EXPECT_EQ(with_batch(model.inputs().front(), 7).shape, (Shape{7, 3, 8, 8}));
    EXPECT_EQ(size_of(with_batch(model.inputs().front(), 1)), Bytes(3 * 8 * 8 * 4));
    EXPECT_EQ(size_of(model.inputs().front()), std::nullopt);
}

TEST(Model, GivesUnnamedNodesStableNamesThatNobodyElseHas) {
    const Model model = parsed(fakes::two_branch_model({1, 4}));
    std::vector<std::string> names;
    for (const Layer& layer : model.layers()) names.push_back(layer.name);
    EXPECT_EQ(names, (std::vector<std::string>{"Relu_0", "Sigmoid_1", "Add_2"}));
}

TEST(Model, TakesNoInitializerOfAnOldFileForAnInput) {
    const std::vector<float> ones(4, 2.0F);
    const auto bytes = TinyGraph()
                           .input("x", DType::float32, {1, 4})
                           .input("w", DType::float32, {4})
                           .output("y", DType::float32, {1, 4})
                           .weights("w", {4}, ones)
                           .node("Mul", {"x", "w"}, {"y"})
                           .model(9, 3);
    ASSERT_EQ(parsed(bytes).inputs().size(), 1U);
    EXPECT_EQ(parsed(bytes).inputs().front().name, "x");
}

TinyGraph normed(const std::vector<float>& scale) {
    const std::vector<float> others{0.5F, 0.25F};
    return TinyGraph()
        .input("x", DType::float32, {1, 2, 3, 3})
        .output("y", DType::float32, {1, 2, 3, 3})
        .weights("scale", {2}, scale)
        .weights("b", {2}, others)
        .weights("m", {2}, others)
        .weights("v", {2}, others)
        .node("BatchNormalization", {"x", "scale", "b", "m", "v"}, {"y"});
}

TEST(Model, CountsABatchNormsScaleUnlessItIsAllOnes) {
    EXPECT_EQ(parsed(normed({1.0F, 1.0F}).model()).facts().parameters, 6);
    EXPECT_EQ(parsed(normed({1.0F, 1.5F}).model()).facts().parameters, 8);
}

TEST(Model, CountsIntegersThatAreDequantizedAndNoScalesOrShapes) {
    const std::vector<float> scale{0.5F, 0.25F, 0.125F};
    const std::vector<std::int64_t> shape{2, 3};
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {2, 2})
                                   .output("y", DType::float32, {2, 3})
                                   .raw("wq", DType::int8, {2, 3}, std::string(6, '\1'))
                                   .weights("s", {3}, scale)
                                   .raw("z", DType::int8, {3}, std::string(3, '\0'))
                                   .integers("shape", {2}, shape)
                                   .node("DequantizeLinear", {"wq", "s", "z"}, {"w"}, {fakes::int_attribute("axis", 1)})
                                   .node("MatMul", {"x", "w"}, {"p"})
                                   .node("Reshape", {"p", "shape"}, {"y"})
                                   .model());
    EXPECT_EQ(model.facts().parameters, 6);
    EXPECT_EQ(model.facts().weight_size, 6_B);
    ASSERT_EQ(model.layers().size(), 2U) << "dequantizing a constant is no layer";
    EXPECT_EQ(model.layers()[0].parameters, 6) << "they are the MatMul's";
    EXPECT_EQ(model.facts().nodes, 3U);
}

TEST(Model, SharedWeightsCountOnce) {
    const std::vector<float> w(16, 0.5F);
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1, 4})
                                   .output("y", DType::float32, {1, 4})
                                   .weights("w", {4, 4}, w)
                                   .node("MatMul", {"x", "w"}, {"h"})
                                   .node("MatMul", {"h", "w"}, {"y"})
                                   .model());
    EXPECT_EQ(model.facts().parameters, 16);
    EXPECT_EQ(model.facts().macs, 32);
    EXPECT_EQ(model.layers()[1].parameters, 0);
}

TEST(Model, UnknownWorkIsUnknownAndNotNothing) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1, 3, -1, -1})
                                   .output("y", DType::float32, {1, 2, -1, -1})
                                   .weights("w", {2, 3, 1, 1}, std::vector<float>(6, 1.0F))
                                   .node("Conv", {"x", "w"}, {"y"})
                                   .model());
    EXPECT_EQ(model.facts().macs, std::nullopt);
    EXPECT_EQ(model.layers()[0].output_size, std::nullopt);
    EXPECT_EQ(model.facts().parameters, 6);
}

TEST(Model, PassesOperatorsOfOtherDomains) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1, 4})
                                   .output("y", DType::float32, {1, 4})
                                   .domain_node("com.microsoft", "SomethingNew", {"x"}, {"h"})
                                   .node("Relu", {"h"}, {"y"})
                                   .model());
    EXPECT_EQ(model.layers()[0].op, "com.microsoft.SomethingNew");
    EXPECT_EQ(model.layers()[0].output_size, std::nullopt);
}

TEST(Model, BelievesTheOperatorsWhereADeclaredShapeContradictsThem) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1, 4})
                                   .output("y", DType::float32, {1, 5})
                                   .node("Relu", {"x"}, {"h"})
                                   .node("Abs", {"h"}, {"y"})
                                   .model());
    EXPECT_EQ(model.tensor("y")->shape, (Shape{1, 4}));
}

TEST(Model, WritesWhatItReads) {
    const Model model = parsed(fakes::linear_model(8, 5));
    const Model again = parsed(model.serialized());
    EXPECT_EQ(again.facts().parameters, model.facts().parameters);
    EXPECT_EQ(again.serialized(), model.serialized());
    EXPECT_EQ(image_of(again).bytes, model.serialized());
    EXPECT_EQ(image_of(again).sha256, again.facts().sha256);
}

TEST(CacheFit, ComparesLayersThatHaveWeights) {
    const Model model = parsed(fakes::linear_model(8, 5));  // one layer of 180 bytes, one without weights
    EXPECT_DOUBLE_EQ(cache_fit(model, 360_B)->mean_layer_percent, 50.0);
    EXPECT_DOUBLE_EQ(cache_fit(model, 180_B)->fitting_percent, 100.0);
    EXPECT_DOUBLE_EQ(cache_fit(model, 179_B)->fitting_percent, 0.0);
    EXPECT_EQ(cache_fit(parsed(fakes::identity_model({1, 4})), 179_B), std::nullopt);
}

/// Counts published with the files (models.csv), made by others.
struct Published {
    std::int64_t parameters;
    std::int64_t macs;
    std::int64_t quantization =
        0;  ///< elements of per-channel scales and zero points in that count: no parameters here
};

const std::map<std::string, Published> published{
    {"cifar10_little_resnet8_fp32", {77706, 12501632}},
    {"cifar10_medium_iclarge_fp32", {480330, 76473920}},
    {"cifar10_big_resnet6blk_fp32", {750858, 766346496}},
    {"kws_dscnn_fp32", {22604, 2656768}},
    {"imagenet_mobilenet_v1_0.25_128_fp32", {467595, 13570304}},
    {"imagenet_mobilenet_v1_0.25_224_keras_fp32", {468576, 41030272}},
    {"imagenet_mobilenet_v1_0.5_160_fp32", {1326635, 76525312}},
    {"imagenet_mobilenet_v1_0.75_192_fp32", {2578123, 239274240}},
    {"imagenet_mobilenet_v2_1.0_224_fp32", {3489099, 300775552}},
    {"mnist-cntk", {5994, 786560}},
    {"ultraface_version-RFB-320", {300408, 100418560}},
    {"shufflenet-v2-12-int8", {2286694, 144907992, 16180}},
    {"squeezenet_v1.0_from_deepcompression_fp32", {1248424, 832667936}},
    {"mlperf-tiny/deep_autoencoder", {265864, 264192}},
    {"mlperf-tiny/kws_ref_model", {24908, 2656768, 2304}},
    {"mlperf-tiny/resnet", {79050, 12501632, 1344}},
};

TEST(Model, CountsRealNetworksAsOthersDid) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    for (const auto& [name, expected] : published) {
        const Model model = Model::parse(bytes_of(fakes::shared_data() / "models/onnx" / (name + ".onnx")), name);
        EXPECT_EQ(model.facts().parameters + expected.quantization, expected.parameters) << name;
        EXPECT_EQ(model.facts().macs, expected.macs) << name;
        EXPECT_GT(model.cuts().size(), 0U) << name;
    }
}

TEST(Model, ANetworkAndItsQuantizedSelfHaveTheSameParameters) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    const auto folder = fakes::shared_data() / "models/onnx";
    const auto parameters = [&](const char* file) {
        return Model::parse(bytes_of(folder / file), file).facts().parameters;
    };
    EXPECT_EQ(parameters("mlperf-tiny/resnet.onnx"), parameters("cifar10_little_resnet8_fp32.onnx"));
    EXPECT_EQ(parameters("mlperf-tiny/kws_ref_model.onnx"), parameters("kws_dscnn_fp32.onnx"));
}

}  // namespace
}  // namespace breakeven
