// Client: asks an Open Inference Protocol server (ours, Triton, KServe, MLServer, OVMS) and returns Outcomes.
// One client is one connection, shared by all threads that use it; it reconnects by itself.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/tensor/tensor.h"
#include "breakeven/units/units.h"
#include "breakeven/wire/message.h"
#include "breakeven/wire/outcome.h"

namespace breakeven {

struct ClientOptions {
    /// How long to wait for a connection. Longer survives slower links, and notices an absent server later.
    Seconds connect_timeout{5.0};
    /// How long one call may take, connection included. Longer admits bigger networks, and notices a dead link later.
    Seconds call_timeout{60.0};
    /// Longest reply taken. Larger lets a broken server use more of our memory.
    Bytes message_max{std::int64_t{256} << 20};
    /// TCP congestion control ("cubic", "bbr", "reno") of the connection; empty: the machine's default.
    std::string congestion_control;
};

struct InferReply {
    std::vector<NamedTensor> outputs;
    std::optional<ServerTimes> times;  ///< a Breakeven server tells
    std::string version;               ///< of the model that answered
    std::string sha256;  ///< of that model, where the request says which one it expects (sha256_parameter)
};

struct ServerDescription {
    std::string name;
    std::string version;
    std::vector<std::string> extensions;
    bool has(std::string_view extension) const;
};

struct ModelDescription {
    std::vector<std::string> versions;
    std::string platform;
    std::vector<TensorSpec> inputs;
    std::vector<TensorSpec> outputs;
    std::string sha256;  ///< of the model file; empty where the server does not tell
};

/// A parameter of RepositoryModelLoad: a number, a text, or bytes (of a file, or a piece of one).
struct LoadParameter {
    std::string name;
    std::variant<std::int64_t, std::string, std::span<const std::byte>> value;
};

/// What a Breakeven server says of an upload in pieces (deploy.h); nothing elsewhere.
struct LoadReply {
    Bytes received;
    Bytes piece_max;
};

/// Extensions by which our server tells what it adds to the protocol.
inline constexpr std::string_view probe_extension = "breakeven_probe";
inline constexpr std::string_view times_extension = "breakeven_times";
/// The server tells the hashes of its networks and holds requests against them (sha256_parameter).
inline constexpr std::string_view sha256_extension = "breakeven_sha256";
/// The server takes networks in pieces (deploy.h).
inline constexpr std::string_view pieces_extension = "breakeven_pieces";
/// The protocol's own, of servers that load and unload models on request.
inline constexpr std::string_view repository_extension = "model_repository";

class Client final {
   public:
    /// `address`: "host:port". Connects at the first call.
    explicit Client(std::string address, ClientOptions options = {});
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    const std::string& address() const { return address_; }

    // Each call ends within ClientOptions::call_timeout, or within `limit` where that is shorter. From any thread.

    /// The inputs are sent from where they lie, and must not be written to before the call returns.
    [[nodiscard]] Outcome<InferReply> infer(const Request& request, std::optional<Seconds> limit = {});
    [[nodiscard]] Outcome<bool> live(std::optional<Seconds> limit = {});
    /// How long one TCP connection of its own takes to be made, and closed again.
    [[nodiscard]] Outcome<Seconds> connect_time();
    [[nodiscard]] Outcome<ServerDescription> describe_server();
    [[nodiscard]] Outcome<ModelDescription> describe_model(const std::string& model);
    /// The hash of a served model, as the model's configuration has it: any server keeps what deploy() wrote there.
    /// Empty where nothing is told.
    [[nodiscard]] Outcome<std::string> configured_sha256(const std::string& model);

    /// RepositoryModelLoad and -Unload. Loading may take long: it ends within `limit`, whatever the call_timeout.
    [[nodiscard]] Outcome<LoadReply> load_model(const std::string& model, std::span<const LoadParameter> parameters,
                                                Seconds limit);
    [[nodiscard]] Outcome<bool> unload_model(const std::string& model);

    /// Waits for the server to be reachable, which after its restart takes up to a second longer than the restart.
    /// Whether it is.
    [[nodiscard]] bool wait_until_connected(Seconds limit);

   private:
    struct Connection;
    std::string address_;
    ClientOptions options_;
    std::unique_ptr<Connection> connection_;
};

}  // namespace breakeven
