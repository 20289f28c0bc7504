// The server as clients meet it over the loopback, with an engine in memory: inferences, and what is refused.
#include "breakeven/serve/server.h"

#include <gtest/gtest.h>

#include <array>
#include <latch>
#include <thread>

#include "breakeven/wire/remote.h"
#include "serve/foreign.h"

namespace breakeven {
namespace {

using fakes::counting;
using fakes::Foreign;
using fakes::identity;
using fakes::refusal;
using fakes::request_for;
using fakes::Script;
using fakes::World;
using inference::GRPCInferenceService;

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

TEST(Server, EchoesTheIdAndAnswersRawWhateverTheRequest) {
    Foreign foreign;
    inference::ModelInferRequest request = foreign.good();
    request.set_id("an id");
    request.clear_raw_input_contents();
    for (const float value : {1.0F, 2.0F, 3.0F, 4.0F}) {
        request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(value);
    }
    ASSERT_TRUE(foreign.infer(request).ok());
    EXPECT_EQ(foreign.reply.id(), "an id");
    EXPECT_EQ(foreign.reply.model_name(), "same");
    EXPECT_EQ(foreign.reply.model_version(), "1");
    ASSERT_EQ(foreign.reply.raw_output_contents_size(), 1);
    EXPECT_FALSE(foreign.reply.outputs(0).has_contents());
    EXPECT_EQ(foreign.reply.raw_output_contents(0), std::string("\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40", 16));
    EXPECT_GE(foreign.reply.parameters().at("breakeven_queue_ns").int64_param(), 0);
    EXPECT_GE(foreign.reply.parameters().at("breakeven_compute_ns").int64_param(), 0);
}

TEST(Server, RefusesWithTheRightStatusAndOneLine) {
    Foreign foreign;
    using Request = inference::ModelInferRequest;
    const auto with = [&](const std::function<void(Request&)>& change) {
        Request request = foreign.good();
        change(request);
        return foreign.status(request);
    };
    EXPECT_EQ(with([](Request&) {}), "0 ");
    EXPECT_EQ(with([](Request& r) { r.set_model_name("other"); }), "5 Request for unknown model: 'other' is not found");
    EXPECT_EQ(with([](Request& r) { r.set_model_version("9"); }),
              "5 Request for unknown model: 'same' version 9 is not found");
    EXPECT_EQ(with([](Request& r) { r.set_model_version("newest"); }), "3 model version 'newest' is not a number");
    EXPECT_EQ(with([](Request& r) { r.mutable_inputs(0)->set_datatype("INT32"); }),
              "3 input 'x' has datatype 'INT32', model 'same' expects FP32");
    EXPECT_EQ(with([](Request& r) { r.mutable_inputs(0)->set_shape(1, 5); }),
              "3 input 'x' has shape [1, 5], model 'same' expects [?, 4]");
    EXPECT_EQ(with([](Request& r) { r.mutable_inputs(0)->set_shape(0, -1); }),
              "3 input 'x' has shape [?, 4], model 'same' expects [?, 4]");
    EXPECT_EQ(with([](Request& r) { r.mutable_inputs(0)->set_name("z"); }),
              "3 unexpected inference input 'z' for model 'same'");
    EXPECT_EQ(with([](Request& r) { r.clear_inputs(); }), "3 expected 1 inputs but got 0 inputs for model 'same'");
    EXPECT_EQ(with([](Request& r) { r.set_raw_input_contents(0, "short"); }),
              "3 tensor 'x': FP32 of shape [1, 4] has 16 bytes, its raw contents have 5");
    EXPECT_EQ(with([](Request& r) { r.clear_raw_input_contents(); }), "3 unable to find data for input tensor 'x'");
    EXPECT_EQ(with([](Request& r) { r.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1); }),
              "3 tensor 'x': contents field must not be specified when using raw contents");
    EXPECT_EQ(with([](Request& r) { r.add_outputs()->set_name("nothing"); }),
              "3 unexpected inference output 'nothing' for model 'same'");
    EXPECT_EQ(with([](Request& r) { r.mutable_inputs(0)->set_shape(0, std::int64_t{1} << 62); }),
              "3 tensor 'x': shape [4611686018427387904, 4] is open, negative or too large");
    EXPECT_EQ(with([](Request&) {}), "0 ");
}

TEST(Server, AnswersTheOutputsThatWereRequested) {
    World world;
    world.serve("two", identity({{"a", DType::uint8, {1}}, {"b", DType::uint8, {1}}}));
    Client& client = world.start();
    Request request{.model = "two",
                    .version = {},
                    .id = {},
                    .parameters = {},
                    .inputs = {{"b", Tensor(DType::uint8, {1})}, {"a", Tensor(DType::uint8, {1})}},
                    .outputs = {"b_out"}};
    request.inputs[0].tensor.mutable_bytes()[0] = std::byte{2};
    const auto outcome = client.infer(request);
    const auto& reply = std::get<InferReply>(outcome);
    ASSERT_EQ(reply.outputs.size(), 1U);
    EXPECT_EQ(reply.outputs[0].name, "b_out");
    EXPECT_EQ(reply.outputs[0].tensor.bytes()[0], std::byte{2});
}

TEST(Server, MessageOverTheLimitIsRefusedAndTheServerLivesOn) {
    ServerOptions options;
    options.message_max = Bytes(1 << 20);
    World world(options);
    world.serve("same", identity({{"x", DType::uint8, {-1}}}));
    Client& client = world.start();
    for (const std::int64_t size : {(1 << 20) + 1, 64 << 20}) {
        const auto outcome = client.infer(request_for("same", Tensor(DType::uint8, {size})));
        const auto* refused = std::get_if<Refused>(&outcome);
        ASSERT_NE(refused, nullptr);
        EXPECT_EQ(refused->kind, ErrorKind::unavailable);
        EXPECT_NE(refused->reason.find("larger than max"), std::string::npos) << refused->reason;
    }
    EXPECT_EQ(refusal(client.infer(request_for("same", Tensor(DType::uint8, {1000})))), "not refused");
    EXPECT_EQ(world.engine.runs, 1);
}

TEST(Server, AnEngineThatFailsIsTheModelsErrorNotTheServersEnd) {
    World world;
    int calls = 0;
    world.serve("bad", {.inputs = {{"x", DType::uint8, {-1}}},
                        .outputs = {{"y", DType::uint8, {-1}}},
                        .run = [&](std::span<const Tensor>) -> std::vector<Tensor> {
                            switch (calls++) {
                                case 0: throw Error(ErrorKind::input, "run 'bad'", "it does not like this");
                                case 1: throw std::bad_alloc();
                                case 2: throw std::runtime_error("engine\nbroke");
                                default: return {};  // an output too few: our own assertion
                            }
                        }});
    Client& client = world.start();
    const Request request = request_for("bad", Tensor(DType::uint8, {1}));
    EXPECT_EQ(refusal(client.infer(request)), "run 'bad': it does not like this");
    EXPECT_EQ(refusal(client.infer(request)), "this request needs more memory than there is");
    EXPECT_EQ(refusal(client.infer(request)), "answer the request: engine broke");
    EXPECT_NE(refusal(client.infer(request)).find("does not hold"), std::string::npos);
    EXPECT_TRUE(std::holds_alternative<bool>(client.live()));
}

/// A model whose runs end when the test lets them.
struct Gate {
    std::latch entered{1};
    std::latch open{1};
    Script script() {
        return {.inputs = {{"x", DType::uint8, {-1}}},
                .outputs = {{"y", DType::uint8, {-1}}},
                .run = [this](std::span<const Tensor> inputs) {
                    entered.count_down();
                    open.wait();
                    return std::vector<Tensor>{inputs[0]};
                }};
    }
};

TEST(Server, StoppingFinishesWhatItTookAndRefusesTheRest) {
    World world;
    Gate gate;
    world.serve("slow", gate.script());
    Client& client = world.start();
    std::string first = "none";
    std::jthread request([&] { first = refusal(client.infer(request_for("slow", Tensor(DType::uint8, {1})))); });
    gate.entered.wait();
    std::jthread stopping([&] { world.server->stop(); });
    // Refused from the moment stop() has begun: until then calls are answered.
    Client other(world.address, {.connect_timeout = Seconds(1),
                                 .call_timeout = Seconds(1),
                                 .message_max = Bytes(1 << 20),
                                 .congestion_control = {}});
    while (std::holds_alternative<bool>(other.live())) std::this_thread::yield();
    gate.open.count_down();
    request.join();
    EXPECT_EQ(first, "not refused");
    stopping.join();
    EXPECT_TRUE(std::holds_alternative<Lost>(client.infer(request_for("slow", Tensor(DType::uint8, {1})))));
}

TEST(Server, ALongInferenceDoesNotKeepOthersWaiting) {
    ServerOptions options;
    options.admission = {.running = 1, .waiting = 0};
    World world(options);
    Gate gate;
    world.serve("slow", gate.script());
    Client& client = world.start();
    std::jthread request([&] { (void)client.infer(request_for("slow", Tensor(DType::uint8, {1}))); });
    gate.entered.wait();
    EXPECT_TRUE(std::holds_alternative<bool>(client.live()));
    EXPECT_TRUE(std::holds_alternative<ModelDescription>(client.describe_model("slow")));
    const auto outcome = client.infer(request_for("slow", Tensor(DType::uint8, {1})));
    const auto* lost = std::get_if<Lost>(&outcome);
    ASSERT_NE(lost, nullptr);
    EXPECT_EQ(lost->reason, "the server is busy: too many requests wait already, try later");
    gate.open.count_down();
}

TEST(Server, WorkThatNobodyWaitsForIsNotStarted) {
    ServerOptions options;
    options.admission = {.running = 1, .waiting = 4};
    World world(options);
    Gate gate;
    world.serve("slow", gate.script());
    Client& client = world.start();
    std::jthread request([&] { (void)client.infer(request_for("slow", Tensor(DType::uint8, {1}))); });
    gate.entered.wait();
    const auto late = client.infer(request_for("slow", Tensor(DType::uint8, {1})), Seconds(0.05));
    EXPECT_FALSE(std::holds_alternative<InferReply>(late));
    // The server's own view of the deadline is a little later: it has given up when it counts a failure.
    const auto stub =
        GRPCInferenceService::NewStub(grpc::CreateChannel(world.address, grpc::InsecureChannelCredentials()));
    inference::ModelStatisticsResponse statistics;
    do {
        grpc::ClientContext context;
        ASSERT_TRUE(stub->ModelStatistics(&context, {}, &statistics).ok());
    } while (statistics.model_stats(0).inference_stats().fail().count() == 0);
    gate.open.count_down();
    request.join();
    EXPECT_FALSE(std::holds_alternative<Late>(client.infer(request_for("slow", Tensor(DType::uint8, {1})))));
    EXPECT_EQ(world.engine.runs, 2);
}

TEST(Server, ManyAtOnceGetTheirOwnAnswers) {
    World world;
    world.serve("same", identity({{"x", DType::float32, {-1, -1}}}));
    world.start();
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            Client client(world.address);
            for (int call = 0; call < 50; ++call) {
                Tensor sent = counting(1 + (i * 50 + call) * 37);
                sent.mutable_as<float>()[0] = static_cast<float>(i);
                const auto outcome = client.infer(request_for("same", sent));
                const auto* reply = std::get_if<InferReply>(&outcome);
                ASSERT_NE(reply, nullptr) << refusal(outcome);
                ASSERT_TRUE(std::ranges::equal(reply->outputs.at(0).tensor.bytes(), sent.bytes()));
            }
        });
    }
}

TEST(Server, ASecondServerCannotTakeTheAddress) {
    World world;
    world.start();
    ServerOptions options;
    options.listen = world.address;
    Server second(
        world.engine, [](const std::filesystem::path&) { return ModelImage(); }, world.clock, options);
    EXPECT_THROW(second.start(), Error);
    options.listen = "nonsense";
    Server third(
        world.engine, [](const std::filesystem::path&) { return ModelImage(); }, world.clock, options);
    EXPECT_THROW(third.start(), Error);
}

}  // namespace
}  // namespace breakeven
