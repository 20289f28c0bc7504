// Layers: a profile as ONNX Runtime writes it, by hand.
#include "breakeven/measure/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "breakeven/error.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

std::string event(const std::string& category, const std::string& name, int duration, const std::string& op) {
    return "{\"cat\" : \"" + category + "\",\"pid\" :1,\"tid\" :1,\"dur\" :" + std::to_string(duration) +
           ",\"ts\" :5,\"ph\" : \"X\",\"name\" :\"" + name + "\",\"args\" : {\"op_name\" : \"" + op + "\"}},\n";
}

/// Three runs: the first is slow.
std::string profile() {
    std::string text = "[\n" + event("Session", "model_loading_array", 900, "");
    for (const int factor : {10, 1, 3, 2}) {
        text += event("Node", "conv1_fence_before", 7, "Conv");
        text += event("Node", "conv1_kernel_time", 100 * factor, "Conv");
        text += event("Node", "a_softmax_kernel_time", 4 * factor, "Softmax");
        text += event("Session", "model_run", 104 * factor, "");
    }
    return text + "{}]\n";
}

TEST(LayerTimes, AreMediansOfTheRunsAfterTheWarmupInTheirOrder) {
    const auto layers = parse_layer_times(profile(), 1, "profile");
    ASSERT_EQ(layers.size(), 2U);
    EXPECT_EQ(layers[0].name, "conv1");
    EXPECT_EQ(layers[0].op, "Conv");
    EXPECT_NEAR(layers[0].time.count(), 200e-6, 1e-12);
    EXPECT_EQ(layers[1].name, "a_softmax");
    EXPECT_NEAR(layers[1].time.count(), 8e-6, 1e-12);
}

TEST(LayerTimes, RefuseWhatIsNoProfile) {
    const auto refusal = [](const std::string& text, std::size_t skipped) -> std::string {
        try {
            parse_layer_times(text, skipped, "p.json");
        } catch (const Error& error) {
            return error.what();
        }
        return "accepted";
    };
    EXPECT_THAT(refusal("[{", 0), HasSubstr("not JSON"));
    EXPECT_THAT(refusal("{}", 0), HasSubstr("list"));
    EXPECT_THAT(refusal("[1, \"x\", {\"cat\": 4}]", 0), HasSubstr("no layer"));
    EXPECT_THAT(refusal(profile(), 4), HasSubstr("after the warm-up"));
}

}  // namespace
}  // namespace breakeven
