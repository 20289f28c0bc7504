// TFLite files, looked into: the published networks have the sizes they are known for; damaged ones end in an error.
#include "breakeven/model/tflite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "breakeven/error.h"
#include "fakes/shared_data.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

std::string network(const char* name) {
    std::ifstream file(fakes::shared_data() / "models" / "tflite" / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Tflite, KnowsANetworksSize) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    const Model model = Model::parse(network("ic01_resnet8_int8.tflite"), "resnet8");
    EXPECT_EQ(model.format(), ModelFormat::tflite);
    // The float network of the same source has 77,706 parameters with its folded batch norms, and 12.5 million macs.
    EXPECT_EQ(model.facts().parameters, 77'706);
    EXPECT_NEAR(static_cast<double>(model.facts().macs.value()), 12.5e6, 0.05e6);
    EXPECT_EQ(model.inputs().at(0).dtype, DType::int8);
    EXPECT_EQ(model.inputs().at(0).shape, (Shape{-1, 32, 32, 3}));
    EXPECT_EQ(model.outputs().at(0).shape, (Shape{-1, 10}));
    EXPECT_EQ(model.layers().front().op, "CONV_2D");
    EXPECT_TRUE(model.cuts().empty());
}

TEST(Tflite, CountsMobileNetsMultiplyAdds) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    const Model model = Model::parse(network("mobilenet_v2_1.0_224_quant.tflite"), "v2");
    EXPECT_EQ(model.facts().parameters, 3'489'097);  // the ONNX form has two more, which scale the pixels
    EXPECT_NEAR(static_cast<double>(model.facts().macs.value()), 300.8e6, 0.1e6);
}

TEST(Tflite, WhatNeedsTheGraphSaysWhatToDo) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    const Model model = Model::parse(network("kws01_dscnn_int8.tflite"), "kws");
    try {
        (void)model.proto();
        FAIL() << "it has no ONNX graph";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unsupported);
        EXPECT_THAT(error.what(), HasSubstr("TFLite"));
    }
}

TEST(Tflite, DamagedFilesEndInAnError) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    const std::string whole = network("kws01_dscnn_int8.tflite");
    std::mt19937 random(1);
    for (int i = 0; i < 2000; ++i) {
        std::string bytes = whole.substr(0, i % 2 == 0 ? whole.size() : 8 + random() % (whole.size() - 8));
        for (int j = 0; j < 8; ++j) bytes[8 + random() % (bytes.size() - 8)] = static_cast<char>(random());
        try {
            (void)Model::parse(bytes, "damaged");
        } catch (const Error& error) {
            EXPECT_NE(error.kind(), ErrorKind::internal);
        }
    }
}

}  // namespace
}  // namespace breakeven
