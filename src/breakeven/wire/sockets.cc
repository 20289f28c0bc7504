// Sockets found by their port: see sockets.h.
#include "breakeven/wire/sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include "breakeven/error.h"

namespace breakeven {
namespace {

std::optional<std::uint16_t> port_of(int socket, End end) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    const int status = end == End::local ? getsockname(socket, generic, &length)
                                         : getpeername(socket, generic, &length);
    if (status != 0) return std::nullopt;
    if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
    if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
    return std::nullopt;
}

}  // namespace

int set_congestion_control(End end, std::uint16_t port, const std::string& algorithm) {
    int set = 0;
    std::error_code ended;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ended)) {
        const std::string text = entry.path().filename().string();
        int descriptor = -1;
        std::from_chars(text.data(), text.data() + text.size(), descriptor);
        if (descriptor < 0 || port_of(descriptor, end) != port) continue;
        if (setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, algorithm.data(),
                       static_cast<socklen_t>(algorithm.size())) == 0) {
            ++set;
        } else if (errno != EBADF && errno != ENOPROTOOPT) {
            throw Error(ErrorKind::unsupported, "set TCP congestion control '" + algorithm + "'", std::strerror(errno));
        }
    }
    return set;
}

}  // namespace breakeven
