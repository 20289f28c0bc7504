// How true the emulated links are: round trip, goodput and warm exchanges of raw TCP through them, as ratios against
// the profile. Congestion control is set on each socket, whatever the kernel's default. Name links to try those alone.
#include "breakeven/emulator/emulator.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "breakeven/error.h"
#include "breakeven/link/tcp.h"
#include "breakeven/link/transfer.h"
#include "breakeven/stats/summary.h"

namespace {

using namespace breakeven;
using namespace breakeven::literals;

constexpr std::uint16_t port = 7800;

Seconds now() {
    return std::chrono::steady_clock::now().time_since_epoch();
}

[[noreturn]] void fail(const char* what) {
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

void write_all(int socket, const char* data, std::int64_t size) {
    while (size > 0) {
        const ssize_t written = ::send(socket, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
        if (written <= 0) fail("send");
        data += written;
        size -= written;
    }
}

/// Reads `size` bytes; returns the goodput from a third of them on, when slow start is over.
double read_all(int socket, std::int64_t size, char* into = nullptr) {
    static std::vector<char> sink(1 << 20);
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

int open_socket(const std::string& congestion) {
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

sockaddr_in address_of(const char* host) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

int serve(const std::string& congestion) {
    const int listener = open_socket(congestion);
    const sockaddr_in address = address_of("0.0.0.0");
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
    if (::listen(listener, 8) != 0) fail("listen");
    const std::vector<char> source(1 << 20);
    while (true) {
        const int socket = ::accept(listener, nullptr, nullptr);
        const int yes = 1;
        ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
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
}

struct Exchange {
    Seconds time{0.0};
    double goodput_up = 0.0;
    double goodput_down = 0.0;
};

Exchange exchange(int socket, const Request& request) {
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

int connect_to_server(const std::string& congestion) {
    const int socket = open_socket(congestion);
    const sockaddr_in address = address_of(server_address);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
    return socket;
}

void print_row(const std::string& what, const std::vector<double>& samples) {
    const auto summary = summarize(samples);
    const double low = summary->ci95 ? summary->ci95->low : summary->min;
    const double high = summary->ci95 ? summary->ci95->high : summary->max;
    fmt::print("  {:<30} {:>7.4f}  [{:.4f}, {:.4f}]  {:>7.4f} .. {:.4f}\n", what, summary->p50, low, high, summary->min,
               summary->max);
}

void measure_round_trip(int socket, const LinkProfile& link) {
    const double round_trip = 2 * link.one_way_latency.count();
    std::vector<double> ratios;
    std::vector<double> excess_ms;
    for (int i = 0; i < 60; ++i) {
        const double time = exchange(socket, {.up = 0, .down = 0}).time.count();
        ratios.push_back(time / round_trip);
        excess_ms.push_back((time - round_trip) * 1e3);
    }
    print_row("round trip / 2 x latency", ratios);
    print_row("round trip - 2 x latency, ms", excess_ms);
}

void measure_warm_exchanges(int socket, const LinkProfile& link, Congestion congestion) {
    for (const Bytes size : {49152_B, 150000_B}) {
        const Payload payload{.up = size, .down = 0_B};
        const Request request{.up = size.count(), .down = 0};
        for (int i = 0; i < 12; ++i) exchange(socket, request);
        std::vector<double> by_formula;
        std::vector<double> by_model;
        for (int i = 0; i < 20; ++i) {
            const Seconds time = exchange(socket, request).time;
            by_formula.push_back(time / transfer_time(link, payload).total());
            by_model.push_back(time / tcp_time(link, payload, {.congestion = congestion}).total);
        }
        print_row(fmt::format("warm {} B / formula", size.count()), by_formula);
        print_row(fmt::format("warm {} B / TCP model", size.count()), by_model);
    }
}

/// Up and down in turn.
void measure_goodput(int socket, const LinkProfile& link) {
    constexpr Seconds long_enough = 2.5_s;
    const auto volume = [&](BytesPerSecond rate) {
        return static_cast<std::int64_t>(rate.in(bytes_per_second)*long_enough.count());
    };
    std::vector<double> up;
    std::vector<double> down;
    for (int i = 0; i < 7; ++i) {
        up.push_back(exchange(socket, {.up = volume(link.up), .down = 0}).goodput_up / link.up.in(bytes_per_second));
        down.push_back(exchange(socket, {.up = 0, .down = volume(link.down)}).goodput_down /
                       link.down.in(bytes_per_second));
    }
    print_row("goodput up / profile", up);
    print_row("goodput down / profile", down);
}

/// The device's part: everything that is measured over one link.
int measure(const LinkProfile& link, const std::string& congestion) {
    const int socket = connect_to_server(congestion);
    measure_round_trip(socket, link);
    measure_warm_exchanges(socket, link, parse_congestion(congestion));
    measure_goodput(socket, link);
    ::close(socket);
    return 0;
}

/// The study's links, and one that takes the pump to its limit.
LinkProfile link_named(const std::string& name) {
    if (const auto link = study_link(name)) return *link;
    return {.name = "gigabit",
            .one_way_latency = 29_ms,
            .up = megabits_per_second(1000),
            .down = megabits_per_second(1000),
            .up_energy = std::nullopt,
            .down_energy = std::nullopt};
}

void print_lateness(const char* way, const LineReport& line) {
    fmt::print("  {:<5}{} packets, {} dropped, {} refused; late p50 {:.3f}, p99 {:.3f}, most {:.3f} ms\n", way,
               line.packets, line.dropped, line.refused, line.late_p50.count() * 1e3, line.late_p99.count() * 1e3,
               line.late_max.count() * 1e3);
}

int emulate(const std::string& link, const std::string& congestion) {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    fmt::print("{}, {}\n", link, congestion);
    std::fflush(stdout);
    EmulatedRun run;
    run.link = link_named(link);
    run.device_command = {self, "measure", link, congestion};
    run.server_command = {self, "serve", congestion};
    run.server_port = port;
    const EmulatedResult result = run_emulated(run);
    print_lateness("up", result.lines.up);
    print_lateness("down", result.lines.down);
    return result.device_status;
}

int run(const std::vector<std::string>& words) {
    if (words.size() == 2 && words[0] == "serve") return serve(words[1]);
    if (words.size() == 3 && words[0] == "measure") return measure(link_named(words[1]), words[2]);
    const EmulatorSupport support = emulator_support();
    if (!support.available) {
        fmt::print("links cannot be emulated here: {}\n", support.reason);
        return 0;
    }
    fmt::print("  {:<30} {:>7}  {:<16}  {}\n", "measured / expected", "median", "95 % interval", "least .. most");
    const std::vector<std::string> links =
        words.empty() ? std::vector<std::string>{"ethernet", "wifi", "5g", "gigabit"} : words;
    for (const std::string& link : links) {
        for (const char* congestion : {"cubic", "bbr"}) {
            if (const int status = emulate(link, congestion); status != 0) return status;
        }
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_emulator: {}\n", error.what());
        return 1;
    }
}
