// ServerConnection: one TCP connection to a server, as gRPC's channel and as the kernel's socket. It is used until it
// breaks or stalls, and never mended: the ServerLine makes another one. Internal to wire/.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <variant>

#include "breakeven/wire/outcome.h"
#include "breakeven/wire/owned_socket.h"
#include "breakeven/wire/tcp_facts.h"
#include "open_inference.grpc.pb.h"

namespace breakeven {

inline constexpr const char* infer_method = "/inference.GRPCInferenceService/ModelInfer";
inline constexpr const char* live_method = "/inference.GRPCInferenceService/ServerLive";

class ServerConnection final {
   public:
    /// Who makes gRPC's connection: we gave it a socket, or gRPC made it (then it also says whether it still stands).
    enum class Made { by_us, by_grpc };
    struct Parts {
        std::shared_ptr<grpc::Channel> channel;
        OwnedSocket socket;  ///< a duplicate, so that its number stays ours; closed: not known
        Made made;
        /// It is BBR's, so that renew_window() does what it says.
        bool keeps_window = false;
    };
    explicit ServerConnection(Parts parts);

    grpc::Channel& channel() { return *parts_.channel; }
    inference::GRPCInferenceService::Stub& stub() { return *stub_; }
    grpc::GenericStub& generic() { return generic_; }
    const grpc::internal::RpcMethod& infer() const { return infer_; }

    /// Whether a new call may be made on it: it stands, and what was sent on it last got through.
    bool usable() const;
    /// Whether it is open, as far as anybody here knows.
    bool stands() const;
    /// A call failed on it in a way that a new connection may not.
    void set_broken() { broken_ = true; }
    /// A call on it had an answer: what is at the other end speaks the protocol.
    void set_proven() { proven_ = true; }
    bool is_proven() const { return proven_; }
    /// To be called before a request: TCP sends it at the rate that it knew before the connection's rest. Nothing while
    /// anything is under way, or where the window is not kept.
    void renew_window();
    bool keeps_window() const { return parts_.keeps_window; }
    std::optional<TcpFacts> tcp() const;
    /// Lets gRPC read what has come on its connections while no call does.
    void look();
    int socket() const { return parts_.socket.number(); }

   private:
    Parts parts_;
    std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
    grpc::GenericStub generic_;
    grpc::internal::RpcMethod infer_;
    std::chrono::steady_clock::time_point made_ = std::chrono::steady_clock::now();
    std::atomic<bool> broken_ = false;
    std::atomic<bool> proven_ = false;
    grpc::CompletionQueue idle_;  ///< of no call
};

/// Shared: calls under way keep their connection while the ServerLine already has another one.
using Connected = std::variant<std::shared_ptr<ServerConnection>, Refused, Lost>;

}  // namespace breakeven
