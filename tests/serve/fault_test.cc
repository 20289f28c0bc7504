// What goes wrong around a server: it is killed in the middle of a request, and it is talked to by who does not speak
// its language.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>

#include "breakeven/wire/deployed_runner.h"
#include "fakes/raw_server.h"
#include "serve/deploying.h"
#include "serve/world.h"

extern char** environ;

namespace breakeven {
namespace {

using fakes::World;

Request bytes_request(const std::string& model, std::int64_t size) {
    return {.model = model,
            .version = {},
            .id = {},
            .parameters = {},
            .inputs = {{"x", Tensor(DType::uint8, {size})}},
            .outputs = {}};
}

/// Not a test: the server process that the tests below start and kill. Its model says when it runs, and never ends.
TEST(DISABLED_Child, ServesUntilKilled) {
    World world;
    world.serve("endless", {.inputs = {{"x", DType::uint8, {-1}}},
                            .outputs = {{"y", DType::uint8, {-1}}},
                            .run = [](std::span<const Tensor>) -> std::vector<Tensor> {
                                std::puts("running");
                                std::fflush(stdout);
                                for (;;) pause();
                            }});
    world.start();
    std::printf("address %s\n", world.address.c_str());
    std::fflush(stdout);
    for (;;) pause();
}

/// Not a test either: takes networks at the address that the environment names.
TEST(DISABLED_Child, TakesNetworksUntilKilled) {
    ServerOptions options = fakes::allowing();
    options.listen = std::getenv("BREAKEVEN_TEST_LISTEN");
    options.repository.sent_loader = World::sent_model;
    World world;  // for its engine
    world.engine.scripts["twice"] = fakes::times(2);
    Server server(
        world.engine, [](const std::filesystem::path&) { return ModelImage(); }, world.clock, options);
    std::printf("address %s\n", server.start().c_str());
    std::fflush(stdout);
    for (;;) pause();
}

/// A server in a process of its own.
class Child {
   public:
    explicit Child(const std::string& test = "ServesUntilKilled") {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        std::array<std::string, 3> words{"serve_tests", "--gtest_filter=DISABLED_Child." + test,
                                         "--gtest_also_run_disabled_tests"};
        std::array<char*, 4> arguments{words[0].data(), words[1].data(), words[2].data(), nullptr};
        if (posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments.data(), environ) != 0) std::abort();
        posix_spawn_file_actions_destroy(&actions);
        close(ends[1]);
        out_ = fdopen(ends[0], "r");
    }
    ~Child() {
        kill();
        std::fclose(out_);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// What follows `word` on the first line that begins with it.
    std::string line_after(const std::string& word) {
        std::array<char, 256> line{};
        while (std::fgets(line.data(), line.size(), out_) != nullptr) {
            const std::string text(line.data());
            if (text.starts_with(word)) return text.substr(word.size(), text.find('\n') - word.size());
        }
        ADD_FAILURE() << "the server ended before it said " << word;
        return {};
    }
    void kill() {
        if (pid_ == 0) return;
        ::kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

   private:
    pid_t pid_ = 0;
    FILE* out_ = nullptr;
};

TEST(Fault, AServerKilledInTheMiddleOfARequestIsLost) {
    Child child;
    Client client(child.line_after("address "));
    Outcome<InferReply> outcome = Late{};
    {
        std::jthread request([&] { outcome = client.infer(bytes_request("endless", 150'528)); });
        child.line_after("running");
        child.kill();
    }
    EXPECT_TRUE(std::holds_alternative<Lost>(outcome));
    EXPECT_TRUE(std::holds_alternative<Lost>(client.live()));
}

TEST(Fault, AServerKilledBetweenHeadAndTailIsGivenTheTailAgain) {
    setenv("BREAKEVEN_TEST_LISTEN", "127.0.0.1:0", 1);
    std::optional<Child> child(std::in_place, "TakesNetworksUntilKilled");
    const std::string address = child->line_after("address ");
    setenv("BREAKEVEN_TEST_LISTEN", address.c_str(), 1);
    SteadyClock clock;
    DeployedRunner tail(std::make_shared<Client>(address), clock, fakes::image("twice"), {});
    const std::array<Tensor, 1> inputs{fakes::counting(4)};
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(tail.run(inputs).outputs.at(0).as<float>()[1], 2.0F);
        child->kill();
        {
            // It comes back while the inference is waiting for it.
            std::jthread inference([&] { EXPECT_EQ(tail.run(inputs).outputs.at(0).as<float>()[1], 2.0F); });
            child.emplace("TakesNetworksUntilKilled");
            EXPECT_EQ(child->line_after("address "), address);
        }
        EXPECT_EQ(tail.deployments(), i + 2);
    }
    unsetenv("BREAKEVEN_TEST_LISTEN");
}

/// A connection to a server that says what a test wants it to.
class Intruder {
   public:
    explicit Intruder(const std::string& address) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        std::uint16_t port = 0;
        const std::size_t colon = address.rfind(':');
        std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
        to.sin_port = htons(port);
        socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) std::abort();
    }
    ~Intruder() { close(socket_); }
    Intruder(const Intruder&) = delete;
    Intruder& operator=(const Intruder&) = delete;

    void say(const std::string& bytes) const { fakes::RawConnection{socket_}.send(bytes); }
    /// Reads until something has come back, or the server has hung up.
    void listen() const { (void)fakes::RawConnection{socket_}.receive(1); }

   private:
    int socket_;
};

const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// An HTTP/2 header that is not in the table: no compression, no Huffman code (RFC 7541, 6.2.2).
std::string header(const std::string& name, const std::string& value) {
    return std::string(1, '\0') + static_cast<char>(name.size()) + name + static_cast<char>(value.size()) + value;
}

std::string infer_headers() {
    return fakes::frame(1, 4, 1,
                        header(":method", "POST") + header(":scheme", "http") + header(":authority", "x") +
                            header(":path", "/inference.GRPCInferenceService/ModelInfer") +
                            header("content-type", "application/grpc") + header("te", "trailers"));
}

TEST(Fault, WhoDoesNotSpeakTheProtocolDoesNotStopTheServer) {
    using namespace std::string_literals;
    World world;
    world.serve("same", fakes::identity({{"x", DType::uint8, {-1}}}));
    Client& client = world.start();
    const std::string opened = preface + fakes::settings_frame() + infer_headers();
    const std::array talks{
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n"s,
        std::string(100'000, '\xff'),
        preface + std::string(1000, '\0'),
        opened + fakes::frame(0, 1, 1, "\0\0\0\0\3abc"s),                             // not a protobuf message
        opened + fakes::frame(0, 1, 1, "\0\0\0\0\x0a\x3a\xff\xff\xff\xff\x07wxyz"s),  // a field of 2 GB in 10 bytes
        opened + fakes::frame(0, 1, 1, "\0\x7f\xff\xff\xff and no more"s),            // a message of 2 GB that ends
        opened + fakes::frame(0, 0, 1, "\0\x7f\xff\xff\xff and no more"s),            // ... that does not
        opened + fakes::frame(0, 1, 1, "\1\0\0\0\5zzzzz"s),                           // compressed, with nothing known
        opened + fakes::frame(0, 1, 1, ""s),                                          // no message at all
        opened + fakes::frame(3, 0, 1, "\0\0\0\x08"s),                                // given up at once
    };
    for (const std::string& talk : talks) {
        const Intruder intruder(world.address);
        intruder.say(talk);
        intruder.listen();
        const auto outcome = client.infer(bytes_request("same", 1000));
        EXPECT_TRUE(std::holds_alternative<InferReply>(outcome));
    }
    EXPECT_EQ(world.engine.runs, static_cast<int>(talks.size()));
}

TEST(Fault, AClientThatDiesInTheMiddleOfARequestIsForgotten) {
    using namespace std::string_literals;
    World world;
    world.serve("same", fakes::identity({{"x", DType::uint8, {-1}}}));
    Client& client = world.start();
    for (std::size_t kept = 1; kept < 200; kept += 7) {
        const Intruder intruder(world.address);
        intruder.say((preface + fakes::settings_frame() + infer_headers() +
                      fakes::frame(0, 0, 1, "\0\0\0\x03\xe8"s + std::string(200, 'x')))
                         .substr(0, kept));
    }
    EXPECT_TRUE(std::holds_alternative<InferReply>(client.infer(bytes_request("same", 1000))));
}

}  // namespace
}  // namespace breakeven
