// Codec u8: the structure of what is put in front; that the numbers stay the same is checked where an engine is.
#include "breakeven/model/input_codec.h"

#include <gtest/gtest.h>

#include "breakeven/error.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using fakes::TinyGraph;

Model parsed(const std::string& bytes) {
    return Model::parse(bytes, "test");
}

std::vector<std::string> operators(const Model& model) {
    std::vector<std::string> ops;
    for (const Layer& layer : model.layers()) ops.push_back(layer.op);
    return ops;
}

Preprocess scaled() {
    return parse_preprocess(R"({"range": [-1, 1]})", "test");
}

TEST(InputCodec, TakesPixelsUnderTheSameNameAndShape) {
    const Model model = with_u8_input(parsed(fakes::small_convolution_model(8)), scaled());
    ASSERT_EQ(model.inputs().size(), 1U);
    EXPECT_EQ(model.inputs().front(), (TensorSpec{"x", DType::uint8, {-1, 3, 8, 8}}));
    EXPECT_EQ(model.outputs(), parsed(fakes::small_convolution_model(8)).outputs());
    EXPECT_EQ(operators(model), (std::vector<std::string>{"Cast", "Mul", "Add", "Conv", "Relu", "GlobalAveragePool"}));
}

TEST(InputCodec, AddsNoArithmeticThatDoesNothing) {
    const Model model = with_u8_input(parsed(fakes::small_convolution_model(8)), Preprocess());
    EXPECT_EQ(operators(model), (std::vector<std::string>{"Cast", "Conv", "Relu", "GlobalAveragePool"}));
}

TEST(InputCodec, CrossesAQuarterOfTheBytes) {
    const Model floats = parsed(fakes::small_convolution_model(8));
    const Model pixels = with_u8_input(floats, scaled());
    EXPECT_EQ(size_of(with_batch(floats.inputs().front(), 1))->count(),
              4 * size_of(with_batch(pixels.inputs().front(), 1))->count());
}

TEST(InputCodec, ScalesEachChannelAlongTheLayoutsAxis) {
    const Preprocess each = parse_preprocess(R"({"mean": [1, 2, 3], "std": [4, 5, 6]})", "test");
    const Model first = with_u8_input(parsed(fakes::identity_model({-1, 3, 8, 8})), each);
    EXPECT_EQ(first.tensor("x_u8_Mul_out"), (TensorSpec{"x_u8_Mul_out", DType::float32, {1, 3, 8, 8}}));
    const Model last = with_u8_input(parsed(fakes::identity_model({-1, 8, 8, 3})), each);
    EXPECT_EQ(last.tensor("x_u8_Mul_out"), (TensorSpec{"x_u8_Mul_out", DType::float32, {1, 8, 8, 3}}));
}

TEST(InputCodec, ReachesWhatSubgraphsCapture) {
    const auto branch = [](const std::string& op, const std::string& name) {
        return TinyGraph(name).output(name, DType::float32, {1, 3, 2, 2}).node(op, {"x"}, {name});
    };
    const std::vector<std::int64_t> axes{0};
    const Model model =
        with_u8_input(parsed(TinyGraph()
                                 .input("x", DType::float32, {1, 3, 2, 2})
                                 .output("y", DType::float32, {1, 3, 2, 2})
                                 .node("ReduceMax", {"x"}, {"most"}, {fakes::int_attribute("keepdims", 0)})
                                 .node("Cast", {"most"}, {"c"}, {fakes::int_attribute("to", 9)})
                                 .node("If", {"c"}, {"y"},
                                       {fakes::graph_attribute("then_branch", branch("Abs", "t")),
                                        fakes::graph_attribute("else_branch", branch("Neg", "e"))})
                                 .model()),
                      scaled());
    // A subgraph still on the raw input would be of type uint8 and contradict the declared output.
    EXPECT_EQ(model.tensor("y")->dtype, DType::float32);
    for (const Cut& cut : model.cuts()) {
        if (cut.layers_before >= 3) {
            EXPECT_EQ(std::count(cut.tensors.begin(), cut.tensors.end(), "x"), 0) << cut.layers_before;
        }
    }
}

TEST(InputCodec, AvoidsNamesThatAreTaken) {
    const Model model = with_u8_input(parsed(TinyGraph()
                                                 .input("x", DType::float32, {1, 3, 2, 2})
                                                 .output("x_u8_Cast_out", DType::float32, {1, 3, 2, 2})
                                                 .node("Relu", {"x"}, {"x_float"})
                                                 .node("Abs", {"x_float"}, {"x_u8_Cast_out"})
                                                 .model()),
                                      scaled());
    EXPECT_EQ(model.outputs().front().name, "x_u8_Cast_out");
}

TEST(InputCodec, LeavesToTheSenderOnlySizeAndLayout) {
    const Preprocess all =
        parse_preprocess(R"({"size": [8, 8], "layout": "NCHW", "range": [0, 1], "label_offset": 1})", "t");
    const Preprocess left = preprocess_of(with_u8_input(parsed(fakes::small_convolution_model(8)), all));
    EXPECT_EQ(left.size, all.size);
    EXPECT_EQ(left.layout, ImageLayout::nchw);
    EXPECT_EQ(left.label_offset, 1);
    EXPECT_TRUE(channel_scaling(left, 3).is_identity());
}

TEST(InputCodec, RefusesWhatIsNoPicture) {
    EXPECT_THROW(with_u8_input(parsed(fakes::linear_model(8, 5)), Preprocess()), Error);
    EXPECT_THROW(with_u8_input(parsed(fakes::identity_model({1, 5, 8, 8})), Preprocess()), Error);
    EXPECT_THROW(with_u8_input(parsed(TinyGraph()
                                          .input("a", DType::float32, {1, 3, 2, 2})
                                          .input("b", DType::float32, {1, 3, 2, 2})
                                          .output("y", DType::float32, {1, 3, 2, 2})
                                          .node("Add", {"a", "b"}, {"y"})
                                          .model()),
                               Preprocess()),
                 Error);
    const Model once = with_u8_input(parsed(fakes::small_convolution_model(8)), scaled());
    EXPECT_THROW(with_u8_input(once, scaled()), Error) << "it takes pixels already";
}

}  // namespace
}  // namespace breakeven
