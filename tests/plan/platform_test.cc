// Platforms as text: every spelling reads back as the same value, everything else is refused with the spelling to use.
#include "breakeven/plan/platform.h"

#include <gtest/gtest.h>

#include "breakeven/error.h"

namespace breakeven {
namespace {

TEST(Platform, ReadsEverySpelling) {
    EXPECT_EQ(parse_platform("cpu:4"), (Platform{"onnxruntime", "cpu", 4}));
    EXPECT_EQ(parse_platform("openvino:cpu:2"), (Platform{"openvino", "cpu", 2}));
    EXPECT_EQ(parse_platform("openvino:gpu"), (Platform{"openvino", "gpu", 0}));
    EXPECT_EQ(parse_platform("openvino:gpu:0"), (Platform{"openvino", "gpu", 0}));
    EXPECT_EQ(parse_platform("cuda:0"), (Platform{"onnxruntime", "cuda", 0}));
    EXPECT_EQ(parse_platform("grpc://edge:8001"), (Platform{"grpc", "edge:8001", 0}));
    EXPECT_EQ(parse_platform("grpc://[::1]:8001"), (Platform{"grpc", "[::1]:8001", 0}));
}

TEST(Platform, TextReadsBackAsTheSameValue) {
    for (const char* text : {"cpu:1", "cpu:128", "openvino:cpu:2", "openvino:npu", "openvino:gpu:1", "cuda:3", "grpc://10.0.0.1:65535"}) {
        EXPECT_EQ(to_text(parse_platform(text)), text);
    }
}

TEST(Platform, RefusesTheRest) {
    for (const char* text : {"", "cpu", "cpu:", ":4", "cpu:0", "cpu:-1", "cpu:99999", "cpu:4x", "openvino:cpu", "openvino:g4", "a:b:c", "a:b:c:1", "::1",
                             "grpc://", "grpc://host", "grpc://:80", "grpc://host:0", "grpc://host:70000"}) {
        try {
            parse_platform(text);
            FAIL() << "read '" << text << "'";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            EXPECT_NE(std::string(error.what()).find("grpc://host:port"), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace breakeven
