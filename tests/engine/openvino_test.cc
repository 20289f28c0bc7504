// OpenVINO as an engine: the same numbers as the reference, outputs that are the caller's own, many threads at once,
// TFLite files, absent without harm.
#include "breakeven/engine/openvino.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "breakeven/engine/onnxruntime.h"
#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "fakes/engine_claims.h"
#include "fakes/shared_data.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

const Platform reference_platform{.engine = "onnxruntime", .unit = "cpu", .number = 1};

Engine& engine() {
    static const std::unique_ptr<Engine> made = make_openvino({.libraries = {BREAKEVEN_OPENVINO_LIBRARY}});
    return *made;
}

Engine& reference() {
    static const std::unique_ptr<Engine> made = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    return *made;
}

Platform cpu(int threads) {
    return {.engine = "openvino", .unit = "cpu", .number = threads};
}

ModelImage image(const std::string& bytes) {
    return {.name = "tiny", .bytes = bytes, .path = {}, .sha256 = ""};
}

Tensor ramp(const TensorSpec& spec, double scale) {
    Shape shape = spec.shape;
    for (std::int64_t& dimension : shape) dimension = dimension < 0 ? 2 : dimension;
    Tensor tensor(spec.dtype, shape);
    std::size_t i = 0;
    for (float& value : tensor.mutable_as<float>()) value = static_cast<float>(scale * std::sin(0.37 * double(i++)));
    return tensor;
}

double largest_difference(const Tensor& a, const Tensor& b) {
    EXPECT_EQ(a.shape(), b.shape());
    const std::vector<double> left = to_doubles(a);
    const std::vector<double> right = to_doubles(b);
    double largest = 0.0;
    for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
        largest = std::max(largest, std::abs(left[i] - right[i]));
    }
    return largest;
}

/// What OpenVINO and the unoptimized reference make of one input, and whether they name things alike.
void expect_agreement(const std::string& bytes, double scale, double tolerance) {
    const auto ours = engine().load(image(bytes), cpu(2), {});
    const auto theirs = reference().load(image(bytes), reference_platform, {.optimize = false});
    ASSERT_EQ(ours->inputs().size(), theirs->inputs().size());
    std::vector<Tensor> tensors;
    for (std::size_t i = 0; i < ours->inputs().size(); ++i) {
        EXPECT_EQ(ours->inputs()[i].name, theirs->inputs()[i].name);
        EXPECT_EQ(ours->inputs()[i].dtype, theirs->inputs()[i].dtype);
        tensors.push_back(ramp(theirs->inputs()[i], scale));
    }
    const RunResult a = ours->run(tensors);
    const RunResult b = theirs->run(tensors);
    ASSERT_EQ(a.outputs.size(), b.outputs.size());
    for (std::size_t i = 0; i < a.outputs.size(); ++i) {
        EXPECT_EQ(ours->outputs()[i].name, theirs->outputs()[i].name);
        EXPECT_LE(largest_difference(a.outputs[i], b.outputs[i]), tolerance);
    }
}

ErrorKind kind_of(const auto& action, std::string& message) {
    try {
        action();
    } catch (const Error& error) {
        message = error.what();
        return error.kind();
    }
    message = "no error";
    return ErrorKind::internal;
}

TEST(OpenVino, ComputesWhatTheGraphSays) {
    expect_agreement(fakes::add_one_model({-1, 3}), 3.0, 0.0);
    expect_agreement(fakes::two_branch_model({2, 3}), 3.0, 1e-6);
    expect_agreement(fakes::linear_model(64, 8), 1.0, 1e-6);
    expect_agreement(fakes::small_convolution_model(16), 1.0, 1e-5);
}

TEST(OpenVino, AgreesOnRealNetworks) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    for (const char* name : {"cifar10_little_resnet8_fp32", "kws_dscnn_fp32", "imagenet_mobilenet_v1_0.25_128_fp32"}) {
        SCOPED_TRACE(name);
        const auto path = fakes::shared_data() / "models" / "onnx" / (std::string(name) + ".onnx");
        expect_agreement(read_file(path, Bytes(1 << 28)), 40.0, 1e-4);
    }
}

TEST(OpenVino, RunsTheStudysOwnFormat) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    const auto path = fakes::shared_data() / "models" / "tflite" / "ic01_resnet8_int8.tflite";
    const auto runner = engine().load(image(read_file(path, Bytes(1 << 28))), cpu(1), {});
    ASSERT_EQ(runner->inputs().size(), 1U);
    EXPECT_EQ(runner->inputs()[0].dtype, DType::int8);
    EXPECT_EQ(runner->inputs()[0].shape, (Shape{-1, 32, 32, 3}));
    const Tensor picture(DType::int8, {1, 32, 32, 3});
    const Tensor scores = runner->run({&picture, 1}).outputs.at(0);
    EXPECT_EQ(scores.shape(), (Shape{1, 10}));
}

TEST(OpenVino, OutputsOutliveTheRunnerAndTheNextRun) {
    auto runner = engine().load(image(fakes::add_one_model({2})), cpu(1), {});
    const Tensor low = Tensor::of<float>(DType::float32, {2}, std::vector<float>{1, 2});
    const Tensor high = Tensor::of<float>(DType::float32, {2}, std::vector<float>{10, 20});
    const Tensor first = runner->run({&low, 1}).outputs[0];
    const Tensor second = runner->run({&high, 1}).outputs[0];
    runner.reset();
    EXPECT_THAT(first.as<float>(), testing::ElementsAre(2, 3));
    EXPECT_THAT(second.as<float>(), testing::ElementsAre(11, 21));
}

TEST(OpenVino, NothingIsCopiedAndMemoryIsUsedAgain) {
    const auto runner = engine().load(image(fakes::add_one_model({1 << 16})), cpu(1), {});
    Tensor x(DType::float32, {1 << 16});
    const std::byte* first = nullptr;
    {
        const Tensor y = runner->run({&x, 1}).outputs[0];
        const Tensor z = runner->run({&x, 1}).outputs[0];
        EXPECT_NE(y.bytes().data(), z.bytes().data()) << "an answer that is held stays";
        first = z.bytes().data();
    }
    x.mutable_as<float>()[7] = 4.0F;  // what lies in our memory is what the engine sees
    const Tensor again = runner->run({&x, 1}).outputs[0];
    EXPECT_FLOAT_EQ(again.as<float>()[7], 5.0F);
    const Tensor other = runner->run({&x, 1}).outputs[0];
    EXPECT_TRUE(again.bytes().data() == first || other.bytes().data() == first);
}

TEST(OpenVino, AScalarIsAnAnswer) {
    const std::string bytes = fakes::TinyGraph()
                                  .input("x", DType::float32, {4})
                                  .node("ReduceSum", {"x"}, {"y"}, {fakes::int_attribute("keepdims", 0)})
                                  .output("y", DType::float32, {})
                                  .model();
    const auto runner = engine().load(image(bytes), cpu(1), {});
    const Tensor x = Tensor::of<float>(DType::float32, {4}, std::vector<float>{1, 2, 3, 4});
    const Tensor y = runner->run({&x, 1}).outputs[0];
    EXPECT_EQ(y.shape(), Shape{});
    EXPECT_FLOAT_EQ(y.as<float>()[0], 10.0F);
}

TEST(OpenVino, AnswersAreNeverTheCallersOwnMemory) {
    const auto runner = engine().load(image(fakes::identity_model({4})), cpu(1), {});
    Tensor x = Tensor::of<float>(DType::float32, {4}, std::vector<float>{1, 2, 3, 4});
    const Tensor y = runner->run({&x, 1}).outputs[0];
    x.mutable_as<float>()[0] = 9.0F;
    EXPECT_THAT(y.as<float>(), testing::ElementsAre(1, 2, 3, 4));
}

TEST(OpenVino, AnOptionIsAPropertyAndAWrongOneIsRefused) {
    std::string message;
    const auto load = [&](const std::string& platform) {
        (void)engine().load(image(fakes::add_one_model({2})), parse_platform(platform), {});
    };
    load("openvino:cpu:1,PERFORMANCE_HINT=THROUGHPUT,NUM_STREAMS=2");
    EXPECT_EQ(kind_of([&] { load("openvino:cpu:1,NO_SUCH_PROPERTY=1"); }, message), ErrorKind::input);
    EXPECT_THAT(message, HasSubstr("NO_SUCH_PROPERTY"));
}

TEST(OpenVino, ManyThreadsMayRunOneModel) {
    fakes::expect_threads_may_share(*engine().load(image(fakes::linear_model(64, 8)), cpu(1), {}));
}

TEST(OpenVino, SaysWhatItDoesNotTake) {
    std::string message;
    const auto load = [&](const std::string& bytes) { (void)engine().load(image(bytes), cpu(1), {}); };
    EXPECT_EQ(kind_of([&] { load("not a network"); }, message), ErrorKind::input);
    EXPECT_THAT(message, HasSubstr("OpenVINO"));
    EXPECT_EQ(message.find('\n'), std::string::npos);
    const auto runner = engine().load(image(fakes::add_one_model({2})), cpu(1), {});
    const Tensor wrong = Tensor::of<float>(DType::float32, {3}, std::vector<float>{1, 2, 3});
    EXPECT_EQ(kind_of([&] { (void)runner->run({&wrong, 1}); }, message), ErrorKind::input);
    EXPECT_THAT(message, HasSubstr("'x'"));
    const Platform other{.engine = "openvino", .unit = "toaster", .number = 0};
    EXPECT_EQ(kind_of([&] { (void)engine().load(image(fakes::add_one_model({2})), other, {}); }, message),
              ErrorKind::unsupported);
    EXPECT_THAT(message, HasSubstr("TOASTER"));
}

TEST(OpenVino, IsAbsentWithoutHarm) {
    const auto absent = make_openvino({.libraries = {"/nowhere/libopenvino_c.so"}});
    for (const PlatformStatus& status : absent->platforms()) {
        EXPECT_FALSE(status.available);
        EXPECT_THAT(status.reason, HasSubstr("BREAKEVEN_OPENVINO"));
    }
    EXPECT_EQ(absent->version(), "");
    std::string message;
    EXPECT_EQ(kind_of([&] { (void)absent->load(image(fakes::add_one_model({2})), cpu(1), {}); }, message),
              ErrorKind::unsupported);
}

TEST(OpenVino, ALibraryOfSomethingElseIsNamed) {
    const auto broken = make_openvino({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    EXPECT_FALSE(broken->platforms().front().available);
    EXPECT_THAT(broken->platforms().front().reason, HasSubstr("ov_get_openvino_version"));
    const auto text = std::filesystem::path(testing::TempDir()) / "libopenvino_c.so";
    std::ofstream(text) << "no library";
    const auto torn = make_openvino({.libraries = {text}});
    EXPECT_FALSE(torn->platforms().front().available);
    EXPECT_THAT(torn->platforms().front().reason, HasSubstr(text.string()));
    std::filesystem::remove(text);
}

}  // namespace
}  // namespace breakeven
