// Sockets found by their port: see sockets.h.
#include "breakeven/wire/sockets.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "breakeven/error.h"

namespace breakeven {
namespace {

std::optional<std::uint16_t> port_of(int socket, End end) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    const int status =
        end == End::local ? getsockname(socket, generic, &length) : getpeername(socket, generic, &length);
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

namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Addresses resolve(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (colon != std::string::npos) {
        std::string host = address.substr(0, colon);
        if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
        if (getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &wanted, &found) != 0) found = nullptr;
    }
    return {found, freeaddrinfo};
}

/// Closes itself.
struct Socket {
    int descriptor;
    ~Socket() {
        if (descriptor >= 0) close(descriptor);
    }
};

/// 0, or why the connection under way on `socket` did not come about; ETIMEDOUT when the limit passed.
int wait_for_connection(int socket, Seconds limit) {
    pollfd waited{.fd = socket, .events = POLLOUT, .revents = 0};
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
    const int ready = poll(&waited, 1, static_cast<int>(std::min<long>(milliseconds, 3'600'000)));
    if (ready == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t length = sizeof error;
    if (ready < 0 || getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
    return error;
}

}  // namespace

Outcome<Seconds> time_to_connect(const std::string& address, Seconds limit) {
    const Addresses found = resolve(address);
    if (!found) return Lost{"no machine of this name is known, or it lacks a port"};
    std::string reason = "no address";
    for (const addrinfo* each = found.get(); each != nullptr; each = each->ai_next) {
        const Socket made{socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        if (made.descriptor < 0) continue;
        const auto start = std::chrono::steady_clock::now();
        int error = connect(made.descriptor, each->ai_addr, each->ai_addrlen) == 0 ? 0 : errno;
        if (error == EINPROGRESS) error = wait_for_connection(made.descriptor, limit);
        if (error == 0) return std::chrono::steady_clock::now() - start;
        if (error == ETIMEDOUT) return Late{limit};
        reason = std::strerror(error);
    }
    return Lost{reason};
}

}  // namespace breakeven
