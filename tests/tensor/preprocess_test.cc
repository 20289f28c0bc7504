// Preprocessing: what the JSON says is what the network gets.
#include "breakeven/tensor/preprocess.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "breakeven/error.h"

namespace breakeven {
namespace {

Tensor picture(Shape shape, std::vector<std::uint8_t> values) {
    return Tensor::of<std::uint8_t>(DType::uint8, std::move(shape), values);
}

TensorSpec takes(Shape shape, DType dtype = DType::float32) {
    return {.name = "input", .dtype = dtype, .shape = std::move(shape)};
}

std::vector<float> floats(const Tensor& tensor) {
    const auto values = tensor.as<float>();
    return {values.begin(), values.end()};
}

std::string refusal(const std::string& json) {
    try {
        (void)parse_preprocess(json, "'preprocess.json'");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    }
    return {};
}

const Tensor two_pixels = picture({2, 1, 3}, {0, 51, 102, 153, 204, 255});

TEST(Preprocess, RawPixelsUnlessTold) {
    const Tensor input = preprocess_image(two_pixels, takes({-1, 2, 1, 3}), {});
    EXPECT_EQ(input.shape(), (Shape{1, 2, 1, 3}));
    EXPECT_EQ(floats(input), (std::vector<float>{0, 51, 102, 153, 204, 255}));
}

TEST(Preprocess, PlanesComeOneAfterAnotherInNchw) {
    EXPECT_EQ(floats(preprocess_image(two_pixels, takes({1, 3, 2, 1}), {})),
              (std::vector<float>{0, 153, 51, 204, 102, 255}));
}

TEST(Preprocess, BgrTurnsTheChannelsRound) {
    Preprocess preprocess;
    preprocess.channels = ChannelOrder::bgr;
    EXPECT_EQ(floats(preprocess_image(two_pixels, takes({1, 2, 1, 3}), preprocess)),
              (std::vector<float>{102, 51, 0, 255, 204, 153}));
}

TEST(Preprocess, RangeMeanAndStdApplyInThisOrderPerNetworkChannel) {
    const Preprocess preprocess =
        parse_preprocess(R"({"range": [0, 1], "mean": [0.1, 0.2, 0.3], "std": [1, 2, 4], "channels": "bgr"})", "x");
    const std::vector<float> values = floats(preprocess_image(two_pixels, takes({1, 3, 2, 1}), preprocess));
    const std::vector<float> expected{0.4F - 0.1F, 1.0F - 0.1F, 0.0F, 0.3F, -0.3F / 4, 0.3F / 4};
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-6) << i;
}

TEST(Preprocess, SignedInputsAreRoundedAndClamped) {
    const Preprocess preprocess = parse_preprocess(R"({"range": [-128, 127]})", "x");
    const Tensor input = preprocess_image(two_pixels, takes({1, 2, 1, 3}, DType::int8), preprocess);
    EXPECT_EQ(input.as<std::int8_t>()[0], -128);
    EXPECT_EQ(input.as<std::int8_t>()[5], 127);
    const Tensor clamped = preprocess_image(two_pixels, takes({1, 2, 1, 3}, DType::int8), {});
    EXPECT_EQ(clamped.as<std::int8_t>()[5], 127);
}

TEST(Preprocess, AnEightBitInputTakesThePixelsAsTheyAre) {
    const Preprocess preprocess = parse_preprocess(R"({"range": [-1, 1], "mean": 3, "channels": "bgr"})", "x");
    const Tensor input = preprocess_image(two_pixels, takes({1, 2, 1, 3}, DType::uint8), preprocess);
    EXPECT_EQ(input.as<std::uint8_t>()[0], 102);
    EXPECT_EQ(input.as<std::uint8_t>()[2], 0);
}

TEST(Preprocess, AGreyNetworkTakesAColourPictureAndTheOtherWayRound) {
    EXPECT_EQ(preprocess_image(two_pixels, takes({1, 1, 2, 1}), {}).elements(), 2);
    EXPECT_EQ(floats(preprocess_image(picture({1, 1, 1}, {9}), takes({1, 1, 1, 3}), {})),
              (std::vector<float>{9, 9, 9}));
}

TEST(Preprocess, ShortSideThenCrop) {
    Tensor wide(DType::uint8, {10, 40, 1});
    const auto values = wide.mutable_as<std::uint8_t>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i % 40);
    const Preprocess preprocess = parse_preprocess(R"({"size": 10, "crop": 4})", "x");
    const std::vector<float> cropped = floats(preprocess_image(wide, takes({1, 4, 4, 1}), preprocess));
    EXPECT_EQ(std::vector<float>(cropped.begin(), cropped.begin() + 4), (std::vector<float>{18, 19, 20, 21}));
}

TEST(Preprocess, AFractionIsCutBeforeResizing) {
    const Preprocess preprocess = parse_preprocess(R"({"crop": 0.5})", "x");
    EXPECT_EQ(floats(preprocess_image(picture({1, 4, 1}, {0, 10, 10, 200}), takes({1, 1, 1, 1}), preprocess)),
              (std::vector<float>{10}));
}

TEST(Preprocess, ContradictionsAreRefused) {
    EXPECT_THROW(preprocess_image(two_pixels, takes({1, 8, 8, 3}), parse_preprocess(R"({"size": 9})", "x")), Error);
    EXPECT_THROW(preprocess_image(two_pixels, takes({1, 8, 8, 3}), parse_preprocess(R"({"channels": "grey"})", "x")),
                 Error);
    EXPECT_THROW(preprocess_image(two_pixels, takes({1, 8, 8, 3}), parse_preprocess(R"({"layout": "NCHW"})", "x")),
                 Error);
    EXPECT_THROW(preprocess_image(two_pixels, takes({1, 8, 8, 1}), parse_preprocess(R"({"mean": [1, 2, 3]})", "x")),
                 Error);
    EXPECT_THROW(preprocess_image(two_pixels, takes({1, 640}), {}), Error);
    EXPECT_THROW(preprocess_image(two_pixels, takes({1, 3, -1, -1}), {}), Error);
    EXPECT_THROW(preprocess_image(two_pixels, takes({1, 4, 4, 3}), parse_preprocess(R"({"crop": 4})", "x")), Error);
}

RC_GTEST_PROP(Preprocess, ScalingTheFittedPixelsGivesTheInput, ()) {
    // What codec u8 does: pixels cross, the server multiplies and adds.
    const auto values = *rc::gen::container<std::vector<std::uint8_t>>(4 * 5 * 3, rc::gen::arbitrary<std::uint8_t>());
    Preprocess preprocess;
    preprocess.mean = {*rc::gen::inRange(-100, 100) * 1.0, 3.0, -7.0};
    preprocess.deviation = {*rc::gen::inRange(1, 90) * 1.0};
    if (*rc::gen::arbitrary<bool>()) preprocess.channels = ChannelOrder::bgr;
    const bool planar = *rc::gen::arbitrary<bool>();
    const TensorSpec spec = takes(planar ? Shape{1, 3, 4, 5} : Shape{-1, 4, 5, 3});
    const Tensor image = picture({4, 5, 3}, values);
    const ImageInput input = image_input(spec, preprocess);
    const Tensor pixels = fit_image(image, input, preprocess);
    const ChannelScaling scaling = channel_scaling(preprocess, 3);
    const std::vector<float> whole = floats(preprocess_image(image, spec, preprocess));
    for (std::size_t i = 0; i < whole.size(); ++i) {
        const std::size_t c = planar ? i / 20 : i % 3;
        RC_ASSERT(std::abs(whole[i] - (pixels.as<std::uint8_t>()[i] * scaling.scale[c] + scaling.offset[c])) < 1e-4);
    }
}

TEST(PreprocessJson, ReadsEveryKey) {
    const Preprocess preprocess = parse_preprocess(
        R"({"size": [256, 300], "crop": [224, 200], "layout": "NHWC", "range": [-1, 1], "mean": 2, "std": [1, 2, 3],
            "channels": "rgb", "label_offset": 1, "dtype": "int8"})",
        "x");
    EXPECT_EQ(preprocess.size, (ImageSize{.height = 256, .width = 300}));
    EXPECT_EQ(preprocess.crop, (ImageSize{.height = 224, .width = 200}));
    EXPECT_EQ(preprocess.layout, ImageLayout::nhwc);
    EXPECT_EQ(preprocess.range, (std::vector<double>{-1, 1}));
    EXPECT_EQ(preprocess.mean, (std::vector<double>{2}));
    EXPECT_EQ(preprocess.deviation, (std::vector<double>{1, 2, 3}));
    EXPECT_EQ(preprocess.label_offset, 1);
    EXPECT_EQ(preprocess.dtype, DType::int8);
}

TEST(PreprocessJson, AMisspeltKeyIsRefusedByName) {
    EXPECT_NE(refusal(R"({"means": 3})").find("`means`"), std::string::npos);
}

TEST(PreprocessJson, BadValuesAreRefused) {
    for (const char* bad : {"",
                            "[]",
                            "{",
                            "{\"size\": 0}",
                            "{\"size\": -3}",
                            "{\"size\": 1e99}",
                            "{\"size\": [1,2,3]}",
                            "{\"crop\": 1.5}",
                            "{\"crop\": 0.0}",
                            "{\"layout\": \"NWHC\"}",
                            "{\"layout\": 3}",
                            "{\"range\": [1]}",
                            "{\"std\": 0}",
                            "{\"std\": [1, 0, 1]}",
                            "{\"mean\": []}",
                            "{\"mean\": \"1\"}",
                            "{\"mean\": 1e999}",
                            "{\"channels\": \"gray\"}",
                            "{\"label_offset\": 0.5}",
                            "{\"dtype\": \"FP32\"}"}) {
        EXPECT_NE(refusal(bad), "") << bad;
    }
    EXPECT_NE(refusal(std::string(1 << 20, '[')), "");
}

TEST(PreprocessRaw, TakesTheSpecsTypeWithOrWithoutTheBatchDimension) {
    const std::vector<float> values{1, 2, 3, 4};
    EXPECT_EQ(floats(preprocess_raw(std::as_bytes(std::span(values)), takes({-1, 2, 2}), {})), values);
    EXPECT_EQ(preprocess_raw(std::as_bytes(std::span(values)), takes({2, 2}), {}).shape(), (Shape{2, 2}));
}

TEST(PreprocessRaw, SignedBytesGoThroughMeanAndStd) {
    const std::vector<std::int8_t> values{-128, 83, 127};
    const Preprocess preprocess = parse_preprocess(R"({"dtype": "int8", "mean": 83, "std": 2})", "x");
    EXPECT_EQ(floats(preprocess_raw(std::as_bytes(std::span(values)), takes({1, 3}), preprocess)),
              (std::vector<float>{-105.5, 0, 22}));
}

TEST(PreprocessArray, MayLackOrCarryTheBatchDimension) {
    const Tensor two = Tensor::of<float>(DType::float32, {2}, std::vector<float>{1, 2});
    EXPECT_EQ(preprocess_array(two, takes({-1, 2}), {}).shape(), (Shape{1, 2}));
    EXPECT_EQ(preprocess_array(two.reshaped({1, 2}), takes({-1, 2}), {}).shape(), (Shape{1, 2}));
    EXPECT_EQ(preprocess_array(two.reshaped({1, 2}), takes({2}), {}).shape(), (Shape{2}));
    EXPECT_THROW(preprocess_array(two, takes({1, 3}), {}), Error);
}

TEST(PreprocessArray, NumpysDefaultFloatBecomesTheNetworks) {
    const Tensor doubles = Tensor::of<double>(DType::float64, {2}, std::vector<double>{0.5, -3});
    EXPECT_EQ(floats(preprocess_array(doubles, takes({1, 2}), {})), (std::vector<float>{0.5, -3}));
    const Tensor whole = Tensor::of<std::int64_t>(DType::int64, {2}, std::vector<std::int64_t>{1, 2});
    EXPECT_THROW(preprocess_array(whole, takes({1, 2}), {}), Error);
}

TEST(PreprocessRaw, AWrongLengthIsRefused) {
    const std::vector<float> values{1, 2, 3};
    EXPECT_THROW(preprocess_raw(std::as_bytes(std::span(values)), takes({1, 4}), {}), Error);
    EXPECT_THROW(preprocess_raw(std::as_bytes(std::span(values)).first(11), takes({1, 3}), {}), Error);
    EXPECT_THROW(preprocess_raw({}, takes({1, -1}), {}), Error);
}

}  // namespace
}  // namespace breakeven
