// The server as clients meet it over the loopback, with an engine in memory: our own client, and gRPC's generated
// stubs.
#include "breakeven/serve/server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

#include <array>
#include <latch>
#include <numeric>
#include <thread>

#include "breakeven/wire/probe.h"
#include "breakeven/wire/remote.h"
#include "health.grpc.pb.h"
#include "open_inference.grpc.pb.h"
#include "serve/folder.h"
#include "serve/world.h"

namespace breakeven {
namespace {

using fakes::identity;
using fakes::Script;
using fakes::World;
using inference::GRPCInferenceService;

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

/// The generated stub and a world with one float32 model "same" of shape [-1, 4].
struct Foreign {
    explicit Foreign(ServerOptions options = ServerOptions()) : world(std::move(options)) {
        world.serve("same", identity({{"x", DType::float32, {-1, 4}}}));
        world.start();
        channel = grpc::CreateChannel(world.address, grpc::InsecureChannelCredentials());
        stub = GRPCInferenceService::NewStub(channel);
    }
    inference::ModelInferRequest good() const {
        inference::ModelInferRequest request;
        request.set_model_name("same");
        auto* input = request.add_inputs();
        input->set_name("x");
        input->set_datatype("FP32");
        input->add_shape(1);
        input->add_shape(4);
        request.add_raw_input_contents(std::string(16, '\1'));
        return request;
    }
    grpc::Status infer(const inference::ModelInferRequest& request) {
        grpc::ClientContext context;
        return stub->ModelInfer(&context, request, &reply);
    }
    /// "INVALID_ARGUMENT: reason", as numbers and text.
    std::string status(const inference::ModelInferRequest& request) {
        const grpc::Status status = infer(request);
        return std::to_string(status.error_code()) + " " + status.error_message();
    }
    World world;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<GRPCInferenceService::Stub> stub;
    inference::ModelInferResponse reply;
};

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

TEST(Server, DescribesItsModelsAsClientsNeedIt) {
    Foreign foreign;
    foreign.world.serve("fixed", identity({{"x", DType::int64, {2, -1}}}));
    grpc::ClientContext one, two, three;
    inference::ModelMetadataRequest which;
    which.set_name("same");
    inference::ModelMetadataResponse metadata;
    ASSERT_TRUE(foreign.stub->ModelMetadata(&one, which, &metadata).ok());
    EXPECT_EQ(metadata.platform(), "onnx_onnxv1");
    EXPECT_EQ(metadata.versions(0), "1");
    EXPECT_EQ(metadata.inputs(0).shape(0), -1);
    EXPECT_EQ(metadata.inputs(0).datatype(), "FP32");
    inference::ModelConfigRequest config_of;
    config_of.set_name("same");
    inference::ModelConfigResponse config;
    ASSERT_TRUE(foreign.stub->ModelConfig(&two, config_of, &config).ok());
    EXPECT_GT(config.config().max_batch_size(), 0);
    ASSERT_EQ(config.config().input(0).dims_size(), 1);
    EXPECT_EQ(config.config().input(0).dims(0), 4);
    EXPECT_EQ(config.config().input(0).data_type(), inference::TYPE_FP32);
    config_of.set_name("fixed");
    ASSERT_TRUE(foreign.stub->ModelConfig(&three, config_of, &config).ok());
    EXPECT_EQ(config.config().max_batch_size(), 0);
    EXPECT_EQ(config.config().input(0).dims_size(), 2);
}

TEST(Server, CountsWhatItDid) {
    Foreign foreign;
    inference::ModelInferRequest batch = foreign.good();
    batch.mutable_inputs(0)->set_shape(0, 3);
    batch.set_raw_input_contents(0, std::string(48, '\1'));
    ASSERT_TRUE(foreign.infer(foreign.good()).ok());
    ASSERT_TRUE(foreign.infer(batch).ok());
    batch.set_raw_input_contents(0, "wrong");
    ASSERT_FALSE(foreign.infer(batch).ok());
    grpc::ClientContext context;
    inference::ModelStatisticsRequest request;
    inference::ModelStatisticsResponse statistics;
    ASSERT_TRUE(foreign.stub->ModelStatistics(&context, request, &statistics).ok());
    ASSERT_EQ(statistics.model_stats_size(), 1);
    const inference::ModelStatistics& model = statistics.model_stats(0);
    EXPECT_EQ(model.version(), "1");
    EXPECT_EQ(model.inference_count(), 4U);
    EXPECT_EQ(model.execution_count(), 2U);
    EXPECT_EQ(model.inference_stats().success().count(), 2U);
    EXPECT_EQ(model.inference_stats().queue().count(), 2U);
    EXPECT_EQ(model.inference_stats().fail().count(), 1U);
    EXPECT_GT(model.last_inference(), 1'600'000'000'000U);
    ASSERT_EQ(model.batch_stats_size(), 2);
    EXPECT_EQ(model.batch_stats(1).batch_size(), 3U);
}

TEST(Server, ReflectionListsItsServices) {
    Foreign foreign;
    grpc::ClientContext context;
    const grpc::internal::RpcMethod method("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                           grpc::internal::RpcMethod::BIDI_STREAMING);
    const std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
        grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(foreign.channel.get(),
                                                                                              method, &context));
    const grpc::Slice list_services("\x3a\x01*");  // ServerReflectionRequest.list_services = 7
    ASSERT_TRUE(stream->Write(grpc::ByteBuffer(&list_services, 1)));
    grpc::ByteBuffer answer;
    ASSERT_TRUE(stream->Read(&answer));
    grpc::Slice bytes;
    ASSERT_TRUE(answer.DumpToSingleSlice(&bytes).ok());
    const std::string text(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
    EXPECT_NE(text.find("inference.GRPCInferenceService"), std::string::npos);
    EXPECT_NE(text.find("grpc.health.v1.Health"), std::string::npos);
    stream->WritesDone();
}

TEST(Server, StandardHealthIsThere) {
    Foreign foreign;
    const auto health = grpc::health::v1::Health::NewStub(foreign.channel);
    grpc::ClientContext one, two, three;
    grpc::health::v1::HealthCheckRequest request;
    grpc::health::v1::HealthCheckResponse response;
    ASSERT_TRUE(health->Check(&one, request, &response).ok());
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
    request.set_service("inference.GRPCInferenceService");
    ASSERT_TRUE(health->Check(&two, request, &response).ok());
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
    request.set_service("other");
    EXPECT_EQ(health->Check(&three, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(Server, AWatcherIsToldWhenItStops) {
    Foreign foreign;
    const auto health = grpc::health::v1::Health::NewStub(foreign.channel);
    grpc::ClientContext context;
    const auto watch = health->Watch(&context, {});
    grpc::health::v1::HealthCheckResponse response;
    ASSERT_TRUE(watch->Read(&response));
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
    foreign.world.server->stop();
    ASSERT_TRUE(watch->Read(&response));
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
}

TEST(Server, LoadingNeedsPermission) {
    Foreign foreign;
    grpc::ClientContext one, two;
    inference::RepositoryModelLoadRequest load;
    inference::RepositoryModelLoadResponse loaded;
    load.set_model_name("same");
    EXPECT_EQ(foreign.stub->RepositoryModelLoad(&one, load, &loaded).error_code(), grpc::StatusCode::UNAVAILABLE);
    inference::RepositoryModelUnloadRequest unload;
    inference::RepositoryModelUnloadResponse unloaded;
    unload.set_model_name("same");
    EXPECT_EQ(foreign.stub->RepositoryModelUnload(&two, unload, &unloaded).error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_TRUE(foreign.infer(foreign.good()).ok());
}

TEST(Server, LoadsAndUnloadsWhereAllowed) {
    ServerOptions options;
    options.load_requests = LoadRequests::allowed;
    Foreign foreign(options);
    const fakes::Folder folder;
    folder.write("same.onnx");
    foreign.world.server->load_repository(folder.path);
    const auto load = [&](const std::function<void(inference::RepositoryModelLoadRequest&)>& change) {
        grpc::ClientContext context;
        inference::RepositoryModelLoadRequest request;
        request.set_model_name("same");
        change(request);
        inference::RepositoryModelLoadResponse response;
        return foreign.stub->RepositoryModelLoad(&context, request, &response).error_code();
    };
    grpc::ClientContext context;
    inference::RepositoryModelUnloadRequest request;
    request.set_model_name("same");
    inference::RepositoryModelUnloadResponse response;
    ASSERT_TRUE(foreign.stub->RepositoryModelUnload(&context, request, &response).ok());
    EXPECT_EQ(foreign.status(foreign.good()), "14 model 'same' is not ready: unloaded");
    EXPECT_EQ(load([](auto& r) { (*r.mutable_parameters())["file:1/model.onnx"].set_bytes_param("x"); }),
              grpc::StatusCode::UNIMPLEMENTED);
    EXPECT_EQ(load([](auto& r) { r.set_model_name("../same"); }), grpc::StatusCode::NOT_FOUND);
    EXPECT_EQ(load([](auto&) {}), grpc::StatusCode::OK);
    EXPECT_TRUE(foreign.infer(foreign.good()).ok());
}

TEST(Server, AStreamStaysOpenAfterAnError) {
    Foreign foreign;
    grpc::ClientContext context;
    const auto stream = foreign.stub->ModelStreamInfer(&context);
    inference::ModelStreamInferResponse response;
    inference::ModelInferRequest unknown = foreign.good();
    unknown.set_model_name("other");
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(stream->Write(foreign.good()));
        ASSERT_TRUE(stream->Read(&response));
        EXPECT_EQ(response.error_message(), "");
        EXPECT_EQ(response.infer_response().raw_output_contents(0), std::string(16, '\1'));
        EXPECT_TRUE(response.infer_response().parameters().at("triton_final_response").bool_param());
        ASSERT_TRUE(stream->Write(unknown));
        ASSERT_TRUE(stream->Read(&response));
        EXPECT_EQ(response.error_message(), "Request for unknown model: 'other' is not found");
    }
    stream->WritesDone();
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_TRUE(stream->Finish().ok());
}

TEST(Server, AStreamEndsWithAStatusWhereTheClientAsksForIt) {
    Foreign foreign;
    grpc::ClientContext context;
    context.AddMetadata("triton_grpc_error", "true");
    const auto stream = foreign.stub->ModelStreamInfer(&context);
    inference::ModelInferRequest unknown = foreign.good();
    unknown.set_model_name("other");
    ASSERT_TRUE(stream->Write(unknown));
    inference::ModelStreamInferResponse response;
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
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

TEST(Probe, GivesARateOrTheReasonForEachDirection) {
    World world;
    Client& client = world.start();
    const LinkProbe probe = probe_link(client, world.clock, {.time = Seconds(4), .call_max = Bytes(4 << 20)});
    EXPECT_GT(probe.round_trip, Seconds(0));
    EXPECT_GT(probe.connect, Seconds(0));
    // Loopback on a busy machine can be too fast to time: then it says so. Figures: tests/contract/emulated_probe.py.
    EXPECT_EQ(probe.up.rate.has_value(), probe.up.reason.empty());
    EXPECT_EQ(probe.down.rate.has_value(), probe.down.reason.empty());
    EXPECT_EQ(probe.server, "breakeven 0");
}

TEST(Probe, ItsModelIsBounded) {
    World world;
    Client& client = world.start();
    const std::array<std::int64_t, 1> wanted{std::int64_t{1} << 40};
    Request request{.model = "breakeven.probe",
                    .version = {},
                    .id = {},
                    .parameters = {},
                    .inputs = {{"payload", Tensor(DType::uint8, {0})},
                               {"reply_bytes", Tensor::of<std::int64_t>(DType::int64, {1}, wanted)}},
                    .outputs = {}};
    EXPECT_EQ(refusal(client.infer(request)), "reply_bytes is 1099511627776, it must be 0 to 16777216");
}

}  // namespace
}  // namespace breakeven
