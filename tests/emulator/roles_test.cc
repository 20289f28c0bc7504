// The roles: a raw TCP server, and a device that measures what it gets from it. See roles.h.
#include "emulator/roles.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "breakeven/emulator/emulator.h"

namespace breakeven::roles {
namespace {

constexpr const char* role_variable = "BREAKEVEN_TEST_ROLE";

struct Request {
    std::int64_t up;
    std::int64_t down;
};
struct Reply {
    double up_bytes_per_s;
    std::array<char, 16> congestion;
};

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::_Exit(1);
}

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void write_all(int socket, const void* data, std::size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t written = ::send(socket, bytes, size, MSG_NOSIGNAL);
        if (written <= 0) fail("send");
        bytes += written;
        size -= static_cast<std::size_t>(written);
    }
}

/// Reads and forgets `size` bytes; returns the goodput after the first third, where slow start is over.
double drain(int socket, std::int64_t size) {
    static std::vector<char> sink(1 << 18);
    std::int64_t got = 0;
    std::int64_t marked = -1;
    double marked_at = 0.0;
    while (got < size) {
        const ssize_t read =
            ::recv(socket, sink.data(), std::min(sink.size(), static_cast<std::size_t>(size - got)), 0);
        if (read <= 0) fail("receive");
        got += read;
        if (marked < 0 && got >= size / 3) {
            marked = got;
            marked_at = now();
        }
    }
    return static_cast<double>(got - marked) / (now() - marked_at);
}

std::array<char, 16> congestion_of(int socket) {
    std::array<char, 16> name{};
    socklen_t size = name.size();
    if (::getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(), &size) != 0) fail("congestion");
    return name;
}

int open_socket() {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    return socket;
}

sockaddr_in address_of(const char* host) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (::inet_pton(AF_INET, host, &address.sin_addr) != 1) fail(host);
    return address;
}

[[noreturn]] void serve() {
    const int listener = open_socket();
    const sockaddr_in address = address_of("0.0.0.0");
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
    if (::listen(listener, 4) != 0) fail("listen");
    const std::vector<char> zeros(1 << 16);
    while (true) {
        const int socket = ::accept(listener, nullptr, nullptr);
        Request request{};
        while (::recv(socket, &request, sizeof request, MSG_WAITALL) == sizeof request) {
            const Reply reply{drain(socket, request.up), congestion_of(socket)};
            write_all(socket, &reply, sizeof reply);
            for (auto left = static_cast<std::size_t>(request.down); left > 0;) {
                const std::size_t part = std::min(left, zeros.size());
                write_all(socket, zeros.data(), part);
                left -= part;
            }
        }
        ::close(socket);
    }
}

struct Answer {
    Reply reply;
    double time_s;
    double down_bytes_per_s;
};

Answer ask(int socket, const Request& request) {
    std::vector<char> message(sizeof request + static_cast<std::size_t>(request.up));
    std::memcpy(message.data(), &request, sizeof request);
    Answer answer{};
    const double start = now();
    write_all(socket, message.data(), message.size());
    if (::recv(socket, &answer.reply, sizeof answer.reply, MSG_WAITALL) != sizeof answer.reply) fail("receive reply");
    answer.down_bytes_per_s = drain(socket, request.down);
    answer.time_s = now() - start;
    return answer;
}

[[noreturn]] void measure() {
    const int socket = open_socket();
    const sockaddr_in address = address_of(std::getenv("BREAKEVEN_SERVER"));
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
    Figures figures;
    figures.round_trip_s = 1e9;
    const double start = now();
    for (int i = 0; i < 15 || (i < 300 && now() - start < 1.0); ++i) {
        figures.round_trip_s = std::min(figures.round_trip_s, ask(socket, {.up = 0, .down = 0}).time_s);
    }
    const Answer up = ask(socket, {.up = std::atoll(std::getenv("BREAKEVEN_TEST_UP")), .down = 0});
    const Answer down = ask(socket, {.up = 0, .down = std::atoll(std::getenv("BREAKEVEN_TEST_DOWN"))});
    std::ofstream(std::getenv("BREAKEVEN_TEST_FILE"))
        << figures.round_trip_s << ' ' << up.reply.up_bytes_per_s << ' ' << down.down_bytes_per_s << ' '
        << congestion_of(socket).data() << ' ' << up.reply.congestion.data() << '\n';
    std::_Exit(0);
}

// gtest_main has the only main; a role takes its place before that begins.
const bool in_a_role = [] {
    const char* role = std::getenv(role_variable);
    if (role == nullptr) return false;
    if (std::strcmp(role, "server") == 0) serve();
    measure();
}();

std::vector<std::string> this_program(std::vector<std::string> environment) {
    std::vector<std::string> command{"env"};
    command.insert(command.end(), environment.begin(), environment.end());
    command.push_back(std::filesystem::read_symlink("/proc/self/exe"));
    return command;
}

}  // namespace

std::vector<std::string> server() {
    return this_program({std::string(role_variable) + "=server"});
}

std::vector<std::string> device(const Volume& volume, const std::string& file) {
    return this_program({std::string(role_variable) + "=device", "BREAKEVEN_TEST_UP=" + std::to_string(volume.up),
                         "BREAKEVEN_TEST_DOWN=" + std::to_string(volume.down), "BREAKEVEN_TEST_FILE=" + file});
}

Figures read_figures(const std::string& file) {
    Figures figures;
    std::ifstream(file) >> figures.round_trip_s >> figures.up_bytes_per_s >> figures.down_bytes_per_s >>
        figures.device_congestion >> figures.server_congestion;
    return figures;
}

}  // namespace breakeven::roles
