// The client against servers that fail it: each call ends in time and says what happened.
#include "breakeven/wire/client.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <gtest/gtest.h>

#include <chrono>
#include <mutex>

#include "breakeven/wire/remote.h"
#include "fakes/raw_server.h"
#include "open_inference.grpc.pb.h"

namespace breakeven {
namespace {

using fakes::RawConnection;
using fakes::RawServer;

constexpr Seconds soon{0.3};

ClientOptions impatient() {
    return {.connect_timeout = soon, .call_timeout = soon, .message_max = Bytes(1 << 20), .congestion_control = {}};
}

Request small_request() {
    return {.model = "m",
            .version = {},
            .id = {},
            .parameters = {},
            .inputs = {{"x", Tensor(DType::uint8, {8})}},
            .outputs = {}};
}

/// What the call came to: "answer", "refused", "lost" or "late".
template <class T>
std::string_view outcome_of(const Outcome<T>& outcome) {
    constexpr std::array<std::string_view, 4> names{"answer", "refused", "lost", "late"};
    return names[outcome.index()];
}

/// Ends a connection's script only when the client has hung up.
void wait_for_hangup(const RawConnection& connection) {
    connection.receive(SIZE_MAX);
}

TEST(Client, AServerThatIsNotThereIsLost) {
    Client client("127.0.0.1:1");
    const auto outcome = client.infer(small_request());
    ASSERT_EQ(outcome_of(outcome), "lost");
    EXPECT_NE(std::get<Lost>(outcome).reason.find("onnect"), std::string::npos) << std::get<Lost>(outcome).reason;
    EXPECT_EQ(outcome_of(client.live()), "lost");
}

TEST(Client, ANameThatNobodyKnowsIsLost) {
    Client client("no-such-host.invalid:8001", impatient());
    EXPECT_NE(outcome_of(client.live()), "answer");
}

TEST(Client, AServerThatAcceptsAndSaysNothingIsGivenUpInTime) {
    const RawServer server(wait_for_hangup);
    Client client(server.address(), impatient());
    const auto start = std::chrono::steady_clock::now();
    const auto outcome = client.infer(small_request());
    EXPECT_TRUE(outcome_of(outcome) == "late" || outcome_of(outcome) == "lost");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Client, AServerThatGreetsAndNeverAnswersIsLate) {
    const RawServer server([](const RawConnection& connection) {
        connection.send(fakes::settings_frame());
        wait_for_hangup(connection);
    });
    Client client(server.address(), impatient());
    EXPECT_EQ(outcome_of(client.infer(small_request())), "late");
}

TEST(Client, AShorterLimitEndsACallSooner) {
    const RawServer server([](const RawConnection& connection) {
        connection.send(fakes::settings_frame());
        wait_for_hangup(connection);
    });
    Client client(server.address());
    const auto outcome = client.infer(small_request(), Seconds(0.05));
    ASSERT_EQ(outcome_of(outcome), "late");
    EXPECT_EQ(std::get<Late>(outcome).limit, Seconds(0.05));
}

TEST(Client, AServerThatTalksGarbageIsLost) {
    for (const std::string& garbage :
         {std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string(4096, '\xff'), std::string()}) {
        const RawServer server([&](const RawConnection& connection) { connection.send(garbage); });
        Client client(server.address(), impatient());
        const auto outcome = client.infer(small_request());
        EXPECT_TRUE(outcome_of(outcome) == "lost" || outcome_of(outcome) == "late") << outcome_of(outcome);
    }
}

/// Answers the first call with `data` as the body, then hangs up.
RawServer::Script answering(const std::string& data) {
    return [data](const RawConnection& connection) {
        connection.send(fakes::settings_frame());
        connection.receive(150);  // preface, settings and the call's headers
        connection.send(fakes::response_headers(1) + fakes::frame(0, 0, 1, data));
    };
}

TEST(Client, AReplyThatBreaksOffIsLost) {
    using namespace std::string_literals;
    const RawServer server(answering("\0\0\0\0\x64 only a part"s));
    Client client(server.address(), impatient());
    const auto outcome = client.infer(small_request());
    EXPECT_TRUE(outcome_of(outcome) == "lost" || outcome_of(outcome) == "late") << outcome_of(outcome);
}

TEST(Client, AReplyThatClaimsTwoGigabytesIsNotTaken) {
    using namespace std::string_literals;
    const RawServer server(answering("\0\x7f\xff\xff\xff and so on"s));
    Client client(server.address(), impatient());
    EXPECT_NE(outcome_of(client.infer(small_request())), "answer");
}

/// A foreign server: answers whatever the test says, through protobuf.
class ForeignServer final : public inference::GRPCInferenceService::Service {
   public:
    /// What it answers. Taken and given whole, under a lock: calls arrive on the server's threads.
    struct Answers {
        inference::ModelInferResponse reply;
        grpc::Status status = grpc::Status::OK;
        inference::ModelMetadataResponse metadata;
    };
    void answer_with(Answers answers) {
        const std::scoped_lock lock(mutex_);
        answers_ = std::move(answers);
    }

    ForeignServer() {
        grpc::ServerBuilder builder;
        int port = 0;
        builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
        builder.RegisterService(this);
        server_ = builder.BuildAndStart();
        address_ = "127.0.0.1:" + std::to_string(port);
    }
    const std::string& address() const { return address_; }
    ~ForeignServer() override { server_->Shutdown(std::chrono::system_clock::now()); }
    ForeignServer(const ForeignServer&) = delete;
    ForeignServer& operator=(const ForeignServer&) = delete;

    grpc::Status ModelInfer(grpc::ServerContext*, const inference::ModelInferRequest*,
                            inference::ModelInferResponse* out) override {
        const std::scoped_lock lock(mutex_);
        *out = answers_.reply;
        return answers_.status;
    }
    grpc::Status ModelMetadata(grpc::ServerContext*, const inference::ModelMetadataRequest*,
                               inference::ModelMetadataResponse* out) override {
        const std::scoped_lock lock(mutex_);
        *out = answers_.metadata;
        return grpc::Status::OK;
    }

   private:
    std::mutex mutex_;
    Answers answers_;
    std::unique_ptr<grpc::Server> server_;
    std::string address_;
};

inference::ModelInferResponse::InferOutputTensor* add_output(inference::ModelInferResponse& reply, const char* name,
                                                             const char* datatype, std::int64_t elements) {
    auto* output = reply.add_outputs();
    output->set_name(name);
    output->set_datatype(datatype);
    output->add_shape(elements);
    return output;
}

TEST(Client, TypedRepliesAreUnderstood) {
    ForeignServer server;
    ForeignServer::Answers answers;
    auto* output = add_output(answers.reply, "y", "FP32", 2);
    output->mutable_contents()->add_fp32_contents(1.5F);
    output->mutable_contents()->add_fp32_contents(-2.0F);
    server.answer_with(answers);
    Client client(server.address());
    const auto outcome = client.infer(small_request());
    ASSERT_EQ(outcome_of(outcome), "answer");
    const auto& reply = std::get<InferReply>(outcome);
    EXPECT_EQ(reply.outputs.at(0).tensor.as<float>()[1], -2.0F);
    EXPECT_FALSE(reply.times.has_value());
}

TEST(Client, RepliesThatContradictThemselvesAreLost) {
    ForeignServer server;
    Client client(server.address());
    ForeignServer::Answers too_short, unknown, huge;
    add_output(too_short.reply, "y", "FP32", 2);
    too_short.reply.add_raw_output_contents("123");
    add_output(unknown.reply, "y", "FP99", 2);
    unknown.reply.add_raw_output_contents("12345678");
    add_output(huge.reply, "y", "INT64", std::int64_t{1} << 50)->mutable_contents()->add_int64_contents(1);
    for (const ForeignServer::Answers& answers : {too_short, unknown, huge}) {
        server.answer_with(answers);
        EXPECT_EQ(outcome_of(client.infer(small_request())), "lost");
    }
}

TEST(Client, ReplyLongerThanTheLimitIsRefused) {
    ForeignServer server;
    ForeignServer::Answers answers;
    add_output(answers.reply, "y", "UINT8", 2 << 20);
    answers.reply.add_raw_output_contents(std::string(2 << 20, 'x'));
    server.answer_with(answers);
    Client client(server.address(), {.connect_timeout = Seconds(5),
                                     .call_timeout = Seconds(5),
                                     .message_max = Bytes(1 << 20),
                                     .congestion_control = {}});
    EXPECT_EQ(outcome_of(client.infer(small_request())), "refused");
}

TEST(Client, AStatusBecomesWhatTheCallerCanDoAboutIt) {
    ForeignServer server;
    Client client(server.address());
    const auto outcome_for = [&](grpc::StatusCode code) {
        server.answer_with({.reply = {}, .status = {code, "because"}, .metadata = {}});
        return client.infer(small_request());
    };
    const auto kind_for = [&](grpc::StatusCode code) { return std::get<Refused>(outcome_for(code)).kind; };
    EXPECT_EQ(kind_for(grpc::StatusCode::INVALID_ARGUMENT), ErrorKind::input);
    EXPECT_EQ(kind_for(grpc::StatusCode::NOT_FOUND), ErrorKind::input);
    EXPECT_EQ(kind_for(grpc::StatusCode::UNIMPLEMENTED), ErrorKind::unsupported);
    EXPECT_EQ(kind_for(grpc::StatusCode::RESOURCE_EXHAUSTED), ErrorKind::unavailable);
    EXPECT_EQ(kind_for(grpc::StatusCode::INTERNAL), ErrorKind::unavailable);
    EXPECT_EQ(outcome_of(outcome_for(grpc::StatusCode::UNAVAILABLE)), "lost");
    EXPECT_EQ(std::get<Lost>(outcome_for(grpc::StatusCode::UNAVAILABLE)).reason, "because");
}

TEST(RemoteEngine, AReplyWithoutAnOutputIsNoResult) {
    ForeignServer server;
    ForeignServer::Answers answers;
    auto* output = answers.metadata.add_outputs();
    output->set_name("y");
    output->set_datatype("FP32");
    server.answer_with(answers);
    RemoteEngine engine;
    const auto runner = engine.load({.name = "m", .bytes = {}, .path = {}, .sha256 = {}},
                                    parse_platform("grpc://" + server.address()), {});
    try {
        (void)runner->run({});
        FAIL() << "a result came back";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unavailable);
        EXPECT_EQ(std::string(error.what()),
                  "run 'm' on grpc://" + server.address() + ": the server's reply lacks output 'y' as float32");
    }
}

TEST(RemoteEngine, ThrowsUnavailableWithoutAServer) {
    RemoteEngine engine(impatient());
    try {
        (void)engine.load({.name = "m", .bytes = {}, .path = {}, .sha256 = {}}, parse_platform("grpc://127.0.0.1:1"),
                          {});
        FAIL() << "it loaded";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    }
}

TEST(RemoteEngine, OneAddressIsOneConnection) {
    RemoteEngine engine;
    EXPECT_EQ(engine.client("127.0.0.1:1"), engine.client("127.0.0.1:1"));
    EXPECT_NE(engine.client("127.0.0.1:1"), engine.client("127.0.0.1:2"));
}

TEST(Client, MakesItsOwnTcpConnectionToTimeIt) {
    const RawServer server(wait_for_hangup);
    Client there(server.address());
    EXPECT_EQ(outcome_of(there.connect_time()), "answer");
    Client absent("127.0.0.1:1");
    EXPECT_EQ(outcome_of(absent.connect_time()), "lost");
}

}  // namespace
}  // namespace breakeven
