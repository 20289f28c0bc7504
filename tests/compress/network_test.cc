// Network: what is changed is what finish() gives; what is not used is gone.
#include "breakeven/compress/network.h"

#include <gtest/gtest.h>

#include "breakeven/compress/execution.h"
#include "breakeven/error.h"
#include "tests/fakes/tiny_models.h"

namespace breakeven {
namespace {

Model two_branches() { return Model::parse(fakes::two_branch_model({1, 4}), "two"); }

TEST(Network, UnchangedItIsTheSameModel) {
    const Model model = Model::parse(fakes::linear_model(8, 3), "linear");
    const Model again = Network(model).finish();
    EXPECT_EQ(again.facts().parameters, model.facts().parameters);
    EXPECT_EQ(again.facts().macs, model.facts().macs);
    EXPECT_EQ(again.inputs(), model.inputs());
    EXPECT_EQ(again.outputs(), model.outputs());
}

TEST(Network, WeightsSetAreWeightsRead) {
    Network network(Model::parse(fakes::linear_model(2, 2), "linear"));
    std::string name;
    for (const auto& tensor : network.graph().initializer()) {
        if (tensor.dims_size() == 2) name = tensor.name();
    }
    const std::vector<float> values = {1, 2, 3, 4};
    network.set_weights(name, {2, 2}, values);
    const Model model = network.finish();
    const Network again(model);
    const auto read = again.weights(name);
    EXPECT_EQ(std::vector<float>(read.begin(), read.end()), values);
}

TEST(Network, SharedWeightsBecomeOwnBeforeTheyAreChanged) {
    const std::vector<float> values = {1, 2};
    fakes::TinyGraph graph;
    graph.input("x", DType::float32, {1, 2}).output("y", DType::float32, {1, 2}).weights("w", {2}, values);
    graph.node("Add", {"x", "w"}, {"h"}).node("Mul", {"h", "w"}, {"y"});
    Network network(Model::parse(graph.model(), "shared"));
    onnx::NodeProto* add = network.producer("h");
    ASSERT_NE(add, nullptr);
    network.own_weights(*add, 1);
    EXPECT_NE(add->input(1), "w");
    network.set_weights(add->input(1), {2}, std::vector<float>{5, 6});
    EXPECT_EQ(network.weights("w")[0], 1.0F);
    EXPECT_EQ(network.consumers("w").size(), 1U);
}

TEST(Network, WhatNoOutputNeedsIsGoneAfterRewiring) {
    const Model model = two_branches();
    Network network(model);
    const std::string sum = model.outputs().front().name;
    onnx::NodeProto* add = network.producer(sum);
    ASSERT_NE(add, nullptr);
    network.rewire(sum, add->input(0));
    EXPECT_LT(network.finish().facts().nodes, model.facts().nodes);
}

TEST(Network, NodesAddedAtTheEndAreSortedIntoPlace) {
    const Model model = two_branches();
    Network network(model);
    const std::string input = model.inputs().front().name;
    const std::string before = network.add_node("Neg", {input}, "negated").output(0);
    for (onnx::NodeProto* node : network.consumers(input)) {
        if (node->op_type() != "Neg") node->set_input(0, before);
    }
    network.changed();
    EXPECT_EQ(network.finish().facts().nodes, model.facts().nodes + 1);
}

TEST(WithOutputs, GivesTheNamedTensorsAndNoMore) {
    const Model model = two_branches();
    Network network(model);
    const std::string inner = network.producer(model.outputs().front().name)->input(0);
    const Model looked = with_outputs(model, std::vector<std::string>{inner});
    ASSERT_EQ(looked.outputs().size(), 1U);
    EXPECT_EQ(looked.outputs().front().name, inner);
    EXPECT_LT(looked.facts().nodes, model.facts().nodes);
    EXPECT_THROW(with_outputs(model, std::vector<std::string>{"nothing"}), Error);
}

}  // namespace
}  // namespace breakeven
