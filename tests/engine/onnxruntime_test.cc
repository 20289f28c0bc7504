// ONNX Runtime as an engine: right numbers without a copy, clear refusals, many threads at once, absent without harm.
#include "breakeven/engine/onnxruntime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "breakeven/engine/engines.h"
#include "breakeven/error.h"
#include "breakeven/tensor/strings.h"
#include "fakes/engine_claims.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

const Platform one_thread{.engine = "onnxruntime", .unit = "cpu", .number = 1};

Engine& engine() {
    static const std::unique_ptr<Engine> made = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    return *made;
}

std::unique_ptr<Runner> load(const std::string& bytes, const Platform& platform = one_thread) {
    return engine().load({.name = "tiny", .bytes = bytes, .path = {}, .sha256 = ""}, platform, {});
}

Tensor floats(const Shape& shape, const std::vector<float>& values) {
    return Tensor::of<float>(DType::float32, shape, values);
}

std::string message_of(const auto& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

TEST(OnnxRuntime, ComputesWhatTheGraphSays) {
    const auto runner = load(fakes::add_one_model({-1, 3}));
    EXPECT_TRUE(runner->inputs() == (std::vector<TensorSpec>{{"x", DType::float32, {-1, 3}}}));
    const Tensor x = floats({2, 3}, {1, 2, 3, -4, 0.5F, 0});
    const RunResult result = runner->run({&x, 1});
    ASSERT_EQ(result.outputs.size(), 1U);
    EXPECT_EQ(result.outputs[0].shape(), (Shape{2, 3}));
    EXPECT_THAT(result.outputs[0].as<float>(), testing::ElementsAre(2, 3, 4, -3, 1.5F, 1));
    EXPECT_FALSE(result.server.has_value());
}

TEST(OnnxRuntime, OutputsOutliveTheRunner) {
    auto runner = load(fakes::add_one_model({2}));
    const Tensor x = floats({2}, {1, 2});
    const Tensor y = runner->run({&x, 1}).outputs[0];
    runner.reset();
    EXPECT_THAT(y.as<float>(), testing::ElementsAre(2, 3));
}

TEST(OnnxRuntime, ManyThreadsMayRunOneModel) {
    fakes::expect_threads_may_share(*load(fakes::linear_model(64, 8)));
}

TEST(OnnxRuntime, RefusesWrongInputsInOneLine) {
    const auto runner = load(fakes::add_one_model({-1, 3}));
    const Tensor wrong_shape = floats({2, 4}, std::vector<float>(8));
    EXPECT_THAT(message_of([&] {
                    runner->run({&wrong_shape, 1});
                }),
                HasSubstr("takes float32 [?, 3], given was float32 [2, 4]"));
    const Tensor wrong_type(DType::int8, {2, 3});
    EXPECT_THAT(message_of([&] { runner->run({&wrong_type, 1}); }), HasSubstr("int8"));
    EXPECT_THAT(message_of([&] { runner->run({}); }), HasSubstr("takes 1 inputs, 0 were given"));
}

TEST(OnnxRuntime, RefusesWhatIsNoModel) {
    EXPECT_THAT(message_of([] { load("not a model"); }), HasSubstr("load model 'tiny' on cpu:1"));
    EXPECT_THAT(message_of([] { load(""); }), HasSubstr("load model 'tiny'"));
    const std::string good = fakes::linear_model(64, 8);
    EXPECT_THROW(load(good.substr(0, good.size() / 2)), Error);
}

TEST(OnnxRuntime, StringsGoThroughTheEngine) {
    fakes::TinyGraph graph;
    graph.input("x", DType::string, {-1}).output("y", DType::string, {-1}).node("Identity", {"x"}, {"y"});
    const auto runner = load(graph.model());
    const std::vector<std::string> words{"break", "", "even"};
    const Tensor x = encode_strings({3}, words);
    EXPECT_EQ(decode_strings(runner->run({&x, 1}).outputs[0]), words);
}

TEST(OnnxRuntime, UnoptimizedEqualsOptimizedWithinRounding) {
    const std::string bytes = fakes::small_convolution_model(16);
    const ModelImage image{.name = "tiny", .bytes = bytes, .path = {}, .sha256 = ""};
    const Tensor x = floats({1, 3, 16, 16}, std::vector<float>(3 * 16 * 16, 0.25F));
    const Tensor plain = engine().load(image, one_thread, {.optimize = false})->run({&x, 1}).outputs[0];
    const Tensor fused = engine().load(image, one_thread, {})->run({&x, 1}).outputs[0];
    for (std::size_t i = 0; i < plain.as<float>().size(); ++i) {
        EXPECT_NEAR(plain.as<float>()[i], fused.as<float>()[i], 1e-5);
    }
}

TEST(OnnxRuntime, AbsentLibraryIsAReasonNotACrash) {
    const auto absent = make_onnxruntime({.libraries = {"/nowhere/libonnxruntime.so"}});
    ASSERT_FALSE(absent->platforms().empty());
    EXPECT_FALSE(absent->platforms().front().available);
    EXPECT_THAT(absent->platforms().front().reason, HasSubstr("./dev setup"));
    EXPECT_THAT(message_of([&] { absent->load({}, one_thread, {}); }), HasSubstr("BREAKEVEN_ONNXRUNTIME"));
    const auto broken = make_onnxruntime({.libraries = {"/etc/hostname"}});
    EXPECT_THAT(broken->platforms().front().reason, HasSubstr("does not load"));
}

TEST(OnnxRuntime, UnknownUnitIsUnsupported) {
    try {
        load(fakes::identity_model({1}), {.engine = "onnxruntime", .unit = "abacus", .number = 1});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    }
}

TEST(Engines, AskTheEngineThatThePlatformNames) {
    Engines engines;
    engines.add(make_onnxruntime({.libraries = {}}));
    EXPECT_EQ(engines.of(one_thread).name(), "onnxruntime");
    EXPECT_THAT(message_of([&] { engines.of({.engine = "abacus", .unit = "cpu", .number = 1}); }),
                HasSubstr("no engine here is called 'abacus'"));
}

}  // namespace
}  // namespace breakeven
