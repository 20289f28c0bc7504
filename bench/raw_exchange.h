// Raw TCP exchanges through an emulated link: a request that says how much comes up and goes back, its reply, and what
// both took. Congestion control is set on each socket, whatever the kernel's default.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "breakeven/emulator/emulator.h"
#include "breakeven/error.h"
#include "breakeven/link/profile.h"
#include "breakeven/units/units.h"

namespace breakeven::raw {

inline constexpr std::uint16_t raw_port = 7800;

inline Seconds now() {
    return std::chrono::steady_clock::now().time_since_epoch();
}

[[noreturn]] inline void fail(const char* what) {
    throw Error(ErrorKind::internal, what, std::strerror(errno));
}

/// One request: how much comes up, how much goes back. The reply begins with what the server saw of the upload.
struct Request {
    std::int64_t up;
    std::int64_t down;
};
struct Reply {
    double goodput_up;  ///< bytes a second after the first third; 0 for a short upload
};

inline void write_all(int socket, const char* data, std::int64_t size) {
    while (size > 0) {
        const ssize_t written = ::send(socket, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
        if (written <= 0) fail("send");
        data += written;
        size -= written;
    }
}

/// Reads `size` bytes; returns the goodput from a third of them on, when slow start is over.
inline double read_all(int socket, std::int64_t size, char* into = nullptr) {
    thread_local std::vector<char> sink(1 << 20);
    const std::int64_t mark = size / 3;
    std::int64_t got = 0;
    std::int64_t got_at_mark = -1;
    Seconds mark_time{0.0};
    while (got < size) {
        char* to = into != nullptr ? into + got : sink.data();
        const auto wanted = static_cast<std::size_t>(std::min<std::int64_t>(size - got, 1 << 20));
        const ssize_t read = ::recv(socket, to, wanted, 0);
        if (read <= 0) fail("receive");
        got += read;
        if (got_at_mark < 0 && got >= mark) {
            got_at_mark = got;
            mark_time = now();
        }
    }
    const Seconds span = now() - mark_time;
    return got == got_at_mark ? 0.0 : static_cast<double>(got - got_at_mark) / span.count();
}

inline int open_socket(const std::string& congestion) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, congestion.data(),
                     static_cast<socklen_t>(congestion.size())) != 0) {
        fail("set congestion control");
    }
    return socket;
}

inline sockaddr_in address_of(const char* host) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(raw_port);
    ::inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

inline void answer_requests(int socket) {
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const std::vector<char> source(1 << 20);
    Request request{};
    while (::recv(socket, &request, sizeof request, MSG_WAITALL) == sizeof request) {
        const Reply reply{read_all(socket, request.up)};
        write_all(socket, reinterpret_cast<const char*>(&reply), sizeof reply);
        for (std::int64_t left = request.down; left > 0; left -= static_cast<std::int64_t>(source.size())) {
            write_all(socket, source.data(), std::min(left, static_cast<std::int64_t>(source.size())));
        }
    }
    ::close(socket);
}

/// The server's part: a thread a connection, until it is killed.
inline int serve_exchanges(const std::string& congestion) {
    const int listener = open_socket(congestion);
    const sockaddr_in address = address_of("0.0.0.0");
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
    if (::listen(listener, 64) != 0) fail("listen");
    while (true) {
        const int socket = ::accept(listener, nullptr, nullptr);
        if (socket < 0) fail("accept");
        std::thread(answer_requests, socket).detach();
    }
}

struct Exchange {
    Seconds time{0.0};
    double goodput_up = 0.0;
    double goodput_down = 0.0;
};

/// One exchange, from the first byte of the request sent to the last of the reply received.
inline Exchange exchange(int socket, const Request& request) {
    std::vector<char> message(sizeof request);
    std::memcpy(message.data(), &request, sizeof request);
    message.resize(sizeof request + static_cast<std::size_t>(request.up));
    Exchange result;
    const Seconds start = now();
    write_all(socket, message.data(), static_cast<std::int64_t>(message.size()));
    Reply reply{};
    read_all(socket, sizeof reply, reinterpret_cast<char*>(&reply));
    if (request.down > 0) result.goodput_down = read_all(socket, request.down);
    result.time = now() - start;
    result.goodput_up = reply.goodput_up;
    return result;
}

inline int connect_to_server(const std::string& congestion) {
    const int socket = open_socket(congestion);
    const sockaddr_in address = address_of(server_address);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
    return socket;
}

/// The study's links, and one that takes the pump to its limit.
inline LinkProfile link_named(const std::string& name) {
    if (const auto link = study_link(name)) return *link;
    return {.name = "gigabit",
            .one_way_latency = Seconds(0.029),
            .up = megabits_per_second(1000),
            .down = megabits_per_second(1000),
            .up_energy = std::nullopt,
            .down_energy = std::nullopt};
}

}  // namespace breakeven::raw
