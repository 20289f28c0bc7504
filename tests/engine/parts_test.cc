// Parts, run: head then tail gives the whole's outputs bit for bit, for the graphs that no trained network here has:
// captured tensors, several inputs, outputs made early, weights in files.
#include "breakeven/model/parts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "breakeven/engine/onnxruntime.h"
#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/files/part_files.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using fakes::TinyGraph;
using Named = std::map<std::string, Tensor>;
using Names = std::vector<std::string>;

Named run(const ModelImage& image, const Named& given) {
    static const std::unique_ptr<Engine> engine = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    const auto runner =
        engine->load(image, {.engine = "onnxruntime", .unit = "cpu", .number = 1}, LoadOptions{.optimize = false});
    std::vector<Tensor> inputs;
    for (const TensorSpec& spec : runner->inputs()) inputs.push_back(given.at(spec.name));
    RunResult result = runner->run(inputs);
    Named outputs;
    for (std::size_t i = 0; i < result.outputs.size(); ++i) outputs[runner->outputs()[i].name] = result.outputs[i];
    return outputs;
}

/// Splits, runs both ways, compares.
void expect_same(const std::string& bytes, const Names& cut, const Named& inputs) {
    const Model model = Model::parse(bytes, "test");
    const Named whole = run(image_of(model), inputs);
    const Parts parts = split_at(model, cut);
    Named tensors = inputs;
    for (auto& [name, tensor] : run(image_of(parts.head), inputs)) tensors[name] = tensor;
    for (auto& [name, tensor] : run(image_of(parts.tail), tensors)) tensors[name] = tensor;
    for (const auto& [name, wanted] : whole) {
        ASSERT_TRUE(tensors.contains(name)) << name;
        const Tensor& found = tensors.at(name);
        ASSERT_EQ(found.shape(), wanted.shape()) << name;
        EXPECT_EQ(std::memcmp(found.bytes().data(), wanted.bytes().data(), wanted.bytes().size()), 0) << name;
    }
}

Tensor floats(const std::vector<float>& values) {
    return Tensor::of<float>(DType::float32, {static_cast<std::int64_t>(values.size())}, values);
}

Tensor flag(bool value) {
    const std::vector<std::uint8_t> byte{value ? std::uint8_t{1} : std::uint8_t{0}};
    return Tensor::of<std::uint8_t>(DType::boolean, {}, byte);
}

const std::vector<float> weight{0.3F};

TEST(PartsRun, BranchesThatCapture) {
    const std::string bytes =
        TinyGraph()
            .input("x", DType::float32, {3})
            .input("flag", DType::boolean, {})
            .output("y", DType::float32, {3})
            .weights("w", {1}, weight)
            .node("Exp", {"x"}, {"captured"})
            .node("Neg", {"captured"}, {"other"})
            .node("If", {"flag"}, {"y"},
                  {fakes::graph_attribute(
                       "then_branch",
                       TinyGraph("then").output("t", DType::float32, {3}).node("Add", {"captured", "w"}, {"t"})),
                   fakes::graph_attribute(
                       "else_branch",
                       TinyGraph("else").output("e", DType::float32, {3}).node("Mul", {"other", "w"}, {"e"}))})
            .model();
    for (const bool value : {true, false}) {
        expect_same(bytes, {"captured", "other", "flag"}, {{"x", floats({0.1F, -2, 5})}, {"flag", flag(value)}});
    }
}

TEST(PartsRun, ALoopWhoseBodyCaptures) {
    const std::vector<std::int64_t> trips{3};
    const auto body = TinyGraph("body")
                          .input("i", DType::int64, {})
                          .input("more", DType::boolean, {})
                          .input("state", DType::float32, {2})
                          .output("more_out", DType::boolean, {})
                          .output("state_out", DType::float32, {2})
                          .node("Identity", {"more"}, {"more_out"})
                          .node("Mul", {"state", "captured"}, {"scaled"})
                          .node("Add", {"scaled", "w"}, {"state_out"});
    expect_same(TinyGraph()
                    .input("x", DType::float32, {2})
                    .output("y", DType::float32, {2})
                    .weights("w", {1}, weight)
                    .integers("trips", {}, trips)
                    .node("Sigmoid", {"x"}, {"captured"})
                    .node("Neg", {"x"}, {"start"})
                    .node("Loop", {"trips", "", "start"}, {"y"}, {fakes::graph_attribute("body", body)})
                    .model(),
                {"captured", "start"}, {{"x", floats({0.7F, -1.1F})}});
}

TEST(PartsRun, AScanWhoseBodyCaptures) {
    const auto body = TinyGraph("body")
                          .input("sum", DType::float32, {})
                          .input("item", DType::float32, {})
                          .output("sum_out", DType::float32, {})
                          .output("item_out", DType::float32, {})
                          .node("Mul", {"item", "scale"}, {"scaled"})
                          .node("Add", {"sum", "scaled"}, {"sum_out"})
                          .node("Identity", {"sum_out"}, {"item_out"});
    expect_same(TinyGraph()
                    .input("x", DType::float32, {4})
                    .output("total", DType::float32, {})
                    .output("sums", DType::float32, {4})
                    .weights("w", {}, weight)
                    .node("Exp", {"x"}, {"items"})
                    .node("ReduceMax", {"items"}, {"scale"}, {fakes::int_attribute("keepdims", 0)})
                    .node("Scan", {"w", "items"}, {"total", "sums"},
                          {fakes::graph_attribute("body", body), fakes::int_attribute("num_scan_inputs", 1)})
                    .model(),
                {"items", "scale"}, {{"x", floats({0.1F, 0.2F, -0.4F, 0.9F})}});
}

TEST(PartsRun, SeveralInputsAndAnOutputMadeEarly) {
    const std::string bytes = TinyGraph()
                                  .input("x", DType::float32, {2})
                                  .input("z", DType::float32, {2})
                                  .output("early", DType::float32, {2})
                                  .output("y", DType::float32, {2})
                                  .weights("w", {1}, weight)
                                  .node("Mul", {"x", "w"}, {"a"})
                                  .node("Exp", {"a"}, {"early"})
                                  .node("Add", {"a", "z"}, {"b"})
                                  .node("Add", {"b", "early"}, {"c"})
                                  .node("Mul", {"c", "w"}, {"y"})
                                  .model();
    const Named inputs{{"x", floats({1.5F, 2})}, {"z", floats({-3, 0.25F})}};
    expect_same(bytes, {"a", "z"}, inputs);
    expect_same(bytes, {"early", "b"}, inputs);
    expect_same(bytes, {"c", "early"}, inputs);
}

TEST(PartsRun, WeightsBesideTheNetworkComeInside) {
    std::string folder = (std::filesystem::temp_directory_path() / "breakeven-parts-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    const std::filesystem::path path(folder);
    const std::vector<float> values{1.25F, -3, 0.5F, 7};
    write_file(path / "w.bin", {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
    write_file(path / "net.onnx",
               TinyGraph()
                   .input("x", DType::float32, {2})
                   .output("y", DType::float32, {2})
                   .external("u", DType::float32, {2}, {{"location", "w.bin"}, {"offset", "0"}, {"length", "8"}})
                   .external("v", DType::float32, {2}, {{"location", "w.bin"}, {"offset", "8"}, {"length", "8"}})
                   .node("Add", {"x", "u"}, {"a"})
                   .node("Mul", {"a", "v"}, {"y"})
                   .model());
    const ModelFile whole = load_model(path / "net.onnx");
    const Parts parts = split_at(whole.model, Names{"a"});
    const PartFiles files = write_parts(parts, whole, path / "parts");
    const Named inputs{{"x", floats({10, 20})}};
    const Named wanted = run(whole.image, inputs);
    const Named between = run(load_model(files.head).image, inputs);
    const Named found = run(load_model(files.tail).image, between);
    EXPECT_EQ(found.at("y").as<float>()[0], 5.625F);
    EXPECT_EQ(found.at("y").as<float>()[1], wanted.at("y").as<float>()[1]);
    EXPECT_FALSE(std::filesystem::exists(path / "parts" / "w.bin"));
    EXPECT_THROW(write_parts(parts, whole, path / "w.bin"), Error) << "a file is no folder";
    std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace breakeven
