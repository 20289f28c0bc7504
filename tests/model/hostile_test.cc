// Hostile models end in one line of Error, in little time and memory.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "breakeven/error.h"
#include "breakeven/model/model.h"
#include "breakeven/model/wire_scan.h"
#include "breakeven/time/random.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using namespace literals;
using fakes::TinyGraph;

/// What parsing says; empty when the model is taken. Cuts are asked for too.
std::string fault(const std::string& bytes, const ParseLimits& limits = {}) {
    try {
        (void)Model::parse(bytes, "hostile", limits).cuts();
        return "";
    } catch (const Error& error) {
        EXPECT_TRUE(error.kind() == ErrorKind::input || error.kind() == ErrorKind::unsupported) << error.what();
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
        return error.what();
    }
}

TinyGraph small(const Shape& shape = {1, 4}) {
    return TinyGraph().input("x", DType::float32, shape).output("y", DType::float32, shape);
}

TEST(HostileModel, EmptyRandomAndTruncatedBytesAreRefused) {
    EXPECT_NE(fault("").find("empty"), std::string::npos);
    EXPECT_NE(fault("version https://git-lfs.github.com/spec/v1\noid").find("git lfs pull"), std::string::npos);
    Random random(7);
    for (int i = 0; i < 200; ++i) {
        std::string noise(random.below(200) + 1, '\0');
        for (char& c : noise) c = static_cast<char>(random.below(256));
        EXPECT_NE(fault(noise), "");
    }
    const std::string whole = fakes::small_convolution_model(8);
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_NE(fault(whole.substr(0, length)), "") << length;
    EXPECT_EQ(fault(whole), "");
}

TEST(HostileModel, BytesAfterTheEndAreRefused) {
    EXPECT_NE(fault(fakes::add_one_model({1, 4}) + std::string(7, '\0')), "");
    EXPECT_NE(fault(fakes::add_one_model({1, 4}) + "\xfa\x3e\x03"
                                                   "abc")
                  .find("6 bytes of it are nothing"),
              std::string::npos);
}

TEST(HostileModel, AFileOfEmptyMessagesIsRefusedBeforeItIsBuilt) {
    std::string nodes;
    for (int i = 0; i < 1'000'000; ++i) nodes += std::string("\x0a\x00", 2);  // GraphProto.node, empty
    std::string model("\x3a", 1);                                             // ModelProto.graph
    for (std::size_t n = nodes.size(); n > 0; n >>= 7U)
        model += static_cast<char>((n & 0x7fU) | (n > 0x7f ? 0x80U : 0U));
    model += nodes;
    EXPECT_GT(memory_to_parse(model), 100_MiB);
    EXPECT_NE(fault(model, {.memory = 100_MiB}).find("memory"), std::string::npos);
}

TEST(HostileModel, TheEstimateCoversOrdinaryModelsWithoutExaggerating) {
    const std::string model = TinyGraph(small())
                                  .weights("w", {1 << 20}, std::vector<float>(1 << 20, 1.0F))
                                  .node("Relu", {"x"}, {"y"})
                                  .model();
    const Bytes size(static_cast<std::int64_t>(model.size()));
    EXPECT_GT(memory_to_parse(model), size - 1000_B);
    EXPECT_LT(memory_to_parse(model), size + 20_kB);
}

TEST(HostileModel, AShapeThatIsNegativeHugeOrUnlikeItsBytesIsRefused) {
    const auto with = [](const Shape& shape, std::size_t bytes) {
        return fault(
            small().raw("w", DType::float32, shape, std::string(bytes, 'x')).node("Add", {"x", "w"}, {"y"}).model());
    };
    EXPECT_EQ(with({4}, 16), "");
    EXPECT_NE(with({-4}, 16).find("negative or too large"), std::string::npos);
    EXPECT_NE(with({std::int64_t{1} << 62, 4}, 16).find("too large"), std::string::npos);
    EXPECT_NE(with({std::int64_t{1} << 62}, 16), "");
    EXPECT_NE(with({4}, 12).find("too small"), std::string::npos);
    EXPECT_NE(with({4}, 20).find("needs 16 bytes, 20 are there"), std::string::npos);
}

TEST(HostileModel, AHugeDeclaredInputIsOnlyANumber) {
    const Model model = Model::parse(small({1, std::int64_t{1} << 61}).node("Relu", {"x"}, {"y"}).model(), "huge");
    EXPECT_EQ(size_of(model.inputs().front()), std::nullopt) << "2^63 bytes are no size";
    EXPECT_EQ(model.layers().front().output_size, std::nullopt);
}

TEST(HostileModel, CyclesAndForwardReferencesAreRefused) {
    EXPECT_NE(
        fault(small().node("Add", {"x", "b"}, {"a"}).node("Relu", {"a"}, {"b"}).node("Relu", {"b"}, {"y"}).model())
            .find("topologically"),
        std::string::npos);
    EXPECT_NE(fault(small().node("Relu", {"y"}, {"y"}).model()), "");
    EXPECT_NE(fault(small().node("Relu", {"nowhere"}, {"y"}).model()), "");
}

TEST(HostileModel, ShapeArithmeticDoesNotMultiplyInMemory) {
    // Each Concat doubles a tensor that holds a shape: 60 of them would be 2^60 elements.
    TinyGraph graph = TinyGraph().input("x", DType::float32, {1, 4}).output("y", DType::int64, {-1});
    graph.node("Shape", {"x"}, {"s0"});
    for (int i = 0; i < 60; ++i) {
        const std::string from = "s" + std::to_string(i);
        graph.node("Concat", {from, from}, {"s" + std::to_string(i + 1)}, {fakes::int_attribute("axis", 0)});
    }
    graph.node("Identity", {"s60"}, {"y"});
    EXPECT_EQ(fault(graph.model()), "");
}

TEST(HostileModel, AHugeTensorThatMightHoldAShapeIsNotSpeltOut) {
    const Shape huge{std::int64_t{1} << 40};
    EXPECT_EQ(fault(TinyGraph()
                        .input("x", DType::int64, huge)
                        .output("y", DType::int64, huge)
                        .node("Add", {"x", "x"}, {"z"})
                        .node("Mul", {"z", "x"}, {"y"})
                        .model()),
              "");
    const std::vector<std::int64_t> size{std::int64_t{1} << 40};
    EXPECT_EQ(fault(TinyGraph()
                        .input("x", DType::int64, huge)
                        .output("y", DType::float32, {-1})
                        .integers("n", {1}, size)
                        .node("ConstantOfShape", {"n"}, {"ones"})
                        .node("Add", {"x", "x"}, {"z"})
                        .node("Reshape", {"ones", "z"}, {"y"})
                        .model()),
              "");
}

TEST(HostileModel, DeepNestingEndsInAnError) {
    TinyGraph inner = TinyGraph("leaf").output("leaf", DType::float32, {1, 4}).node("Relu", {"x"}, {"leaf"});
    for (int depth = 0; depth < 60; ++depth) {
        const std::string name = "g" + std::to_string(depth);
        const auto branch = [&](const char* attribute) { return fakes::graph_attribute(attribute, inner); };
        TinyGraph outer =
            TinyGraph(name).output(name, DType::float32, {1, 4}).node("If", {"c"}, {name}, {branch("then_branch")});
        inner = outer;
    }
    EXPECT_NE(fault(small()
                        .input("c", DType::boolean, {})
                        .node("If", {"c"}, {"y"}, {fakes::graph_attribute("then_branch", inner)})
                        .model()),
              "");
}

TEST(HostileModel, LoopsInLoopsEndSoon) {
    TinyGraph body = TinyGraph("b")
                         .input("i", DType::int64, {})
                         .input("k", DType::boolean, {})
                         .input("v", DType::float32, {1, 4})
                         .output("o", DType::boolean, {})
                         .output("w", DType::float32, {1, 4})
                         .node("Identity", {"k"}, {"o"})
                         .node("Relu", {"v"}, {"w"});
    for (int depth = 0; depth < 24; ++depth) {
        const std::string d = std::to_string(depth);
        body = TinyGraph("b" + d)
                   .input("i" + d, DType::int64, {})
                   .input("k" + d, DType::boolean, {})
                   .input("v" + d, DType::float32, {1, 4})
                   .output("o" + d, DType::boolean, {})
                   .output("w" + d, DType::float32, {1, 4})
                   .node("Identity", {"k" + d}, {"o" + d})
                   .node("Loop", {"i" + d, "k" + d, "v" + d}, {"w" + d}, {fakes::graph_attribute("body", body)});
    }
    EXPECT_EQ(fault(small()
                        .input("n", DType::int64, {})
                        .input("c", DType::boolean, {})
                        .node("Loop", {"n", "c", "x"}, {"y"}, {fakes::graph_attribute("body", body)})
                        .model()),
              "");
}

/// f0 doubles; each f(i) calls f(i-1) twice.
std::string function_tower(int height) {
    TinyGraph graph = small();
    graph.function("f0", "a", "b", TinyGraph().node("Add", {"a", "a"}, {"b"}));
    for (int i = 1; i <= height; ++i) {
        const std::string below = "f" + std::to_string(i - 1);
        graph.function("f" + std::to_string(i), "a", "b", TinyGraph().call(below, "a", "t").call(below, "t", "b"));
    }
    return graph.call("f" + std::to_string(height), "x", "y").model();
}

TEST(HostileModel, FunctionsAreInlinedUnlessTheyExplode) {
    EXPECT_EQ(Model::parse(function_tower(3), "tower").facts().nodes, 8U);
    EXPECT_NE(fault(function_tower(40)).find("unfold"), std::string::npos);
    EXPECT_NE(fault(function_tower(90)), "");
}

TEST(HostileModel, AFunctionThatCallsItselfIsRefused) {
    EXPECT_NE(fault(small().function("f", "a", "b", TinyGraph().call("f", "a", "b")).call("f", "x", "y").model())
                  .find("recursive"),
              std::string::npos);
}

TEST(HostileModel, OtherOpsetsAreUnsupportedAndSaySo) {
    EXPECT_NE(fault(small().node("Relu", {"x"}, {"y"}).model(6)).find("opset 6"), std::string::npos);
    EXPECT_NE(fault(small().node("Relu", {"x"}, {"y"}).model(24)).find("opset 24"), std::string::npos);
    EXPECT_EQ(fault(small().node("Relu", {"x"}, {"y"}).model(7)), "");
    EXPECT_EQ(fault(small().node("Relu", {"x"}, {"y"}).model(23)), "");
}

TEST(HostileModel, NamesThatCannotBePrintedAreRefused) {
    EXPECT_NE(fault(small().node("Relu", {"x"}, {"\xff\xfe"}).node("Relu", {"\xff\xfe"}, {"y"}).model()).find("UTF-8"),
              std::string::npos);
    const std::string line = fault(small().node("Re\nlu\x1b[31m", {"x"}, {"y"}).model());
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
    EXPECT_NE(line, "");
}

TEST(HostileModel, ConstantsInOtherFilesAreNotLookedFor) {
    const auto inner = TinyGraph("then")
                           .output("t", DType::float32, {4})
                           .external("w", DType::float32, {4}, {{"location", "/etc/passwd"}})
                           .node("Identity", {"w"}, {"t"});
    EXPECT_NE(
        fault(small({4})
                  .input("c", DType::boolean, {})
                  .node("If", {"c"}, {"y"},
                        {fakes::graph_attribute("then_branch", inner), fakes::graph_attribute("else_branch", inner)})
                  .model())
            .find("outside the file"),
        std::string::npos);
}

/// Seeds and finds of the fuzz target (tests/fuzz): each ends in a model or in an Error.
TEST(HostileModel, EverythingThatFuzzingFoundEndsWell) {
    const auto fuzz = std::filesystem::path(__FILE__).parent_path().parent_path() / "fuzz";
    int files = 0;
    for (const char* folder : {"corpus/model", "found"}) {
        if (!std::filesystem::exists(fuzz / folder)) continue;
        for (const auto& entry : std::filesystem::directory_iterator(fuzz / folder)) {
            std::ifstream file(entry.path(), std::ios::binary);
            std::ostringstream bytes;
            bytes << file.rdbuf();
            const std::string said = fault(bytes.str());
            if (std::string(folder) == "corpus/model") {
                EXPECT_EQ(said, "") << entry.path();
            }
            ++files;
        }
    }
    EXPECT_GE(files, 20);
}

}  // namespace
}  // namespace breakeven
