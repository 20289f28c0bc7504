// Client: asks an Open Inference Protocol server (ours, Triton, KServe, MLServer, OVMS) and returns Outcomes.
// One client is one connection, shared by all threads that use it; it reconnects by itself.
#pragma once

#include <memory>
#include <optional>
#include <string>
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
};

/// Extensions by which our server tells what it adds to the protocol.
inline constexpr std::string_view probe_extension = "breakeven_probe";
inline constexpr std::string_view times_extension = "breakeven_times";

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

   private:
    struct Connection;
    std::string address_;
    ClientOptions options_;
    std::unique_ptr<Connection> connection_;
};

}  // namespace breakeven
