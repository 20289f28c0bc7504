// Trained weights into a network of the zoo.
#include "breakeven/zoo/trained_weights.h"

#include <gtest/gtest.h>

#include "breakeven/error.h"
#include "breakeven/zoo/zoo.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

std::string refusal(const Model& network, const Model& trained) {
    try {
        with_trained_weights(network, trained);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    }
    return "accepted";
}

TEST(TrainedWeights, OfTheSameNetworkMakeTheSameNetwork) {
    const Model seven = build_network("cnn-trad-fpool3", 7);
    EXPECT_EQ(with_trained_weights(build_network("cnn-trad-fpool3", 8), seven).serialized(), seven.serialized());
}

TEST(TrainedWeights, AnotherShapeIsNamed) {
    const std::string text = refusal(build_network("mobilenet-v1-32", 0), build_network("mobilenet-v1-75", 0));
    EXPECT_NE(text.find("dense/kernel of a Gemm, [1024, 256] here"), std::string::npos) << text;
    EXPECT_NE(text.find("[4096, 256] there"), std::string::npos) << text;
}

TEST(TrainedWeights, FoldedBatchNormsAreSaidToBe) {
    const Model folded = Model::parse(fakes::small_convolution_model(32), "folded");
    const std::string text = refusal(build_network("mobilenet-v1-32", 0), folded);
    EXPECT_NE(text.find("folded"), std::string::npos) << text;
    EXPECT_NE(text.find("tensor 1 of 139"), std::string::npos) << text;
}

}  // namespace
}  // namespace breakeven
