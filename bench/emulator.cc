// How true the emulated links are: round trip, goodput and warm exchanges of raw TCP through them, as ratios against
// the profile. Congestion control is set on each socket, whatever the kernel's default. Name links to try those alone.
#include "breakeven/emulator/emulator.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "bench_main.h"
#include "breakeven/link/tcp.h"
#include "breakeven/link/transfer.h"
#include "breakeven/stats/summary.h"
#include "raw_exchange.h"

namespace {

using namespace breakeven;
using namespace breakeven::raw;
using namespace breakeven::literals;

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
    run.server_port = raw_port;
    const EmulatedResult result = run_emulated(run);
    print_lateness("up", result.lines.up);
    print_lateness("down", result.lines.down);
    return result.device_status;
}

int run(const std::vector<std::string>& words) {
    if (words.size() == 2 && words[0] == "serve") return serve_exchanges(words[1]);
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
    return breakeven::bench_main("bench_emulator", run, argc, argv);
}
