// Sockets by their number and by their port: see sockets.h.
#include "breakeven/wire/sockets.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>

#include "breakeven/error.h"
#include "breakeven/wire/resolve.h"

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

/// Every socket of this process whose `end` has this port.
void for_each_socket(End end, std::uint16_t port, const std::function<void(int)>& take) {
    std::error_code ended;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ended)) {
        const std::string text = entry.path().filename().string();
        int descriptor = -1;
        std::from_chars(text.data(), text.data() + text.size(), descriptor);
        if (descriptor >= 0 && port_of(descriptor, end) == port) take(descriptor);
    }
}

std::optional<std::uint64_t> cookie_of(int socket) {
    std::uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    if (getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie, &length) != 0) return std::nullopt;
    return cookie;
}

}  // namespace

bool set_congestion_control(int socket, const std::string& algorithm) {
    return setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, algorithm.data(),
                      static_cast<socklen_t>(algorithm.size())) == 0;
}

bool can_keep_window() {
    const OwnedSocket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return socket.is_open() && set_congestion_control(socket.number(), "bbr");
}

int set_congestion_control(End end, std::uint16_t port, const std::string& algorithm) {
    int set = 0;
    for_each_socket(end, port, [&](int descriptor) {
        if (set_congestion_control(descriptor, algorithm)) {
            ++set;
        } else if (errno != EBADF && errno != ENOPROTOOPT) {
            throw Error(ErrorKind::unsupported, "set TCP congestion control '" + algorithm + "'", std::strerror(errno));
        }
    });
    return set;
}

bool has_unacknowledged(int socket) {
    int queued = 0;
    return ioctl(socket, SIOCOUTQ, &queued) != 0 || queued > 0;
}

void set_no_delay(int socket) {
    const int yes = 1;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

void set_dead_after(int socket, Seconds time) {
    const auto milliseconds = static_cast<unsigned>(std::clamp(time.count() * 1e3, 1.0, 1e9));
    (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

std::optional<std::uint16_t> port_of(const std::string& address) {
    const std::string text = split_address(address).port;
    std::uint16_t port = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
    return !text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size() ? std::optional(port)
                                                                                            : std::nullopt;
}

std::vector<std::uint64_t> connections_to(std::uint16_t port) {
    std::vector<std::uint64_t> cookies;
    for_each_socket(End::peer, port, [&](int descriptor) {
        if (const auto cookie = cookie_of(descriptor)) cookies.push_back(*cookie);
    });
    return cookies;
}

OwnedSocket find_connection_to(std::uint16_t port, const std::vector<std::uint64_t>& except) {
    OwnedSocket found;
    for_each_socket(End::peer, port, [&](int descriptor) {
        const auto cookie = cookie_of(descriptor);
        if (found.is_open() || !cookie || std::find(except.begin(), except.end(), *cookie) != except.end()) return;
        found = OwnedSocket(fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    });
    return found;
}

namespace {

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

struct Timed {
    OwnedSocket socket;
    Seconds time;
};

Outcome<Timed> timed_connection(const std::string& address, Seconds limit) {
    const std::vector<SocketAddress> found = resolve(split_address(address), Lookup::names);
    if (found.empty()) return Lost{"no machine of this name is known, or it lacks a port"};
    std::string reason = "no address";
    for (const SocketAddress& each : found) {
        OwnedSocket made(socket(each.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!made.is_open()) continue;
        const auto start = std::chrono::steady_clock::now();
        int error = connect(made.number(), each.generic(), each.length) == 0 ? 0 : errno;
        if (error == EINPROGRESS) error = wait_for_connection(made.number(), limit);
        if (error == 0) {
            return Timed{.socket = std::move(made), .time = std::chrono::steady_clock::now() - start};
        }
        if (error == ETIMEDOUT) return Late{limit};
        reason = std::strerror(error);
    }
    return Lost{reason};
}

template <class Answer, class Take>
Outcome<Answer> map(Outcome<Timed> outcome, const Take& take) {
    if (auto* lost = std::get_if<Lost>(&outcome)) return std::move(*lost);
    if (auto* late = std::get_if<Late>(&outcome)) return *late;
    return take(std::get<Timed>(outcome));
}

}  // namespace

Outcome<Seconds> time_to_connect(const std::string& address, Seconds limit) {
    return map<Seconds>(timed_connection(address, limit), [](const Timed& made) { return made.time; });
}

Outcome<OwnedSocket> connect_to(const std::string& address, Seconds limit) {
    return map<OwnedSocket>(timed_connection(address, limit), [](Timed& made) {
        const int flags = fcntl(made.socket.number(), F_GETFL);
        (void)fcntl(made.socket.number(), F_SETFL, flags & ~O_NONBLOCK);
        return std::move(made.socket);
    });
}

}  // namespace breakeven
