// Inputs that come as frames, against a real server on the loopback: answered as if they had come plain, or refused in
// one line; never another answer.
#include <gtest/gtest.h>

#include <cmath>

#include "breakeven/codec/frame.h"
#include "breakeven/wire/coded_inputs.h"
#include "breakeven/wire/coded_runner.h"
#include "serve/foreign.h"

namespace breakeven {
namespace {

using fakes::refusal;
using fakes::World;

const TensorSpec floats{"x", DType::float32, {-1, 4, 6, 6}};

Tensor waves(Shape shape) {
    Tensor tensor(DType::float32, std::move(shape));
    float at = 0.0F;
    for (float& value : tensor.mutable_as<float>()) value = std::max(0.0F, std::sin(at += 0.2F));
    return tensor;
}

Request request_of(const Tensor& input) {
    return {.model = "echo", .version = {}, .id = {}, .parameters = {}, .inputs = {{"x", input}}, .outputs = {}};
}

/// Of an echo, asked with these bytes for a frame.
std::string refusal_of(Client& client, const Tensor& bytes) {
    Request request = request_of(bytes);
    request.parameters.push_back({std::string(codecs_parameter), true});
    return refusal(client.infer(request));
}

TEST(CodedInputs, GiveWhatTheirTensorsGive) {
    World world;
    world.serve("echo", fakes::identity({floats}));
    world.start();
    const std::vector<Tensor> input{waves({2, 4, 6, 6})};
    for (const Codec& codec : all_codecs()) {
        if (codec.kind == CodecKind::jpeg) continue;
        const auto runner = load_coded(std::make_shared<Client>(world.address), "echo", codec);
        const Tensor answer = runner->run(input).outputs.front();
        ASSERT_EQ(answer.shape(), input.front().shape()) << name(codec);
        const Tensor expected = decode_frame(encode_frame(input.front(), codec).bytes(), input.front().size());
        EXPECT_EQ(to_doubles(answer), to_doubles(expected)) << name(codec);
        EXPECT_TRUE(!is_exact(codec) || to_doubles(answer) == to_doubles(input.front()));
    }
}

TEST(CodedInputs, AreOfferedInTheMetadataAndPlainOnesStillWork) {
    World world;
    world.serve("echo", fakes::identity({floats}));
    Client& client = world.start();
    EXPECT_TRUE(value_or_throw(client.describe_server(), "ask").has(codecs_extension));
    const Tensor input = waves({1, 4, 6, 6});
    const InferReply reply = value_or_throw(client.infer(request_of(input)), "ask");
    EXPECT_EQ(to_doubles(reply.outputs.front().tensor), to_doubles(input));
}

TEST(CodedInputs, ChangedOnTheirWayAreRefusedInOneLine) {
    World world;
    world.serve("echo", fakes::identity({floats}));
    Client& client = world.start();
    Tensor frame = encode_frame(waves({1, 4, 6, 6}), {.kind = CodecKind::q8});
    frame.mutable_bytes()[frame.bytes().size() / 2] ^= std::byte{1};
    EXPECT_NE(refusal_of(client, frame).find("its checksum is wrong"), std::string::npos);
    EXPECT_NE(refusal_of(client, Tensor(DType::uint8, {0})).find("ends too early"), std::string::npos);
    EXPECT_NE(refusal_of(client, Tensor(DType::uint8, {900})).find("does not begin as one"), std::string::npos);
    EXPECT_EQ(world.engine.runs, 0);
}

TEST(CodedInputs, OfAnotherShapeOrTypeThanTheModelTakesAreRefusedBeforeTheyAreDecoded) {
    World world;
    world.serve("echo", fakes::identity({floats}));
    Client& client = world.start();
    const Tensor wide = encode_frame(waves({1, 4, 6, 7}), {.kind = CodecKind::q2});
    EXPECT_NE(refusal_of(client, wide).find("[1, 4, 6, 7]"), std::string::npos);
    const Tensor bytes = encode_frame(Tensor(DType::uint8, {1, 4, 6, 6}), {});
    EXPECT_NE(refusal_of(client, bytes).find("uint8"), std::string::npos);
    // A few bytes that stand for gigabytes: an open batch admits them, the limit does not.
    const Tensor large = encode_frame(Tensor(DType::float32, {130'000, 4, 6, 6}), {.kind = CodecKind::q2});
    ASSERT_LT(large.size(), Bytes(64));
    EXPECT_NE(refusal_of(client, large).find("are allowed"), std::string::npos);
    EXPECT_EQ(world.engine.runs, 0);
}

}  // namespace
}  // namespace breakeven
