// The TCP-aware model (link/tcp.h) against raw TCP exchanges through the emulated links: by congestion control, by how
// long the connection rests between exchanges, and by size. The study's formula stands beside it. The links run at
// the same time, each between its own two hosts; on one link the connections take turns, so that they never meet.
// Usage: bench_tcp [quick] [link...]   quick leaves out the rests of 10 s
#include "breakeven/link/tcp.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bench_main.h"
#include "breakeven/engine/child_process.h"
#include "breakeven/link/transfer.h"
#include "breakeven/stats/summary.h"
#include "breakeven/units/text.h"
#include "raw_exchange.h"

namespace {

using namespace breakeven;
using namespace breakeven::raw;
using namespace breakeven::literals;

/// The first is a request that carries nothing: what it takes beyond the round trip is the emulator's and the hosts'
/// own.
constexpr std::int64_t empty = sizeof(Request);
constexpr std::int64_t sizes[] = {empty, 3000, 17000, 49152, 150528, 602112};
constexpr double error_allowed = 0.10;
constexpr Bytes reply_size{sizeof(Reply)};

/// How one rest is measured: in rounds over all sizes, so that what disturbs the machine for a while meets them all;
/// `connections` of each size share the link in turns.
struct Series {
    Seconds rest;
    int rounds;
    int connections;
    int settling;  ///< exchanges of a connection before the first that counts
    int counted;
};
/// After a long rest a connection is as it was after the last one, so few exchanges settle it.
constexpr Series series_all[] = {
    {0_s, 3, 1, 8, 5},
    {0.1_s, 3, 1, 6, 4},
    {1_s, 1, 1, 3, 6},
    {10_s, 1, 3, 2, 3},
};

struct Cell {
    std::int64_t size = 0;
    Seconds rest{0.0};
    std::vector<double> samples;
};

/// One connection's exchanges; the lock is held while anything is on the link.
void exchange_in_turns(const std::string& congestion, const Series& series, Cell& cell, std::mutex& link) {
    const int socket = connect_to_server(congestion);
    const Request request{.up = cell.size - static_cast<std::int64_t>(sizeof(Request)), .down = 0};
    for (int i = 0; i < series.settling + series.counted; ++i) {
        Seconds time{0.0};
        {
            const std::lock_guard turn(link);
            time = exchange(socket, request).time;
        }
        if (i >= series.settling) cell.samples.push_back(time.count());
        if (series.rest > Seconds(0.0)) std::this_thread::sleep_for(series.rest);
    }
    ::close(socket);
}

/// Long rests overlap; short ones would be stretched by the others' turns, so those sizes follow one another.
std::vector<Cell> measure_series(const std::string& congestion, const Series& series) {
    std::mutex link;
    std::vector<Cell> cells;
    const bool in_parallel = series.connections > 1;
    for (const std::int64_t size : sizes) {
        for (int i = 0; i < series.connections; ++i)
            cells.push_back({.size = size, .rest = series.rest, .samples = {}});
    }
    std::vector<std::thread> threads;
    for (Cell& cell : cells) {
        threads.emplace_back([&] { exchange_in_turns(congestion, series, cell, link); });
        if (!in_parallel) threads.back().join();
    }
    for (std::thread& thread : threads) {
        if (thread.joinable()) thread.join();
    }
    return cells;
}

/// Role `measure`, on the device's host: a line a connection, "size rest sample...".
int measure(const std::string& congestion, bool quick) {
    for (const Series& series : series_all) {
        if (quick && series.rest > 1_s) continue;
        for (int round = 0; round < series.rounds; ++round) {
            for (const Cell& cell : measure_series(congestion, series)) {
                fmt::print("{} {} {}\n", cell.size, cell.rest.count(), fmt::join(cell.samples, " "));
            }
        }
    }
    return 0;
}

/// Role `emulate`: one link, in a process of its own.
int emulate(const std::string& link, const std::string& congestion, const std::string& mode) {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    EmulatedRun run;
    run.link = link_named(link);
    run.device_command = {self, "measure", congestion, mode};
    run.server_command = {self, "serve", congestion};
    run.server_port = raw_port;
    const EmulatedResult result = run_emulated(run);
    if (result.lines.up.dropped + result.lines.down.dropped > 0) {
        fmt::print(stderr, "{}, {}: {} packets dropped\n", link, congestion,
                   result.lines.up.dropped + result.lines.down.dropped);
    }
    return result.device_status;
}

/// The lines of one link, the connections of a cell put together.
std::vector<Cell> parse(const std::string& output) {
    std::vector<Cell> cells;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        double rest = 0.0;
        Cell read;
        words >> read.size >> rest;
        for (double sample = 0.0; words >> sample;) read.samples.push_back(sample);
        const auto same = std::ranges::find_if(
            cells, [&](const Cell& cell) { return cell.size == read.size && cell.rest == Seconds(rest); });
        if (same == cells.end()) {
            read.rest = Seconds(rest);
            cells.push_back(std::move(read));
        } else {
            same->samples.insert(same->samples.end(), read.samples.begin(), read.samples.end());
        }
    }
    return cells;
}

/// Errors over all cells so far.
struct Tally {
    std::vector<double> errors;
    std::vector<double> floored_errors;
    std::vector<double> formula_errors;
};

/// `floor`: what an empty exchange took, after the same rest, beyond the round trip.
void print_cell(const std::string& name, const std::string& congestion, const Cell& cell, double floor, Tally& tally) {
    const LinkProfile link = link_named(name);
    const Payload payload{.up = Bytes(cell.size), .down = reply_size};
    const auto history = cell.rest > Seconds(0.0) ? TcpUse::History::repeated : TcpUse::History::warm;
    const TcpUse use{.congestion = parse_congestion(congestion), .history = history, .rest = cell.rest};
    const double predicted = tcp_time(link, payload, use).total.count();
    const double formula = transfer_time(link, payload).total().count();
    const auto summary = summarize(cell.samples);
    const double low = summary->ci95 ? summary->ci95->low : summary->min;
    const double high = summary->ci95 ? summary->ci95->high : summary->max;
    const double error = predicted / summary->p50 - 1.0;
    const double floored = (predicted + floor) / summary->p50 - 1.0;
    const double by_formula = formula / summary->p50 - 1.0;
    const bool is_beyond = std::abs(error) > error_allowed;
    fmt::print("{:<9}{:<6}{:>4}{:>7} {:>7.2f} [{:>6.2f}, {:>6.2f}] {:>7.2f} {:>+6.1f}{} {:>+6.1f} {:>+6.0f}\n", name,
               congestion, cell.rest.count(), cell.size, summary->p50 * 1e3, low * 1e3, high * 1e3, predicted * 1e3,
               error * 100, is_beyond ? "*" : " ", floored * 100, by_formula * 100);
    tally.errors.push_back(std::abs(error));
    tally.floored_errors.push_back(std::abs(floored));
    tally.formula_errors.push_back(std::abs(by_formula));
}

void print_link(const std::string& name, const std::string& congestion, const std::vector<Cell>& cells, Tally& tally) {
    const double round_trip = 2.0 * link_named(name).one_way_latency.count();
    for (const Cell& cell : cells) {
        if (cell.size == empty) continue;
        const auto none = std::ranges::find_if(
            cells, [&](const Cell& other) { return other.size == empty && other.rest == cell.rest; });
        print_cell(name, congestion, cell, summarize(none->samples)->p50 - round_trip, tally);
    }
}

double mean(const std::vector<double>& values) {
    double sum = 0.0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
}

/// All links at once, each in its own process.
bool measure_links(const std::vector<std::string>& links, const std::string& congestion, const std::string& mode,
                   Tally& tally) {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    std::vector<ChildResult> results(links.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < links.size(); ++i) {
        threads.emplace_back([&, i] {
            results[i] = run_child({self, "emulate", links[i], congestion, mode}, {.time = 600_s});
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < links.size(); ++i) {
        fmt::print(stderr, "{}", results[i].errors);
        if (results[i].exit_code != 0 || results[i].signal || results[i].timed_out) return false;
        print_link(links[i], congestion, parse(results[i].output), tally);
        std::fflush(stdout);
    }
    return true;
}

int run(std::vector<std::string> words) {
    if (words.size() == 2 && words[0] == "serve") return serve_exchanges(words[1]);
    if (words.size() == 3 && words[0] == "measure") return measure(words[1], words[2] == "quick");
    if (words.size() == 4 && words[0] == "emulate") return emulate(words[1], words[2], words[3]);
    const EmulatorSupport support = emulator_support();
    if (!support.available) {
        fmt::print("links cannot be emulated here: {}\n", support.reason);
        return 0;
    }
    const bool quick = !words.empty() && words.front() == "quick";
    if (quick) words.erase(words.begin());
    const std::vector<std::string> links =
        words.empty() ? std::vector<std::string>{"ethernet", "wifi", "5g", "gigabit"} : words;
    fmt::print(
        "exchanges of raw TCP, ms; gigabit: 29 ms one way, 1 Gbit/s; *: more than {:.0f} % off\n"
        "floored: with what an empty exchange takes beyond the round trip, the emulator's and the hosts' own\n",
        error_allowed * 100);
    fmt::print("{:<9}{:<6}{:>4}{:>7} {:>7} {:>16} {:>7} {:>6}  {:>6} {:>6}\n", "link", "", "idle", "bytes", "median",
               "95 % interval", "model", "off %", "floored", "formula");
    Tally tally;
    for (const char* congestion : {"cubic", "bbr"}) {
        if (!measure_links(links, congestion, quick ? "quick" : "full", tally)) return 1;
    }
    const auto print = [&](const char* what, const std::vector<double>& errors) {
        const auto beyond = std::ranges::count_if(errors, [](double error) { return error > error_allowed; });
        fmt::print("{:<8} mean error {:>4.1f} %, worst {:>4.1f} %, {} of {} cells beyond {:.0f} %\n", what,
                   mean(errors) * 100, *std::ranges::max_element(errors) * 100, beyond, errors.size(),
                   error_allowed * 100);
    };
    print("model", tally.errors);
    print("floored", tally.floored_errors);
    print("formula", tally.formula_errors);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return breakeven::bench_main("bench_tcp", run, argc, argv);
}
