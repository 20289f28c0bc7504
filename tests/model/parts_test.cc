// Parts: the graphs that readers get wrong; cuts of random graphs are parts_random_test.cc, and that the numbers are
// the same is tests/contract/split_parts.py.
#include "breakeven/model/parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "breakeven/error.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using fakes::TinyGraph;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Names = std::vector<std::string>;

Model parsed(const std::string& bytes) {
    return Model::parse(bytes, "test");
}

Parts split(const Model& model, const Names& tensors) {
    return split_at(model, tensors);
}

Names names(const std::vector<TensorSpec>& specs) {
    Names result;
    for (const TensorSpec& spec : specs) result.push_back(spec.name);
    return result;
}

/// What the refusal says; fails the test when there is none or of another kind.
std::string refusal(const Model& model, const Names& tensors, ErrorKind kind = ErrorKind::input) {
    try {
        split(model, tensors);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "it was split";
    return "";
}

const std::vector<float> one{1.0F};

/// x -> a -> b -> c -> y with weights.
Model chain(const Shape& shape = {-1, 4}) {
    return parsed(TinyGraph()
                      .input("x", DType::float32, shape)
                      .output("y", DType::float32, shape)
                      .weights("w", {1}, one)
                      .node("Add", {"x", "w"}, {"a"})
                      .node("Relu", {"a"}, {"b"})
                      .node("Mul", {"b", "w"}, {"y"})
                      .model());
}

TEST(Parts, AChainIsCutInTwo) {
    const Parts parts = split(chain(), {"a"});
    EXPECT_THAT(names(parts.head.inputs()), ElementsAre("x"));
    EXPECT_THAT(names(parts.head.outputs()), ElementsAre("a"));
    EXPECT_THAT(names(parts.tail.inputs()), ElementsAre("a"));
    EXPECT_THAT(names(parts.tail.outputs()), ElementsAre("y"));
    EXPECT_EQ(parts.head.layers().size(), 1U);
    EXPECT_EQ(parts.tail.layers().size(), 2U);
    EXPECT_EQ(parts.head.name(), "test-head");
    EXPECT_EQ(parts.tail.name(), "test-tail");
}

TEST(Parts, AnOpenBatchStaysOpen) {
    const Parts parts = split(chain(), {"b"});
    EXPECT_EQ(parts.crossing, (std::vector<TensorSpec>{{"b", DType::float32, {-1, 4}}}));
    EXPECT_EQ(parts.head.outputs().front().shape, (Shape{-1, 4}));
}

TEST(Parts, AClosedBatchStaysClosed) {
    EXPECT_EQ(split(chain({1, 4}), {"b"}).crossing.front().shape, (Shape{1, 4}));
}

TEST(Parts, ABatchThatMovedOrMultipliedIsOpenWhereItIs) {
    const std::vector<std::int64_t> rows{-1, 2};
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {-1, 1, 4})
                                   .output("y", DType::float32, {-1, 2})
                                   .integers("rows", {2}, rows)
                                   .node("Transpose", {"x"}, {"t"}, {fakes::ints_attribute("perm", {1, 0, 2})})
                                   .node("Relu", {"t"}, {"r"})
                                   .node("Reshape", {"r", "rows"}, {"flat"})
                                   .node("Relu", {"flat"}, {"y"})
                                   .model());
    EXPECT_EQ(split(model, {"t"}).crossing.front().shape, (Shape{1, -1, 4}));
    EXPECT_EQ(split(model, {"flat"}).crossing.front().shape, (Shape{-1, 2}));
}

TEST(Parts, SharedWeightsGoToBothPartsAndOthersToOne) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1})
                                   .output("y", DType::float32, {1})
                                   .weights("both", {1}, one)
                                   .weights("late", {1}, one)
                                   .node("Add", {"x", "both"}, {"a"})
                                   .node("Add", {"a", "both"}, {"b"})
                                   .node("Add", {"b", "late"}, {"y"})
                                   .model());
    const Parts parts = split(model, {"a"});
    EXPECT_NE(parts.head.serialized().find("both"), std::string::npos);
    EXPECT_EQ(parts.head.serialized().find("late"), std::string::npos);
    EXPECT_NE(parts.tail.serialized().find("both"), std::string::npos);
    EXPECT_NE(parts.tail.serialized().find("late"), std::string::npos);
}

TEST(Parts, AWeightThatIsAlsoAnInputStaysBoth) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1})
                                   .input("w", DType::float32, {1})
                                   .output("y", DType::float32, {1})
                                   .weights("w", {1}, one)
                                   .node("Add", {"x", "w"}, {"a"})
                                   .node("Add", {"a", "w"}, {"y"})
                                   .model(8, 3));  // this old a format wants all weights among the inputs
    const Parts parts = split(model, {"a"});
    EXPECT_THAT(names(parts.head.inputs()), ElementsAre("x"));
    EXPECT_THAT(names(parts.tail.inputs()), ElementsAre("a")) << "the weight has a default, so it need not be given";
    EXPECT_THAT(refusal(model, {"w"}), HasSubstr("'w' is a constant"));
}

TEST(Parts, ConstantsAreMadeOnTheSideThatNeedsThem) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1})
                                   .output("y", DType::float32, {1})
                                   .weights("w", {1}, one)
                                   .node("Exp", {"w"}, {"k"})
                                   .node("Neg", {"w"}, {"late"})
                                   .node("Add", {"x", "k"}, {"a"})
                                   .node("Add", {"a", "k"}, {"b"})
                                   .node("Add", {"b", "late"}, {"y"})
                                   .model());
    const Parts parts = split(model, {"a"});
    EXPECT_EQ(parts.head.facts().nodes, 2U) << "Exp, Add";
    EXPECT_EQ(parts.tail.facts().nodes, 4U) << "Exp again, Neg, Add, Add";
    EXPECT_THAT(refusal(model, {"k"}), HasSubstr("constant"));
}

TEST(Parts, ASkipConnectionMustBeCutToo) {
    const Model model = parsed(fakes::two_branch_model({-1, 4}));
    EXPECT_THAT(refusal(model, {"left"}), AllOf(HasSubstr("does not separate"), HasSubstr("'x'")));
    EXPECT_THAT(names(split(model, {"left", "right"}).tail.inputs()), ElementsAre("left", "right"));
}

TEST(Parts, AnInputThatTheTailNeedsCrossesAsItIs) {
    const Parts parts = split(parsed(fakes::two_branch_model({-1, 4})), {"left", "x"});
    EXPECT_THAT(names(parts.crossing), ElementsAre("x", "left"));
    EXPECT_THAT(names(parts.head.outputs()), ElementsAre("left")) << "whoever feeds the head has 'x' already";
}

TEST(Parts, AnInputOfTheTailAloneIsNoInputOfTheHead) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {2})
                                   .input("z", DType::float32, {2})
                                   .output("y", DType::float32, {2})
                                   .node("Relu", {"x"}, {"a"})
                                   .node("Add", {"a", "z"}, {"y"})
                                   .model());
    EXPECT_THAT(refusal(model, {"a"}), HasSubstr("'z'"));
    const Parts parts = split(model, {"a", "z"});
    EXPECT_THAT(names(parts.head.inputs()), ElementsAre("x"));
    EXPECT_THAT(names(parts.tail.inputs()), ElementsAre("z", "a"));
}

TEST(Parts, ATensorUsedOnBothSidesCrossesOnce) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {2})
                                   .output("y", DType::float32, {2})
                                   .node("Relu", {"x"}, {"a"})
                                   .node("Exp", {"a"}, {"b"})
                                   .node("Add", {"a", "b"}, {"c"})
                                   .node("Mul", {"a", "c"}, {"y"})
                                   .model());
    EXPECT_THAT(refusal(model, {"b"}), HasSubstr("'a'"));
    EXPECT_THAT(names(split(model, {"b", "a", "b"}).crossing), ElementsAre("a", "b"));
}

TEST(Parts, OutputsThatTheHeadMakesAreTheHeads) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {-1, 2})
                                   .output("early", DType::float32, {-1, 2})
                                   .output("y", DType::float32, {-1, 2})
                                   .node("Relu", {"x"}, {"a"})
                                   .node("Exp", {"a"}, {"early"})
                                   .node("Sigmoid", {"a"}, {"b"})
                                   .node("Add", {"b", "a"}, {"y"})
                                   .model());
    const Parts parts = split(model, {"early", "a"});
    EXPECT_THAT(names(parts.head.outputs()), ElementsAre("a", "early"));
    EXPECT_THAT(names(parts.crossing), ElementsAre("a")) << "an output that is ready need not cross";
    const Parts later = split(model, {"a"});
    EXPECT_THAT(names(later.head.outputs()), ElementsAre("a"));
    EXPECT_THAT(names(later.tail.outputs()), ElementsAre("early", "y"));
}

TEST(Parts, AnOutputThatIsUsedOnCrossesAndIsStillAnOutput) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {-1, 2})
                                   .output("early", DType::float32, {-1, 2})
                                   .output("y", DType::float32, {-1, 2})
                                   .node("Relu", {"x"}, {"early"})
                                   .node("Exp", {"early"}, {"y"})
                                   .model());
    const Parts parts = split(model, {"early"});
    EXPECT_THAT(names(parts.head.outputs()), ElementsAre("early"));
    EXPECT_THAT(names(parts.tail.inputs()), ElementsAre("early"));
    EXPECT_THAT(names(parts.tail.outputs()), ElementsAre("y"));
}

TEST(Parts, WhatABranchCapturesCrosses) {
    const Model model = parsed(
        TinyGraph()
            .input("x", DType::float32, {2})
            .input("flag", DType::boolean, {})
            .output("y", DType::float32, {2})
            .weights("w", {1}, one)
            .node("Relu", {"x"}, {"captured"})
            .node("Exp", {"captured"}, {"other"})
            .node(
                "If", {"flag"}, {"y"},
                {fakes::graph_attribute(
                     "then_branch",
                     TinyGraph("then").output("t", DType::float32, {2}).node("Add", {"captured", "w"}, {"t"})),
                 fakes::graph_attribute(
                     "else_branch", TinyGraph("else").output("e", DType::float32, {2}).node("Neg", {"other"}, {"e"}))})
            .model());
    EXPECT_THAT(refusal(model, {"other"}), AllOf(HasSubstr("'flag'"), HasSubstr("'captured'")));
    const Parts parts = split(model, {"other", "captured", "flag"});
    EXPECT_THAT(names(parts.tail.inputs()), ElementsAre("flag", "captured", "other"));
    EXPECT_EQ(parts.tail.layers().size(), 1U);
    EXPECT_NE(parts.tail.serialized().find("w"), std::string::npos);
}

TEST(Parts, WhatALoopBodyCapturesCrosses) {
    const std::vector<std::int64_t> trips{3};
    const auto body = TinyGraph("body")
                          .input("i", DType::int64, {})
                          .input("more", DType::boolean, {})
                          .input("state", DType::float32, {2})
                          .output("more_out", DType::boolean, {})
                          .output("state_out", DType::float32, {2})
                          .node("Identity", {"more"}, {"more_out"})
                          .node("Add", {"state", "captured"}, {"state_out"});
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {2})
                                   .output("y", DType::float32, {2})
                                   .integers("trips", {}, trips)
                                   .node("Relu", {"x"}, {"captured"})
                                   .node("Neg", {"x"}, {"start"})
                                   .node("Loop", {"trips", "", "start"}, {"y"}, {fakes::graph_attribute("body", body)})
                                   .model());
    EXPECT_THAT(refusal(model, {"start"}), AllOf(HasSubstr("separate"), HasSubstr("'x'")))
        << "the body's tensor can be made of it";
    EXPECT_THAT(names(split(model, {"start", "captured"}).crossing), ElementsAre("captured", "start"));
    EXPECT_THAT(names(split(model, {"start", "x"}).crossing), ElementsAre("x", "start"));
}

TEST(Parts, NamesInsideABranchAreNoPlacesToCut) {
    const Model model = parsed(
        TinyGraph()
            .input("x", DType::float32, {2})
            .input("flag", DType::boolean, {})
            .output("y", DType::float32, {2})
            .node("Relu", {"x"}, {"a"})
            .node("If", {"flag"}, {"y"},
                  {fakes::graph_attribute("then_branch",
                                          TinyGraph("then").output("t", DType::float32, {2}).node("Neg", {"a"}, {"t"})),
                   fakes::graph_attribute(
                       "else_branch", TinyGraph("else").output("e", DType::float32, {2}).node("Exp", {"a"}, {"e"}))})
            .model());
    EXPECT_THAT(refusal(model, {"t"}), HasSubstr("no tensor 't'"));
}

TEST(Parts, TheEndsOfTheNetworkAreNoCuts) {
    EXPECT_THAT(refusal(chain(), {"x"}), HasSubstr("nothing would be left before"));
    EXPECT_THAT(refusal(chain(), {"y"}), HasSubstr("nothing would be left after"));
    EXPECT_THAT(refusal(chain(), {}), HasSubstr("no tensor is named"));
}

TEST(Parts, AnUnknownNameIsToldItsNeighbours) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {2})
                                   .output("y", DType::float32, {2})
                                   .node("Relu", {"x"}, {"features/relu_1"})
                                   .node("Exp", {"features/relu_1"}, {"head/exp"})
                                   .node("Neg", {"head/exp"}, {"y"})
                                   .model());
    EXPECT_THAT(refusal(model, {"features/relu1"}), HasSubstr("did you mean 'features/relu_1'?"));
    EXPECT_THAT(refusal(model, {"relu_1"}), HasSubstr("did you mean 'features/relu_1'?"));
    EXPECT_THAT(refusal(model, {"Relu_0"}), HasSubstr("it is a node, which makes 'features/relu_1'"));
    EXPECT_THAT(refusal(model, {"something else altogether"}), HasSubstr("`inspect` lists"));
    EXPECT_THAT(refusal(model, {std::string(1'000'000, 'a')}).size(), testing::Lt(600U));
    EXPECT_THAT(refusal(model, {"two\nlines\x01"}), Not(HasSubstr("\n")));
}

TEST(Parts, ASequenceCannotCross) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {2})
                                   .output("y", DType::float32, {4})
                                   .node("Relu", {"x"}, {"a"})
                                   .node("SequenceConstruct", {"a", "a"}, {"both"})
                                   .node("ConcatFromSequence", {"both"}, {"y"}, {fakes::int_attribute("axis", 0)})
                                   .model());
    EXPECT_THAT(refusal(model, {"both"}, ErrorKind::unsupported), HasSubstr("'both' cannot cross"));
    EXPECT_EQ(split(model, {"a"}).tail.layers().size(), 2U);
}

TEST(Parts, ATensorOfUnknownShapeCannotCross) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {2})
                                   .output("y", DType::float32, {2})
                                   .domain_node("com.microsoft", "Mystery", {"x"}, {"m"})
                                   .node("Relu", {"m"}, {"y"})
                                   .model());
    EXPECT_THAT(refusal(model, {"m"}, ErrorKind::unsupported), HasSubstr("cannot be inferred"));
}

TEST(Parts, NodesThatNobodyNeedsAreLeftOut) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {2})
                                   .output("y", DType::float32, {2})
                                   .node("Relu", {"x"}, {"a"})
                                   .node("Exp", {"a"}, {"dead"})
                                   .node("Neg", {"a"}, {"y"})
                                   .model());
    const Parts parts = split(model, {"a"});
    EXPECT_EQ(parts.head.facts().nodes + parts.tail.facts().nodes, 2U);
}

TEST(Parts, ANodeWithTwoOutputsIsOnOneSide) {
    const std::vector<std::int64_t> halves{1, 1};
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {2})
                                   .output("y", DType::float32, {1})
                                   .integers("halves", {2}, halves)
                                   .node("Split", {"x", "halves"}, {"left", "right"}, {fakes::int_attribute("axis", 0)})
                                   .node("Relu", {"left"}, {"a"})
                                   .node("Add", {"a", "right"}, {"y"})
                                   .model());
    EXPECT_THAT(refusal(model, {"left"}), HasSubstr("'right'"));
    EXPECT_THAT(names(split(model, {"right", "a"}).crossing), ElementsAre("right", "a"));
}

TEST(Parts, ExternalWeightsStayWhereTheyAreOrComeIn) {
    const Model model =
        parsed(TinyGraph()
                   .input("x", DType::float32, {2})
                   .output("y", DType::float32, {2})
                   .external("u", DType::float32, {2}, {{"location", "w.bin"}, {"offset", "0"}, {"length", "8"}})
                   .external("v", DType::float32, {2}, {{"location", "w.bin"}, {"offset", "8"}, {"length", "8"}})
                   .node("Add", {"x", "u"}, {"a"})
                   .node("Add", {"a", "v"}, {"y"})
                   .model());
    const Parts parts = split(model, {"a"});
    ASSERT_EQ(parts.tail.external_weights().size(), 1U);
    EXPECT_EQ(parts.tail.external_weights().front().tensor, "v");
    EXPECT_EQ(parts.tail.external_weights().front().offset, Bytes(8));

    const auto read = [](const ExternalWeights& weights) {
        EXPECT_EQ(weights.tensor, "v");
        return std::string("\0\0\x80?\0\0\0@", 8);
    };
    const auto inside = with_weights_inside(parts.tail, read);
    ASSERT_TRUE(inside);
    EXPECT_TRUE(inside->external_weights().empty());
    EXPECT_EQ(inside->facts().parameters, 2);
    EXPECT_THROW(with_weights_inside(parts.tail, [](const auto&) { return std::string("short"); }), Error);
}

TEST(Parts, WeightsBeyondTwoGibibytesStayOutside) {
    const std::int64_t rows = std::int64_t{1} << 20;
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1, rows})
                                   .output("y", DType::float32, {1, 1024})
                                   .external("w", DType::float32, {rows, 1024}, {{"location", "w.bin"}})
                                   .node("Relu", {"x"}, {"a"})
                                   .node("MatMul", {"a", "w"}, {"y"})
                                   .model());
    EXPECT_FALSE(with_weights_inside(split(model, {"a"}).tail, [](const auto&) -> std::string {
        throw Error(ErrorKind::internal, "read", "it was to be refused before");
    }));
}

TEST(Parts, TheFlowNamesWhatDependsOnTheInput) {
    const auto flow = flow_of(chain());
    ASSERT_EQ(flow.size(), 3U);
    EXPECT_THAT(flow[0].needs, ElementsAre("x")) << "weights are no tensors here";
    EXPECT_THAT(flow[2].needs, ElementsAre("b"));
    EXPECT_THAT(flow[2].makes, ElementsAre("y"));
}

}  // namespace
}  // namespace breakeven
