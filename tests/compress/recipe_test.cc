// Recipes: letters are read strictly, and each leaves what it promises.
#include "breakeven/compress/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "breakeven/error.h"
#include "tests/fakes/tiny_models.h"

namespace breakeven {
namespace {

TEST(Recipe, LettersAreReadInTheirOrder) {
    for (const char* good : {"P", "W", "Q", "S", "PQ", "PWQ", "SQ", "SPWQ", "WP"}) EXPECT_EQ(parse_recipe(good), good);
}

TEST(Recipe, WhatIsNoRecipeSaysWhy) {
    for (const char* bad : {"", "X", "PX", "pq", "PP", "QP", "P W", "PQ\x1b[31m"}) {
        EXPECT_THROW(parse_recipe(bad), Error) << bad;
    }
    try {
        parse_recipe("QW");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_THAT(error.what(), testing::HasSubstr("Q comes last"));
    }
}

TEST(Recipe, WithoutSamplesPruningAndClusteringStillWork) {
    const Model model = Model::parse(fakes::linear_model(32, 8), "linear");
    const Compressed made = compress(model, "PW", {}, {});
    ASSERT_EQ(made.steps.size(), 2U);
    EXPECT_EQ(made.steps[0].letter, 'P');
    EXPECT_LE(made.steps[0].nonzero, model.facts().parameters - 128);
    EXPECT_EQ(made.steps[1].nonzero, made.steps[0].nonzero) << "zeros of P stay zero under W";
    EXPECT_EQ(made.model.metadata(std::string(recipe_metadata_key)), "PW");
    EXPECT_EQ(made.model.inputs(), model.inputs());
    EXPECT_EQ(made.model.outputs(), model.outputs());
}

TEST(Recipe, QuantizingWithoutSamplesIsAClearError) {
    const Model model = Model::parse(fakes::linear_model(32, 8), "linear");
    EXPECT_THROW(compress(model, "Q", {}, {}), Error);
    EXPECT_THROW(compress(model, "S", {}, {}), Error);
}

TEST(Recipe, ALetterThatFindsNothingToChangeSaysSo) {
    const Model model = Model::parse(fakes::TinyGraph()
                                         .input("x", DType::float32, {1, 4})
                                         .output("y", DType::float32, {1, 4})
                                         .node("Relu", {"x"}, {"y"})
                                         .model(),
                                     "weightless");
    for (const char* letter : {"P", "W"}) {
        try {
            compress(model, letter, {}, {});
            ADD_FAILURE() << letter;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            EXPECT_THAT(error.what(), testing::HasSubstr("stored weights"));
        }
    }
}

TEST(Recipe, OperatorsNobodyKnowsPassThrough) {
    const std::vector<float> weights{1.0F, -2.0F, 3.0F, 4.0F};
    const Model model = Model::parse(fakes::TinyGraph()
                                         .input("x", DType::float32, {1, 2})
                                         .weights("w", {2, 2}, weights)
                                         .node("MatMul", {"x", "w"}, {"m"})
                                         .domain_node("com.microsoft", "Frobnicate", {"m"}, {"y"})
                                         .output("y", DType::float32, {1, 2})
                                         .model(),
                                     "foreign");
    const Compressed made = compress(model, "P", {}, {});
    EXPECT_EQ(made.model.facts().parameters - made.steps[0].nonzero, 2);
    EXPECT_EQ(made.model.layers().back().op, "com.microsoft.Frobnicate");
}

}  // namespace
}  // namespace breakeven
