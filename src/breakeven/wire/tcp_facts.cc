// TCP_INFO: see tcp_facts.h. The kernel's own header: the C library's lacks half of the fields.
#include "breakeven/wire/tcp_facts.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <climits>

namespace breakeven {
namespace {

Bytes bytes(std::uint64_t count) {
    return Bytes(static_cast<std::int64_t>(count));
}

constexpr std::uint8_t state_established = 1;  // TCP_ESTABLISHED, which only the C library's header names

}  // namespace

std::optional<TcpFacts> tcp_facts(int socket) {
    tcp_info info{};
    socklen_t length = sizeof info;
    if (socket < 0 || getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
    int queued = 0;
    if (ioctl(socket, SIOCOUTQ, &queued) != 0) queued = 0;
    std::array<char, 32> name{};
    socklen_t name_length = name.size() - 1;
    if (getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(), &name_length) != 0) name[0] = '\0';

    TcpFacts facts;
    facts.established = info.tcpi_state == state_established;
    facts.round_trip = std::chrono::microseconds(info.tcpi_rtt);
    facts.round_trip_variation = std::chrono::microseconds(info.tcpi_rttvar);
    if (info.tcpi_min_rtt > 0 && info.tcpi_min_rtt < UINT_MAX) {
        facts.round_trip_min = std::chrono::microseconds(info.tcpi_min_rtt);
    }
    if (info.tcpi_delivery_rate > 0) {
        facts.delivery_rate = BytesPerSecond(static_cast<double>(info.tcpi_delivery_rate));
    }
    facts.delivery_rate_is_lower_bound = info.tcpi_delivery_rate_app_limited != 0;
    facts.segment = bytes(info.tcpi_snd_mss);
    facts.window = bytes(std::uint64_t{info.tcpi_snd_cwnd} * info.tcpi_snd_mss);
    facts.sent = bytes(info.tcpi_bytes_sent);
    facts.repeated = bytes(info.tcpi_bytes_retrans);
    facts.acked = bytes(info.tcpi_bytes_acked);
    facts.queued = Bytes(queued);
    facts.unsent = bytes(info.tcpi_notsent_bytes);
    facts.received = bytes(info.tcpi_bytes_received);
    facts.timeouts = info.tcpi_retransmits;
    facts.since_sent = std::chrono::milliseconds(info.tcpi_last_data_sent);
    facts.since_acked = std::chrono::milliseconds(info.tcpi_last_ack_recv);
    facts.congestion_control = name.data();
    return facts;
}

}  // namespace breakeven
