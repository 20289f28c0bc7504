// Quantization: near the float network, in the form that engines fuse, and clear about what it cannot take.
#include "breakeven/compress/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "breakeven/compress/quantize_layer.h"
#include "breakeven/compress/quantize_write.h"
#include "breakeven/compress/sensitivity.h"
#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

using fixture::message_of;
using fixture::Net;
using fixture::picture;
using testing::HasSubstr;

Samples samples_of(const Shape& shape, std::size_t count = 24) {
    return {count, [shape](std::size_t i) { return fixture::sample_of(shape, 1000 + i); }};
}

Samples unseen(const Shape& shape) {
    return {16, [shape](std::size_t i) { return fixture::sample_of(shape, 5000 + i); }};
}

Model quantized(const Model& model, const Shape& shape, const QuantizeOptions& options = {},
                QuantizeReport* told = nullptr) {
    QuantizeReport report;
    Model result = quantize(model, samples_of(shape), fixture::execute(), options, report);
    if (told != nullptr) *told = report;
    return result;
}

double sqnr(const Model& model, const Model& other, const Shape& shape) {
    return output_sqnr_db(model, other, unseen(shape), fixture::execute());
}

std::map<std::string, const onnx::NodeProto*> makers(const Model& model) {
    std::map<std::string, const onnx::NodeProto*> by_output;
    for (const auto& node : model.proto().graph().node()) {
        for (const auto& output : node.output()) by_output[output] = &node;
    }
    return by_output;
}

const onnx::TensorProto* stored(const Model& model, const std::string& name) {
    for (const auto& tensor : model.proto().graph().initializer()) {
        if (tensor.name() == name) return &tensor;
    }
    return nullptr;
}

std::vector<float> floats(const Model& model, const std::string& name) {
    const Network network(model);
    const auto values = network.weights(name);
    return {values.begin(), values.end()};
}

TEST(Quantize, EveryMethodStaysNearTheFloatNetwork) {
    const Model model = fixture::varied();
    for (const auto method : {CalibrationMethod::automatic, CalibrationMethod::min_max, CalibrationMethod::percentile,
                              CalibrationMethod::squared_error, CalibrationMethod::divergence}) {
        QuantizeOptions options;
        options.calibration.method = method;
        EXPECT_GT(sqnr(model, quantized(model, picture, options), picture), 25.0) << name(method);
    }
}

TEST(Quantize, EveryFormStaysNearTheFloatNetwork) {
    const Model model = fixture::varied();
    const std::vector<QuantizeOptions> forms{
        {.activations = ActivationForm::signed_8}, {.weight_scales = WeightScales::per_tensor, .equalize = true},
        {.weight_bits = WeightBits::seven},        {.fold = false},
        {.bias_correction = BiasCorrection::off},  {.bias_correction = BiasCorrection::sequential}};
    for (std::size_t i = 0; i < forms.size(); ++i) {
        EXPECT_GT(sqnr(model, quantized(model, picture, forms[i]), picture), 20.0) << i;
    }
}

TEST(Quantize, EveryLayerTakesRoundedInputsAndItsBiasCountsInTheirUnits) {
    const Model model = quantized(fixture::varied(), picture);
    const auto made = makers(model);
    std::size_t layers = 0;
    for (const auto& node : model.proto().graph().node()) {
        if (node.op_type() != "Conv" && node.op_type() != "Gemm") continue;
        ++layers;
        ASSERT_TRUE(made.contains(node.input(0)) && made.contains(node.input(1)) && made.contains(node.input(2)));
        const onnx::NodeProto& x = *made.at(node.input(0));
        const onnx::NodeProto& weights = *made.at(node.input(1));
        const onnx::NodeProto& bias = *made.at(node.input(2));
        for (const auto* input : {&x, &weights, &bias}) EXPECT_EQ(input->op_type(), "DequantizeLinear");
        EXPECT_EQ(stored(model, x.input(2))->data_type(), onnx::TensorProto::UINT8);
        EXPECT_EQ(stored(model, weights.input(0))->data_type(), onnx::TensorProto::INT8);
        EXPECT_EQ(stored(model, bias.input(0))->data_type(), onnx::TensorProto::INT32);
        EXPECT_EQ(integer_attribute(weights, "axis", -1), node.op_type() == "Conv" ? 0 : 1);
        const float input_scale = floats(model, x.input(1)).front();
        const std::vector<float> weight_scales = floats(model, weights.input(1));
        const std::vector<float> bias_scales = floats(model, bias.input(1));
        ASSERT_EQ(weight_scales.size(), bias_scales.size());
        for (std::size_t i = 0; i < bias_scales.size(); ++i) {
            EXPECT_FLOAT_EQ(bias_scales[i], input_scale * weight_scales[i]);
        }
    }
    EXPECT_EQ(layers, 9U);
}

TEST(Quantize, ARangeThatStartsAtZeroTakesTheRelusPlace) {
    Net net(picture);
    const std::string stem = net.node("Relu", {net.convolution("x", {8, 3, 3, 3})});
    const Model model = net.finish(net.convolution(stem, {4, 8, 3, 3}), {1, 4, 12, 12});
    const Model after = quantized(model, picture);
    for (const auto& node : after.proto().graph().node()) EXPECT_NE(node.op_type(), "Relu");
    EXPECT_GT(sqnr(model, after, picture), 30.0);
}

TEST(Quantize, WhatOnlyMovesNumbersSharesOneScale) {
    Net net(picture);
    const std::string left = net.node("Relu", {net.convolution("x", {8, 3, 3, 3})});
    const std::string right = net.node("Relu", {net.convolution("x", {8, 3, 1, 1})});
    const std::string joined = net.node("Concat", {left, right}, "joined", {fakes::int_attribute("axis", 1)});
    const std::string pooled =
        net.node("MaxPool", {joined}, "pooled",
                 {fakes::ints_attribute("kernel_shape", {2, 2}), fakes::ints_attribute("strides", {2, 2})});
    const Model model = net.finish(net.convolution(pooled, {4, 16, 3, 3}), {1, 4, 6, 6});
    const Model after = quantized(model, picture);
    std::set<std::string> scales;
    for (const auto& node : after.proto().graph().node()) {
        if (node.op_type() == "QuantizeLinear") scales.insert(node.input(1));
    }
    EXPECT_EQ(scales.size(), 3U);  // the input, the joined ones, the output
    EXPECT_GT(sqnr(model, after, picture), 30.0);
}

TEST(Quantize, LayersKeptInFloatAreAsTheyWere) {
    const Model model = fixture::varied();
    const Quantization quantization(model, samples_of(picture), fixture::execute(), {});
    const std::vector<std::string> layers = quantization.layers();
    ASSERT_EQ(layers.size(), 9U);
    const Model all_float = quantization.model(layers);
    EXPECT_TRUE(all_float.serialized() == quantization.prepared().serialized());
    const Model one = quantization.model({layers[2]});
    EXPECT_GT(one.proto().ByteSizeLong(), quantization.model().proto().ByteSizeLong());
    for (const QuantizedLayer& layer : quantization.report({layers[2]}).layers) {
        EXPECT_EQ(layer.quantized, layer.name != layers[2]) << layer.name;
        EXPECT_EQ(layer.why_float.empty(), layer.quantized);
    }
    for (const std::string& layer : layers) {
        EXPECT_GT(sqnr(model, quantization.only(layer), picture), sqnr(model, quantization.model(), picture) - 3.0);
        EXPECT_GT(sqnr(model, quantization.model({layer}), picture), 20.0) << layer;
    }
}

TEST(Quantize, OperatorsItDoesNotKnowStayAndAreToldOf) {
    Net net(picture);
    const std::string odd = net.node("Erf", {net.convolution("x", {8, 3, 3, 3})});
    const Model model = net.finish(net.convolution(odd, {4, 8, 3, 3}), {1, 4, 12, 12});
    QuantizeReport report;
    const Model after = quantized(model, picture, {}, &report);
    EXPECT_GT(sqnr(model, after, picture), 30.0);
    ASSERT_EQ(report.left_alone.size(), 1U);
    EXPECT_EQ(report.left_alone[0].op, "Erf");
    EXPECT_EQ(report.samples, 24U);
}

TEST(Quantize, TransposedConvolutionsAndSharedWeightsAndBatchesComeThrough) {
    Net net(picture);
    net.graph().weights("w", {3, 6, 3, 3}, fixture::noise(3 * 6 * 9, 8));
    net.graph().weights("shared", {6, 6, 1, 1}, fixture::noise(36, 9));
    const std::string up = net.node("ConvTranspose", {"x", "w"});
    const std::string once = net.node("Relu", {net.node("Conv", {up, "shared"})});
    const Model model = net.finish(net.node("Conv", {once, "shared"}), {1, 6, 14, 14});
    const Model after = quantized(model, picture);
    EXPECT_GT(sqnr(model, after, picture), 25.0);
    std::size_t integers = 0;
    for (const auto& tensor : after.proto().graph().initializer()) {
        integers += tensor.data_type() == onnx::TensorProto::INT8 && tensor.dims_size() == 4 ? 1U : 0U;
    }
    EXPECT_EQ(integers, 2U);
}

TEST(Quantize, AnOldOpsetIsRaised) {
    Net net(picture);
    const std::string conv = net.convolution("x", {8, 3, 3, 3});
    net.graph().output(conv, DType::float32, {1, 8, 12, 12});
    const Model model = Model::parse(net.graph().model(9, 4), "old");
    const Model after = quantized(model, picture);
    EXPECT_EQ(after.facts().opset, 13);
    EXPECT_GT(sqnr(model, after, picture), 30.0);
}

TEST(Quantize, ADeadChannelWithABiasKeepsItsBias) {
    Net net(picture);
    std::vector<float> weights = fixture::noise(4 * 3, 3);
    std::fill(weights.begin(), weights.begin() + 3, 0.0F);
    net.graph().weights("w", {4, 3, 1, 1}, weights);
    net.graph().weights("b", {4}, std::vector<float>{2.0F, -1.0F, 0.0F, 1.0F});
    const Model model = net.finish(net.node("Conv", {"x", "w", "b"}), {1, 4, 12, 12});
    const Tensor out = fixture::run(quantized(model, picture), fixture::sample_of(picture, 3)).front();
    EXPECT_NEAR(out.as<float>()[0], 2.0F, 0.05F);
}

TEST(Quantize, WhatItCannotTakeIsSaidInOneLine) {
    const Model model = fixture::varied();
    const auto with = [&](const Model& of, const Samples& samples, const QuantizeOptions& options = {}) {
        return message_of([&] { Quantization(of, samples, fixture::execute(), options); });
    };
    EXPECT_THAT(with(model, {}), HasSubstr("no calibration samples"));
    EXPECT_THAT(with(model, samples_of({1, 3, 8, 8})), HasSubstr("[1, 3, 8, 8]"));
    EXPECT_THAT(with(model, samples_of(picture), {.keep_float = {"nowhere"}}), HasSubstr("no layer of that name"));
    EXPECT_THAT(with(quantized(model, picture), samples_of(picture)), HasSubstr("quantized already"));
    const Samples odd{3, [](std::size_t) {
                          return Sample{Tensor::of<float>(DType::float32, picture, std::vector<float>(432, NAN))};
                      }};
    EXPECT_THAT(with(model, odd), HasSubstr("no finite numbers"));
    Net net(picture);
    EXPECT_THAT(with(net.finish(net.node("Relu", {"x"}), picture), samples_of(picture)), HasSubstr("to quantize"));
    Network broken(model);
    for (const auto& node : model.proto().graph().node()) {
        if (node.op_type() != "Conv") continue;
        std::vector<float> values(static_cast<std::size_t>(*element_count(broken.weights_shape(node.input(1)))), NAN);
        broken.set_weights(node.input(1), broken.weights_shape(node.input(1)), values);
        break;
    }
    EXPECT_THAT(with(broken.finish(), samples_of(picture)), HasSubstr("no finite numbers"));
}

RC_GTEST_PROP(RoundWeights, NoWeightMovesByMoreThanHalfAStepOfItsChannel, ()) {
    WeightLayout layout;
    layout.rows = layout.outputs = *rc::gen::inRange(1, 5);
    layout.columns = layout.inputs = *rc::gen::inRange(1, 5);
    layout.inner = *rc::gen::inRange(1, 4);
    layout.rows_are_outputs = *rc::gen::arbitrary<bool>();
    const auto weights =
        fixture::noise(layout.rows * layout.columns * layout.inner, *rc::gen::arbitrary<std::uint64_t>());
    QuantizeOptions options;
    options.weight_bits = *rc::gen::element(WeightBits::eight, WeightBits::seven);
    options.weight_scales = *rc::gen::element(WeightScales::per_channel, WeightScales::per_tensor);
    const RoundedWeights rounded = round_weights(weights, layout, options, {});
    const std::vector<float> values = dequantized(rounded, layout);
    RC_ASSERT(values.size() == weights.size());
    const float most = *std::max_element(rounded.scales.begin(), rounded.scales.end());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto row = static_cast<std::int64_t>(i) / layout.inner / layout.columns;
        const auto column = static_cast<std::int64_t>(i) / layout.inner % layout.columns;
        const float scale = options.weight_scales == WeightScales::per_tensor
                                ? most
                                : rounded.scales[static_cast<std::size_t>(layout.axis_index(row, column))];
        RC_ASSERT(std::abs(values[i] - weights[i]) <= scale * 0.5001F);
    }
}

RC_GTEST_PROP(ActivationScale, ZeroIsExactAndTheRangeIsInReach, ()) {
    const auto number =
        rc::gen::map(rc::gen::inRange(-30000, 30000), [](int i) { return static_cast<float>(i) * 1e-3F; });
    const Range range = with_zero({*number, *number});
    const auto form = *rc::gen::element(ActivationForm::unsigned_8, ActivationForm::signed_8);
    const ActivationScale scale = activation_scale(range, form);
    const int first = form == ActivationForm::unsigned_8 ? 0 : -128;
    RC_ASSERT(scale.scale > 0 && scale.zero_point >= first && scale.zero_point <= first + 255);
    const float low = scale.scale * static_cast<float>(first - scale.zero_point);
    const float high = scale.scale * static_cast<float>(first + 255 - scale.zero_point);
    RC_ASSERT(low <= std::max(range.low, range.low + 0.51F * scale.scale) && low >= range.low - 0.51F * scale.scale);
    RC_ASSERT(high <= range.high + 0.51F * scale.scale && high >= range.high - 0.51F * scale.scale);
}

}  // namespace
}  // namespace breakeven
