// Execution providers by name: the one that is missing says what brings it, a broken plugin harms nobody, a library of
// another version is named, and what falls back to the CPU is told.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "breakeven/engine/engines.h"
#include "breakeven/engine/onnxruntime.h"
#include "breakeven/engine/onnxruntime_providers.h"
#include "breakeven/error.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

const ModelImage add_one{.name = "tiny", .bytes = fakes::add_one_model({2}), .path = {}, .sha256 = ""};

Engine& engine() {
    static const std::unique_ptr<Engine> made = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    return *made;
}

struct Refusal {
    ErrorKind kind = ErrorKind::internal;
    std::string reason = "it was loaded";
};

Refusal refusal(Engine& engine, const std::string& platform) {
    try {
        (void)engine.load(add_one, parse_platform(platform), {});
    } catch (const Error& error) {
        return {error.kind(), error.what()};
    }
    return {};
}

struct Missing {
    const char* platform;
    const char* named;
    const char* brought_by;
};

class MissingProvider : public testing::TestWithParam<Missing> {};

TEST_P(MissingProvider, SaysWhatBringsIt) {
    const Refusal refused = refusal(engine(), GetParam().platform);
    EXPECT_EQ(refused.kind, ErrorKind::unsupported);
    EXPECT_THAT(refused.reason, HasSubstr(GetParam().platform));
    EXPECT_THAT(refused.reason, HasSubstr(GetParam().named));
    EXPECT_THAT(refused.reason, HasSubstr(GetParam().brought_by));
    EXPECT_EQ(refused.reason.find('\n'), std::string::npos);
    const Platform asked = parse_platform(GetParam().platform);
    bool listed = false;
    for (const PlatformStatus& status : engine().platforms()) {
        if (status.platform.unit != asked.unit) continue;
        listed = true;
        EXPECT_FALSE(status.available);
        EXPECT_THAT(status.reason, HasSubstr(GetParam().brought_by));
    }
    EXPECT_TRUE(listed);
}

INSTANTIATE_TEST_SUITE_P(Names, MissingProvider,
                         testing::Values(Missing{"cuda:0", "without CUDA", "onnxruntime-gpu"},
                                         Missing{"tensorrt:0", "without TensorRT", "onnxruntime-gpu"},
                                         Missing{"xnnpack:2", "without XNNPACK", "--use_xnnpack"},
                                         Missing{"qnn:0", "without QNN", "BREAKEVEN_ONNXRUNTIME"},
                                         Missing{"vsinpu:0", "without VSINPU", "vendor"},
                                         Missing{"openvino:0", "without OpenVINO", "BREAKEVEN_ONNXRUNTIME_PLUGINS"}),
                         [](const auto& tested) { return parse_platform(tested.param.platform).unit; });

TEST(Providers, AnUnknownNameListsTheKnownOnes) {
    const Refusal refused = refusal(engine(), "toaster:0");
    EXPECT_EQ(refused.kind, ErrorKind::unsupported);
    EXPECT_THAT(refused.reason, HasSubstr("'toaster'"));
    EXPECT_THAT(refused.reason, HasSubstr("cpu, cuda, tensorrt, xnnpack, qnn, vsinpu, openvino"));
}

TEST(Providers, ASessionsEntriesAreOptionsOfItsCpuAndASlipIsToldSo) {
    EXPECT_EQ(refusal(engine(), "cpu:1,session.intra_op.allow_spinning=0").reason, "it was loaded");
    const Refusal refused = refusal(engine(), "cpu:1,spinning=0");
    EXPECT_EQ(refused.kind, ErrorKind::usage);
    EXPECT_THAT(refused.reason, HasSubstr("session.intra_op.allow_spinning"));
}

TEST(Providers, ABrokenPluginIsNamedAndHarmsNobody) {
    const auto torn = std::filesystem::path(testing::TempDir()) / "libtorn_plugin.so";
    std::ofstream(torn) << "no library";
    const auto with = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}, .plugins = {torn}});
    EXPECT_EQ(refusal(*with, "cpu:1").reason, "it was loaded");
    EXPECT_THAT(refusal(*with, "openvino:0").reason, HasSubstr(torn.string()));
    bool told = false;
    for (const PlatformStatus& status : with->platforms()) {
        if (status.platform.unit == "cpu") {
            EXPECT_TRUE(status.available);
        }
        told = told || status.reason.find(torn.string()) != std::string::npos;
    }
    EXPECT_TRUE(told);
    std::filesystem::remove(torn);
}

TEST(Providers, ALibraryOfAnotherVersionIsNamed) {
    const auto old = make_onnxruntime({.libraries = {BREAKEVEN_OLD_ONNXRUNTIME}});
    const Refusal refused = refusal(*old, "cpu:1");
    EXPECT_EQ(refused.kind, ErrorKind::unsupported);
    EXPECT_THAT(refused.reason, HasSubstr(BREAKEVEN_OLD_ONNXRUNTIME));
    EXPECT_THAT(refused.reason, HasSubstr("or newer"));
    EXPECT_THAT(refused.reason, HasSubstr("1.4.0"));
    for (const PlatformStatus& status : old->platforms()) EXPECT_FALSE(status.available);
}

/// A session on the CPU alone, asked as though it were on an accelerator: everything has fallen back. It also shows
/// that the functions which headers do not have are where this library's table has them.
TEST(Placement, CountsTheNodesOfARealSession) {
    void* handle = dlopen(BREAKEVEN_ONNXRUNTIME_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(handle, nullptr);
    const OrtApiBase* base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"))();
    Ort::InitApi(base->GetApi(ORT_API_VERSION));
    const Ort::Env environment(ORT_LOGGING_LEVEL_FATAL, "test");
    const OnnxRuntimeProviders providers(
        {.handle = handle, .base = base, .environment = environment, .version = base->GetVersionString()}, {});
    Ort::SessionOptions options;
    options.SetGraphOptimizationLevel(ORT_DISABLE_ALL);
    options.AddConfigEntry("session.record_ep_graph_assignment_info", "1");
    const std::string bytes = fakes::two_branch_model({2, 3});
    const Ort::Session session(environment, bytes.data(), bytes.size(), options);
    const std::optional<Placement> placement = providers.placement(session, parse_platform("cuda:0"));
    ASSERT_TRUE(placement.has_value());
    EXPECT_EQ(placement->provider, "CUDA");
    EXPECT_EQ(placement->there, 0U);
    EXPECT_EQ(placement->total, 3U);
    std::set<std::string> ops;
    for (const auto& [op, count] : placement->left) ops.insert(op);
    EXPECT_EQ(ops, (std::set<std::string>{"Add", "Relu", "Sigmoid"}));
    EXPECT_FALSE(providers.placement(session, parse_platform("cpu:1")).has_value());
}

TEST(Placement, TellsWhatFallsBack) {
    EXPECT_EQ(to_text(Placement{.provider = "CUDA", .there = 120, .total = 120}), "120 of 120 nodes on CUDA");
    EXPECT_EQ(
        to_text(Placement{.provider = "XNNPACK", .there = 112, .total = 120, .left = {{"Softmax", 5}, {"Cast", 3}}}),
        "112 of 120 nodes on XNNPACK; 8 fall back to the CPU: Softmax 5, Cast 3");
    Placement many{.provider = "QNN", .there = 0, .total = 8};
    for (const char* op : {"A", "B", "C", "D", "E", "F", "G", "H"}) many.left.push_back({op, 1});
    EXPECT_THAT(to_text(many), testing::EndsWith("F 1, ..."));
    EXPECT_FALSE(engine().load(add_one, parse_platform("cpu:1"), {})->placement().has_value());
}

}  // namespace
}  // namespace breakeven
