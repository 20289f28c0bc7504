// Servers that close connections as they like: what was not lost is not noticed, what was lost is told.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <thread>

#include "fakes/raw_server.h"
#include "open_inference.grpc.pb.h"
#include "serve/world.h"

namespace breakeven {
namespace {

using fakes::RawConnection;
using fakes::RawServer;
using fakes::World;

Request bytes_request() {
    return {.model = "same",
            .version = {},
            .id = {},
            .parameters = {},
            .inputs = {{"x", Tensor(DType::uint8, {1000})}},
            .outputs = {}};
}

/// A foreign server whose connections live as short as its channel arguments say.
class Moody final : public inference::GRPCInferenceService::Service {
   public:
    Moody(const char* argument, int milliseconds) {
        grpc::ServerBuilder builder;
        builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
        builder.AddChannelArgument(argument, milliseconds);
        builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 1000);
        builder.RegisterService(this);
        server_ = builder.BuildAndStart();
    }
    ~Moody() override { server_->Shutdown(std::chrono::system_clock::now()); }
    Moody(const Moody&) = delete;
    Moody& operator=(const Moody&) = delete;
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

    grpc::Status ModelInfer(grpc::ServerContext*, const inference::ModelInferRequest* in,
                            inference::ModelInferResponse* out) override {
        auto* output = out->add_outputs();
        output->set_name("y");
        output->set_datatype("UINT8");
        output->add_shape(static_cast<std::int64_t>(in->raw_input_contents(0).size()));
        out->add_raw_output_contents(in->raw_input_contents(0));
        return grpc::Status::OK;
    }

   private:
    int port_ = 0;
    std::unique_ptr<grpc::Server> server_;
};

TEST(Reconnect, AConnectionThatIsClosedWhileIdleCostsNoCall) {
    const Moody server(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 20);
    Client client(server.address());
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(std::holds_alternative<InferReply>(client.infer(bytes_request())));
        ASSERT_TRUE(client.tcp().has_value());
        while (client.tcp()) std::this_thread::yield();  // until the server has hung up
    }
}

TEST(Reconnect, AWindowThatIsHeldOtherwiseIsANewConnectionsAndCostsNoCall) {
    World world;
    world.serve("same", fakes::identity({{"x", DType::uint8, {-1}}}));
    Client& client = world.start();
    ASSERT_TRUE(std::holds_alternative<bool>(client.live()));
    client.hold_window(Transport::warm);
    EXPECT_FALSE(client.tcp().has_value());  // until the next call
    ASSERT_TRUE(std::holds_alternative<bool>(client.live()));
    EXPECT_NE(client.tcp()->congestion_control, "bbr");
    client.hold_window(Transport::warm);  // as it is already
    EXPECT_TRUE(client.tcp().has_value());
}

TEST(Reconnect, ConnectionsThatGrowOldLoseAtMostWhatWasUnderWay) {
    const Moody server(GRPC_ARG_MAX_CONNECTION_AGE_MS, 50);
    Client client(server.address());
    int answered = 0, lost = 0, connections = 0;
    Seconds age{1e9};
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (std::chrono::steady_clock::now() < until) {
        const auto outcome = client.infer(bytes_request());
        ASSERT_FALSE(std::holds_alternative<Late>(outcome));
        ASSERT_FALSE(std::holds_alternative<Refused>(outcome));
        ++(std::holds_alternative<InferReply>(outcome) ? answered : lost);
        const auto facts = client.tcp();
        if (facts && facts->age < age) ++connections;
        age = facts ? facts->age : age;
    }
    EXPECT_GT(connections, 3);
    EXPECT_GT(answered, 10);
    EXPECT_LE(lost, connections);  // at most the one that was under way
}

TEST(Reconnect, AServerThatIsRestartedIsFoundByTheNextCall) {
    World world;
    world.serve("same", fakes::identity({{"x", DType::uint8, {-1}}}));
    Client& client = world.start();
    ASSERT_TRUE(std::holds_alternative<bool>(client.live()));
    for (int i = 0; i < 3; ++i) {
        world.restart();
        EXPECT_TRUE(std::holds_alternative<bool>(client.live()));
    }
}

TEST(Reconnect, AConnectionThatIsResetIsLostAndNotBlamedOnTheServersWord) {
    const RawServer server([](const RawConnection& connection) {
        connection.send(fakes::settings_frame());
        connection.receive(500);
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        setsockopt(connection.socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    });
    Client client(server.address());
    for (int i = 0; i < 3; ++i) {
        const auto outcome = client.infer(bytes_request(), Seconds(5));
        ASSERT_TRUE(std::holds_alternative<Lost>(outcome));
        EXPECT_FALSE(std::get<Lost>(outcome).server_says);
    }
}

TEST(Reconnect, ServersOfOtherProtocolsAreLost) {
    using namespace std::string_literals;
    const std::array talks{
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"s,
        fakes::settings_frame() + fakes::frame(7, 0, 0, "\0\0\0\0\0\0\0\x0d"s),  // GOAWAY, HTTP/1.1 required
        fakes::settings_frame() + fakes::response_headers(1) +
            fakes::frame(3, 0, 1, "\0\0\0\x0d"s),  // the stream alone
    };
    for (const std::string& talk : talks) {
        const RawServer server([&](const RawConnection& connection) {
            connection.receive(300);
            connection.send(talk);
        });
        Client client(server.address());
        const auto outcome = client.infer(bytes_request(), Seconds(2));
        EXPECT_FALSE(std::holds_alternative<InferReply>(outcome));
        EXPECT_FALSE(std::holds_alternative<Late>(outcome));
    }
}

}  // namespace
}  // namespace breakeven
