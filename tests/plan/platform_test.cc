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
    EXPECT_EQ(parse_platform("onnxruntime:qnn"), (Platform{"onnxruntime", "qnn", 0}));
    EXPECT_EQ(parse_platform("qnn:0,b=/x:y,a=1"), (Platform{"onnxruntime", "qnn", 0, "a=1,b=/x:y"}));
    EXPECT_EQ(parse_platform("grpc://edge:8001"), (Platform{"grpc", "edge:8001", 0}));
    EXPECT_EQ(parse_platform("grpc://[::1]:8001"), (Platform{"grpc", "[::1]:8001", 0}));
}

TEST(Platform, TextReadsBackAsTheSameValue) {
    for (const char* text : {"cpu:1", "cpu:128", "openvino:cpu:2", "openvino:npu", "openvino:gpu:1", "cuda:3",
                             "cuda:3,a=1,b=2", "openvino:npu,A=B=C", "grpc://10.0.0.1:65535"}) {
        EXPECT_EQ(to_text(parse_platform(text)), text);
    }
}

TEST(Platform, OptionsComeApartAgain) {
    const auto options = options_of(parse_platform("qnn:0,path=/a,b=c=d,a="));
    ASSERT_EQ(options.size(), 2U + 1U);
    EXPECT_EQ(options[0], (std::pair<std::string, std::string>{"a", ""}));
    EXPECT_EQ(options[1], (std::pair<std::string, std::string>{"b", "c=d"}));
    EXPECT_EQ(options[2], (std::pair<std::string, std::string>{"path", "/a"}));
    EXPECT_TRUE(options_of(parse_platform("cpu:1")).empty());
}

TEST(Platform, RefusesTheRest) {
    for (const char* text : {"",
                             "cpu",
                             "cpu:",
                             ":4",
                             "cpu:0",
                             "cpu:-1",
                             "cpu:99999",
                             "cpu:4x",
                             "openvino:cpu",
                             "openvino:g4",
                             "a:b:c",
                             "a:b:c:1",
                             "::1",
                             "cpu:1,",
                             "cpu:1,a",
                             "cpu:1,=b",
                             "cpu:1,a=1,a=2",
                             "grpc://",
                             "grpc://host",
                             "grpc://:80",
                             "grpc://host:0",
                             "grpc://host:70000"}) {
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
