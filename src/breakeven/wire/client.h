// Client: asks an Open Inference Protocol server (ours, Triton, KServe, MLServer, OVMS) and returns Outcomes.
// One client is one connection, shared by all threads that use it; it reconnects by itself.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/link/tcp.h"
#include "breakeven/tensor/tensor.h"
#include "breakeven/units/units.h"
#include "breakeven/wire/call.h"
#include "breakeven/wire/message.h"
#include "breakeven/wire/outcome.h"
#include "breakeven/wire/security.h"
#include "breakeven/wire/tcp_facts.h"

namespace breakeven {

struct TransportOptions {
    /// What TCP makes of a rest (link/tcp.h). `kept`: the window is as it was, because BBR takes each request up anew
    /// from it; where the kernel allows no BBR, and with a congestion control of one's own (below), it is `plain`: found
    /// anew over several round trips, unless keep_warm() prevents that. `warm` calls keep_warm() with each inference, and
    /// uses a congestion control that does not pace.
    /// Kept, a request after a rest may fill queues on its way that others have come to use meanwhile.
    Transport window = Transport::kept;
    /// With `warm`: for how long after each inference. Longer bridges longer rests, and drains the radio.
    Seconds warm_after{30.0};
    /// While a connection is being made, another attempt begins every so often. Shorter is back sooner after an
    /// outage, and sends more packets into a dead link.
    Seconds attempt_interval{0.3};
    /// A connection on which nothing is acknowledged for so long is given up. Longer survives longer gaps in coverage
    /// with the request that is under way; calls made meanwhile go to a new connection anyway.
    Seconds dead_after{5.0};
    /// How long a connection that is kept warm (Client::keep_warm) may be silent. Longer saves the radio's energy, and
    /// lets TCP forget its window, from about 200 ms plus the round-trip time on.
    Seconds warm_interval{0.1};
};

struct ClientOptions {
    /// How long to wait for a connection. Longer survives slower links, and notices an absent server later.
    Seconds connect_timeout{5.0};
    /// How long one call may take, connection included. Longer admits bigger networks, and notices a dead link later.
    Seconds call_timeout{60.0};
    /// Longest reply taken. Larger lets a broken server use more of our memory.
    Bytes message_max{std::int64_t{256} << 20};
    /// TCP congestion control ("cubic", "bbr", "reno") of the connection; empty: the machine's default.
    std::string congestion_control;
    SecurityOptions security{};
    TransportOptions transport{};
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
    /// The same without waiting. `on_done` is called once, from a thread of the client's (never from within start() or
    /// cancel()), unless the Call is destroyed first. What it throws ends the program; what it does delays other calls'
    /// ends. It may destroy its Call; the client only where it does not return to it.
    /// The end of the client gives up what is under way: `on_done` gets Lost before ~Client returns.
    [[nodiscard]] std::unique_ptr<Call> start(const Request& request, std::optional<Seconds> limit,
                                              std::function<void(Outcome<InferReply>)> on_done);
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

    /// Waits for the server to be reachable. Whether it is.
    [[nodiscard]] bool wait_until_connected(Seconds limit);

    /// What the kernel knows of the connection that the next call would use; nothing while there is none, or where
    /// its socket is not known.
    std::optional<TcpFacts> tcp() const;

    /// For this long from now: connects if need be, at once again after a loss. Where TCP would forget its window,
    /// prevents it by a tiny call whenever the connection was silent for TransportOptions::warm_interval; the radio
    /// does not sleep meanwhile.
    void keep_warm(Seconds time);

    /// What holds TCP's window from now on: calls go to a new connection; those under way stay where they are.
    void hold_window(Transport window);

   private:
    struct Parts;
    std::string address_;
    ClientOptions options_;
    std::unique_ptr<Parts> parts_;
};

}  // namespace breakeven
