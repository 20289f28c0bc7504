// Cuts: against a count by brute force over random graphs, and the cases that readers get wrong.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "breakeven/model/model.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using namespace literals;
using fakes::TinyGraph;
using Names = std::vector<std::string>;

Model parsed(const std::string& bytes) {
    return Model::parse(bytes, "test");
}

Names tensors_after(const Model& model, std::size_t layers) {
    for (const Cut& cut : model.cuts()) {
        if (cut.layers_before == layers) return cut.tensors;
    }
    return {};
}

TEST(Cuts, TwoBranchesBothCross) {
    const Model model = parsed(fakes::two_branch_model({-1, 4}));
    const auto cuts = model.cuts();
    ASSERT_EQ(cuts.size(), 2U);
    EXPECT_EQ(cuts[0].tensors, (Names{"x", "left"})) << "the input is still needed";
    EXPECT_EQ(cuts[1].tensors, (Names{"left", "right"}));
    EXPECT_EQ(cuts[1].size, 32_B);
}

TEST(Cuts, WeightsAndWhatComesFromThemDoNotCross) {
    const std::vector<std::int64_t> shape{4, 3};
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1, 4})
                                   .output("y", DType::float32, {1, 3})
                                   .integers("shape", {2}, shape)
                                   .node("ConstantOfShape", {"shape"}, {"W"})
                                   .node("Neg", {"W"}, {"V"})
                                   .node("Relu", {"x"}, {"r"})
                                   .node("MatMul", {"r", "V"}, {"y"})
                                   .model());
    ASSERT_EQ(model.cuts().size(), 1U);
    EXPECT_EQ(model.cuts()[0].tensors, Names{"r"});
}

TEST(Cuts, WhatARandomOperatorMakesCrosses) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1, 4})
                                   .output("y", DType::float32, {1, 4})
                                   .node("RandomNormal", {}, {"noise"}, {fakes::ints_attribute("shape", {1, 4})})
                                   .node("Relu", {"x"}, {"r"})
                                   .node("Add", {"r", "noise"}, {"y"})
                                   .model());
    EXPECT_EQ(tensors_after(model, 2), (Names{"noise", "r"}));
}

TEST(Cuts, WhatASubgraphCapturesCrosses) {
    const auto branch = [](const std::string& op, const std::string& name) {
        return TinyGraph(name).output(name, DType::float32, {1, 4}).node(op, {"early"}, {name});
    };
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1, 4})
                                   .input("c", DType::boolean, {})
                                   .output("y", DType::float32, {1, 4})
                                   .node("Relu", {"x"}, {"early"})
                                   .node("Not", {"c"}, {"d"})
                                   .node("If", {"d"}, {"y"},
                                         {fakes::graph_attribute("then_branch", branch("Abs", "t")),
                                          fakes::graph_attribute("else_branch", branch("Neg", "e"))})
                                   .model());
    EXPECT_EQ(tensors_after(model, 2), (Names{"early", "d"}));
}

TEST(Cuts, AnEarlyOutputCrossesEveryLaterCut) {
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1, 4})
                                   .output("y", DType::float32, {1, 4})
                                   .output("early", DType::float32, {1, 4})
                                   .node("Relu", {"x"}, {"early"})
                                   .node("Abs", {"x"}, {"a"})
                                   .node("Neg", {"a"}, {"y"})
                                   .model());
    EXPECT_EQ(tensors_after(model, 2), (Names{"early", "a"}));
}

TEST(Cuts, NoSequenceCrosses) {
    const std::vector<std::int64_t> zero{0};
    const Model model = parsed(TinyGraph()
                                   .input("x", DType::float32, {1, 4})
                                   .output("y", DType::float32, {1, 1})
                                   .integers("at", {}, zero)
                                   .node("Relu", {"x"}, {"r"})
                                   .node("SplitToSequence", {"r"}, {"parts"}, {fakes::int_attribute("axis", 1)})
                                   .node("SequenceAt", {"parts", "at"}, {"y"})
                                   .model());
    ASSERT_EQ(model.cuts().size(), 1U);
    EXPECT_EQ(model.cuts()[0].tensors, Names{"r"});
}

TEST(Cuts, AThousandOfThemAreKeptThoseThatCrossLeast) {
    TinyGraph graph = TinyGraph().input("x", DType::float32, {1, 4}).output("y", DType::float32, {1, 4});
    std::string last = "x";
    for (int i = 0; i < 1500; ++i) {
        const std::string next = "t" + std::to_string(i);
        graph.node("Relu", {last}, {next});
        last = next;
    }
    const Model model = parsed(graph.node("Relu", {last}, {"y"}).model());
    const auto cuts = model.cuts();
    ASSERT_EQ(cuts.size(), Model::cuts_max);
    EXPECT_TRUE(std::is_sorted(cuts.begin(), cuts.end(),
                               [](const Cut& a, const Cut& b) { return a.layers_before < b.layers_before; }));
}

/// A random graph of unary and binary operators; inputs[i] are what node i takes: 0 is the input, k what node k-1
/// makes.
struct RandomGraph {
    std::vector<std::vector<std::size_t>> inputs;
    std::set<std::size_t> outputs;

    std::string name(std::size_t tensor) const { return tensor == 0 ? "x" : "t" + std::to_string(tensor); }

    std::string bytes() const {
        TinyGraph graph = TinyGraph().input("x", DType::float32, {1, 2});
        for (const std::size_t tensor : outputs) graph.output(name(tensor), DType::float32, {1, 2});
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            std::vector<std::string> names;
            for (const std::size_t tensor : inputs[i]) names.push_back(name(tensor));
            graph.node(names.size() == 1 ? "Relu" : "Add", names, {name(i + 1)});
        }
        return graph.model();
    }

    /// The definition, word for word: made before, needed after or an output of the graph.
    std::set<std::string> crossing(std::size_t after) const {
        std::set<std::string> names;
        for (std::size_t tensor = 0; tensor <= after; ++tensor) {
            bool needed = outputs.contains(tensor);
            for (std::size_t node = after; node < inputs.size(); ++node) {
                needed = needed || std::find(inputs[node].begin(), inputs[node].end(), tensor) != inputs[node].end();
            }
            if (needed) names.insert(name(tensor));
        }
        return names;
    }
};

RC_GTEST_PROP(Cuts, EqualTheDefinitionOnRandomGraphs, ()) {
    RandomGraph graph;
    const auto nodes = *rc::gen::inRange<std::size_t>(2, 20);
    for (std::size_t i = 0; i < nodes; ++i) {
        const auto count = *rc::gen::inRange<std::size_t>(1, 3);
        std::vector<std::size_t> inputs;
        for (std::size_t k = 0; k < count; ++k) inputs.push_back(*rc::gen::inRange<std::size_t>(0, i + 1));
        graph.inputs.push_back(inputs);
    }
    graph.outputs = {nodes, *rc::gen::inRange<std::size_t>(1, nodes + 1)};
    const Model model = parsed(graph.bytes());
    std::size_t found = 0;
    for (const Cut& cut : model.cuts()) {
        const auto expected = graph.crossing(cut.layers_before);
        RC_ASSERT(std::set<std::string>(cut.tensors.begin(), cut.tensors.end()) == expected);
        RC_ASSERT(cut.size == Bytes(8 * static_cast<std::int64_t>(expected.size())));
        ++found;
    }
    RC_ASSERT(found == nodes - 1);
}

}  // namespace
}  // namespace breakeven
