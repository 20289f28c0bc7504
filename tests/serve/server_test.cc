// The server as our own client meets it, over the loopback, with an engine in memory.
#include "breakeven/serve/server.h"

#include <gtest/gtest.h>

#include <array>
#include <latch>
#include <numeric>
#include <thread>

#include "breakeven/wire/remote.h"
#include "serve/world.h"

namespace breakeven {
namespace {

using fakes::identity;
using fakes::World;

Tensor counting(std::int64_t n) {
    std::vector<float> values(static_cast<std::size_t>(n));
    std::iota(values.begin(), values.end(), 0.0F);
    return Tensor::of<float>(DType::float32, {1, n}, values);
}

Request request_for(const std::string& model, const Tensor& tensor) {
    return {.model = model, .version = {}, .id = "7", .parameters = {}, .inputs = {{"x", tensor}}, .outputs = {}};
}

template <class T>
std::string refusal(const Outcome<T>& outcome) {
    const auto* refused = std::get_if<Refused>(&outcome);
    return refused == nullptr ? "not refused" : refused->reason;
}

TEST(Server, AnswersWithTheTensorItWasSent) {
    World world;
    world.serve("same", identity({{"x", DType::float32, {-1, -1}}}));
    Client& client = world.start();
    for (const std::int64_t n : {0, 1, 1024, 37632, 1'000'000}) {
        const Tensor sent = counting(n);
        Outcome<InferReply> outcome = client.infer(request_for("same", sent));
        const auto* reply = std::get_if<InferReply>(&outcome);
        ASSERT_NE(reply, nullptr) << refusal(outcome);
        ASSERT_EQ(reply->outputs.size(), 1U);
        EXPECT_EQ(reply->outputs[0].name, "x_out");
        EXPECT_EQ(reply->outputs[0].tensor.shape(), sent.shape());
        EXPECT_TRUE(std::ranges::equal(reply->outputs[0].tensor.bytes(), sent.bytes()));
        ASSERT_TRUE(reply->times.has_value());
        EXPECT_EQ(reply->version, "1");
    }
}

TEST(Server, IsAPlatformLikeAnyOther) {
    World world;
    world.serve("same", identity({{"x", DType::float32, {-1, 8}}}));
    world.start();
    RemoteEngine remote;
    const Platform platform = parse_platform("grpc://" + world.address);
    const auto runner = remote.load({.name = "same", .bytes = {}, .path = {}, .sha256 = {}}, platform, {});
    ASSERT_EQ(runner->inputs().size(), 1U);
    EXPECT_EQ(runner->inputs()[0], (TensorSpec{"x", DType::float32, {-1, 8}}));
    const std::array<Tensor, 1> inputs{counting(8)};
    const RunResult result = runner->run(inputs);
    EXPECT_TRUE(std::ranges::equal(result.outputs.at(0).bytes(), inputs[0].bytes()));
    EXPECT_TRUE(result.server.has_value());
    const std::array<Tensor, 1> wrong{counting(9)};
    EXPECT_THROW(runner->run(wrong), Error);
    EXPECT_THROW(remote.load({.name = "other", .bytes = {}, .path = {}, .sha256 = {}}, platform, {}), Error);
}

}  // namespace
}  // namespace breakeven
