// One connection: see connection.h.
#include "breakeven/wire/connection.h"

#include "breakeven/wire/sockets.h"

namespace breakeven {
namespace {

/// Retransmission timeouts in a row after which calls go to a new connection: TCP doubles its wait each time, so after
/// an outage an old connection sleeps for as long again, when a new one would get through at once.
constexpr int timeouts_of_a_stall = 2;

}  // namespace

ServerConnection::ServerConnection(Parts parts)
    : parts_(std::move(parts)),
      stub_(inference::GRPCInferenceService::NewStub(parts_.channel)),
      generic_(parts_.channel),
      infer_(infer_method, grpc::internal::RpcMethod::NORMAL_RPC, parts_.channel) {}

bool ServerConnection::stands() const {
    if (parts_.made == Made::by_grpc && parts_.channel->GetState(false) != GRPC_CHANNEL_READY) return false;
    if (!parts_.socket.is_open()) return true;
    const std::optional<TcpFacts> facts = tcp_facts(parts_.socket.number());
    return facts && facts->established;
}

bool ServerConnection::usable() const {
    if (broken_) return false;
    if (parts_.made == Made::by_grpc && parts_.channel->GetState(false) != GRPC_CHANNEL_READY) return false;
    if (!parts_.socket.is_open()) return true;
    const std::optional<TcpFacts> facts = tcp_facts(parts_.socket.number());
    return facts && facts->established && facts->timeouts < timeouts_of_a_stall;
}

void ServerConnection::look() {
    void* tag = nullptr;
    bool good = false;
    (void)idle_.AsyncNext(&tag, &good, std::chrono::system_clock::now());
}

// After a rest Linux halves a window for each timeout that has passed, down to its first (RFC 2861), unless the
// congestion control paces (tcp_slow_start_after_idle_check in the kernel); and BBR, which does, goes on at the rate at
// which it last had something to send, which for a few packets is low. But BBR that begins on a connection takes its
// rate from the window it finds: 2.89 windows a round trip (bbr_init_pacing_rate_from_rtt).
void ServerConnection::renew_window() {
    if (!parts_.keeps_window || has_unacknowledged(socket())) return;
    if (set_congestion_control(socket(), "reno")) (void)set_congestion_control(socket(), "bbr");
}

std::optional<TcpFacts> ServerConnection::tcp() const {
    std::optional<TcpFacts> facts = tcp_facts(parts_.socket.number());
    if (facts) facts->age = std::chrono::steady_clock::now() - made_;
    return facts;
}

}  // namespace breakeven
