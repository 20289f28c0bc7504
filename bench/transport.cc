// Link efficiency: an offloaded call through the packet-level emulator, after rests of the connection, against a raw
// TCP exchange of the same bytes that never rests, and beside a plain gRPC client. Cubic on both ends of whatever does
// not choose for itself. Allowed: 1/0.95 of the raw exchange, or 0.3 ms more than it. Usage: bench_transport [outage]
// [link...] [idle:S...] [size:BYTES...] [arm...] [rounds:N]   all where none is named
//   links: ethernet wifi 5g gigabit; arms: grpc cubic bbr warm kept (our default), ours (kept or
//   warm, whichever the link asks for); outage: how soon after one a call is
//   answered
#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bare_grpc.h"
#include "bench_main.h"
#include "breakeven/engine/child_process.h"
#include "breakeven/measure/steady_clock.h"
#include "breakeven/serve/server.h"
#include "breakeven/stats/summary.h"
#include "breakeven/units/text.h"
#include "breakeven/wire/client.h"
#include "breakeven/wire/sockets.h"
#include "raw_exchange.h"

namespace {

using namespace breakeven;
using namespace breakeven::literals;

constexpr std::uint16_t our_port = 8001;
constexpr std::uint16_t bare_port = 8002;
constexpr std::size_t down_size = 12;
constexpr double efficiency_min = 0.95;
constexpr Seconds handling_max{0.3e-3};

/// What is measured: words of the command line.
struct Grid {
    std::vector<std::string> links, arms;
    std::vector<std::int64_t> sizes;
    std::vector<double> idles;
    int rounds = 5;
};

/// One connection of one arm, and the calls made on it.
struct Lane {
    std::string arm;
    std::int64_t size = 0;
    std::function<void()> call;
    Seconds rested_since{0.0};
    std::vector<double> samples{};
};

// ---- the server's host

class NoEngine final : public Engine {
   public:
    std::string name() const override { return "none"; }
    std::string version() const override { return "1"; }
    std::vector<PlatformStatus> platforms() const override { return {}; }
    std::unique_ptr<Runner> load(const ModelImage&, const Platform&, const LoadOptions&) override { return nullptr; }
};

/// All three servers in one process; the raw one last, for it is waited for.
int serve() {
    SteadyClock clock;
    NoEngine engine;
    ServerOptions options;
    options.listen = fmt::format("0.0.0.0:{}", our_port);
    options.congestion_control = "cubic";
    options.security.plain_text = ServerSecurity::PlainText::anywhere;
    Server ours(
        engine, [](const std::filesystem::path&) { return ModelImage(); }, clock, options);
    ours.start();
    bench::BareSyncService service(down_size);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(fmt::format("0.0.0.0:{}", bare_port), grpc::InsecureServerCredentials());
    builder.RegisterService(&service);
    const std::unique_ptr<grpc::Server> bare = builder.BuildAndStart();
    set_congestion_control(End::local, bare_port, "cubic");
    return raw::serve_exchanges("cubic");
}

// ---- the device's host

std::function<void()> raw_call(std::int64_t size) {
    const int socket = raw::connect_to_server("cubic");
    const auto up = size - static_cast<std::int64_t>(sizeof(raw::Request));
    return [socket, up] { (void)raw::exchange(socket, {.up = up, .down = 0}); };
}

std::function<void()> grpc_call(std::int64_t size) {
    auto client = std::make_shared<bench::BareClient>(grpc::CreateCustomChannel(
        fmt::format("{}:{}", server_address, bare_port), grpc::InsecureChannelCredentials(), [] {
            grpc::ChannelArguments arguments;
            arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
            return arguments;
        }()));
    auto request = std::make_shared<bench::BytesValue>();
    request->set_value(std::string(static_cast<std::size_t>(size), 'p'));
    return [client, request] {
        bench::BytesValue reply;
        if (!client->call_sync(*request, reply)) throw Error(ErrorKind::unavailable, "call plain gRPC", "it failed");
        set_congestion_control(End::peer, bare_port, "cubic");  // of the socket that the first call has made
    };
}

breakeven::Request probe_request(std::int64_t size) {
    const std::array<std::int64_t, 1> wanted{down_size};
    return {.model = "breakeven.probe",
            .version = {},
            .id = {},
            .parameters = {},
            .inputs = {{"payload", Tensor(DType::uint8, {size})},
                       {"reply_bytes", Tensor::of<std::int64_t>(DType::int64, {1}, wanted)}},
            .outputs = {}};
}

std::function<void()> our_call(const LinkProfile& link, const std::string& arm, std::int64_t size, Seconds idle) {
    ClientOptions options;
    options.security.plain_text = SecurityOptions::PlainText::anywhere;
    const bool chooses = arm == "kept" || arm == "ours";
    if (!chooses) options.congestion_control = arm == "bbr" ? "bbr" : "cubic";
    bool warm = arm == "warm";
    if (arm == "ours") {
        options.transport.window = better_transport(kept_sending(link, Bytes(size)));
        warm = options.transport.window == Transport::warm;
    }
    auto client = std::make_shared<Client>(fmt::format("{}:{}", server_address, our_port), options);
    return [client, warm, idle, request = probe_request(size)] {
        value_or_throw(client->infer(request), "call our server");
        if (warm) client->keep_warm(idle + 30_s);
    };
}

std::function<void()> call_of(const LinkProfile& link, const std::string& arm, std::int64_t size, Seconds idle) {
    if (arm == "raw") return raw_call(size);
    return arm == "grpc" ? grpc_call(size) : our_call(link, arm, size, idle);
}

/// Calls the lanes in turn, each when it has rested for long enough, `counted` times after `settling` calls.
void take_turns(std::vector<Lane>& lanes, Seconds idle, int settling, int counted) {
    for (int i = 0; i < settling + counted; ++i) {
        for (Lane& lane : lanes) {
            const Seconds left = lane.rested_since + idle - raw::now();
            if (left > Seconds(0)) std::this_thread::sleep_for(left);
            const Seconds start = raw::now();
            lane.call();
            lane.rested_since = raw::now();
            if (i >= settling) lane.samples.push_back((lane.rested_since - start).count());
        }
    }
}

/// Never rests: each lane's calls follow one another.
void take_runs(std::vector<Lane>& lanes, Seconds idle, int settling, int counted) {
    for (Lane& lane : lanes) {
        std::vector<Lane> alone{std::move(lane)};
        take_turns(alone, idle, settling, counted);
        lane = std::move(alone.front());
    }
}

void print_lanes(const std::vector<Lane>& lanes, double idle) {
    for (const Lane& lane : lanes) {
        fmt::print("{} {} {} {}\n", lane.arm, lane.size, idle, fmt::join(lane.samples, " "));
    }
    std::fflush(stdout);
}

/// The arms' lanes of some sizes, rested alike, and the raw exchanges beside them, which never rest.
void measure_sizes(const Grid& grid, const std::vector<std::int64_t>& sizes, double idle) {
    const LinkProfile link = raw::link_named(grid.links.front());
    std::vector<Lane> raw_lanes, lanes;
    for (const std::int64_t size : sizes) {
        raw_lanes.push_back({.arm = "raw", .size = size, .call = call_of(link, "raw", size, 0_s)});
        for (const std::string& arm : grid.arms) {
            lanes.push_back({.arm = arm, .size = size, .call = call_of(link, arm, size, Seconds(idle))});
        }
    }
    constexpr int settling_of_raw = 8;
    const int settling = idle < 1.0 ? 6 : 2;
    if (idle < 1.0) {
        // Runs of one arm after another, in two rounds: what disturbs the machine for a while meets them all.
        for (int round = 0; round < 2; ++round) {
            take_runs(raw_lanes, 0_s, settling_of_raw, grid.rounds);
            take_runs(lanes, Seconds(idle), settling, grid.rounds);
        }
    } else {
        take_runs(raw_lanes, 0_s, settling_of_raw, grid.rounds);
        take_turns(lanes, Seconds(idle), settling, grid.rounds);
        take_runs(raw_lanes, 0_s, settling_of_raw, grid.rounds);
    }
    print_lanes(raw_lanes, idle);
    print_lanes(lanes, idle);
}

int measure(const Grid& grid) {
    for (const double idle : grid.idles) {
        if (idle >= 10.0) {  // all rest at the same time
            measure_sizes(grid, grid.sizes, idle);
            continue;
        }
        for (const std::int64_t size : grid.sizes) measure_sizes(grid, {size}, idle);
    }
    return 0;
}

// ---- an outage

constexpr Outage outage{.start = 3_s, .length = 10_s};

/// Calls every 50 ms, each given up after 0.3 s, as a session would; prints how long after the link's return a call is
/// answered, and how many were before the outage.
int measure_outage(const std::string& arm) {
    const Seconds start = raw::now();
    const Seconds link_returns = start + outage.start + outage.length;
    constexpr std::int64_t size = 17'000;
    ClientOptions options;
    options.security.plain_text = SecurityOptions::PlainText::anywhere;
    options.congestion_control = "cubic";
    Client ours(fmt::format("{}:{}", server_address, our_port), options);
    bench::BareClient bare(
        grpc::CreateChannel(fmt::format("{}:{}", server_address, bare_port), grpc::InsecureChannelCredentials()));
    bench::BytesValue request;
    request.set_value(std::string(size, 'p'));
    const auto is_answered = [&] {
        if (arm != "grpc") return std::holds_alternative<InferReply>(ours.infer(probe_request(size), 0.3_s));
        bench::BytesValue reply;
        return bare.call_sync(request, reply, std::chrono::system_clock::now() + std::chrono::milliseconds(300));
    };
    int before = 0;
    while (raw::now() < link_returns + 60_s) {
        const bool answered = is_answered();
        const Seconds now = raw::now();
        if (answered && now > link_returns) {
            fmt::print("{:.3f} s, {} calls before\n", (now - link_returns).count(), before);
            return 0;
        }
        if (answered && now < start + outage.start) ++before;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    fmt::print("more than 60 s, {} calls before\n", before);
    return 0;
}

// ---- what came of it

Grid parse_grid(const std::vector<std::string>& words) {
    Grid grid;
    const auto number = [](const std::string& word) { return std::stod(word.substr(word.find(':') + 1)); };
    for (const std::string& word : words) {
        if (word.starts_with("idle:")) {
            grid.idles.push_back(number(word));
        } else if (word.starts_with("size:")) {
            grid.sizes.push_back(static_cast<std::int64_t>(number(word)));
        } else if (word.starts_with("rounds:")) {
            grid.rounds = std::max(1, static_cast<int>(number(word)));
        } else if (study_link(word) || word == "gigabit") {
            grid.links.push_back(word);
        } else {
            grid.arms.push_back(word);
        }
    }
    if (grid.links.empty()) grid.links = {"ethernet", "wifi", "5g", "gigabit"};
    if (grid.arms.empty()) grid.arms = {"grpc", "cubic", "bbr", "warm", "kept", "ours"};
    if (grid.sizes.empty()) grid.sizes = {3000, 17000, 49152, 150528, 602112};
    if (grid.idles.empty()) grid.idles = {0.0, 0.1, 1.0, 10.0};
    return grid;
}

std::vector<std::string> words_of(const Grid& grid) {
    std::vector<std::string> words = grid.arms;
    for (const double idle : grid.idles) words.push_back(fmt::format("idle:{}", idle));
    for (const std::int64_t size : grid.sizes) words.push_back(fmt::format("size:{}", size));
    words.push_back(fmt::format("rounds:{}", grid.rounds));
    return words;
}

/// Role `emulate`: one link, in a process of its own.
int emulate(const std::string& link, const std::string& role, const std::vector<std::string>& words) {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    EmulatedRun run;
    run.link = raw::link_named(link);
    run.device_command = {self, role};
    run.device_command.insert(run.device_command.end(), words.begin(), words.end());
    if (role == "measure-outage") run.outages = {outage};
    run.server_command = {self, "serve"};
    run.server_port = raw::raw_port;
    const EmulatedResult result = run_emulated(run);
    if (result.lines.up.dropped + result.lines.down.dropped > 0) {
        fmt::print(stderr, "{}: {} packets dropped\n", link, result.lines.up.dropped + result.lines.down.dropped);
    }
    return result.device_status;
}

using Cells = std::map<std::pair<std::int64_t, double>, std::map<std::string, double>>;

Cells parse_cells(const std::string& output) {
    Cells cells;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string arm;
        std::int64_t size = 0;
        double idle = 0.0;
        words >> arm >> size >> idle;
        std::vector<double> samples;
        for (double sample = 0.0; words >> sample;) samples.push_back(sample);
        if (const auto summary = summarize(samples)) cells[{size, idle}][arm] = summary->p50;
    }
    return cells;
}

struct Tally {
    int cells = 0;
    std::map<std::string, int> within;
    double worst_formula = 0.0;
};

void print_link(const Grid& grid, const std::string& name, const Cells& cells, Tally& tally) {
    const LinkProfile link = raw::link_named(name);
    for (const auto& [key, arms] : cells) {
        const auto& [size, idle] = key;
        const double floor = arms.at("raw");
        const double formula =
            2 * link.one_way_latency.count() + static_cast<double>(size) / link.up.in(bytes_per_second);
        ++tally.cells;
        tally.worst_formula = std::max(tally.worst_formula, floor / formula - 1.0);
        fmt::print("{:<9}{:>4}{:>7} {:>7.2f} {:>+5.1f}", name, idle, size, floor * 1e3, (floor / formula - 1.0) * 100);
        for (const std::string& arm : grid.arms) {
            const double time = arms.at(arm);
            const bool is_within = time <= std::max(floor / efficiency_min, floor + handling_max.count());
            if (is_within) ++tally.within[arm];
            fmt::print(" {:>7.2f}{}", time / floor, is_within ? " " : "*");
        }
        fmt::print("\n");
    }
    std::fflush(stdout);
}

int run_outages(const Grid& grid) {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    fmt::print("after an outage of {:g} s, until a call is answered (allowed: 1 s)\n", outage.length.count());
    for (const std::string& link : grid.links) {
        for (const char* arm : {"ours", "grpc"}) {
            const ChildResult result = run_child({self, "emulate", link, "measure-outage", arm}, {.time = 120_s});
            fmt::print(stderr, "{}", result.errors);
            if (result.exit_code != 0 || result.signal || result.timed_out) return 1;
            fmt::print("{:<9} {:<5} {}", link, arm, result.output);
            std::fflush(stdout);
        }
    }
    return 0;
}

int run(std::vector<std::string> words) {
    const std::string role = words.empty() ? "" : words.front();
    if (role == "serve") return serve();
    if (role == "measure") return measure(parse_grid({words.begin() + 1, words.end()}));
    if (role == "measure-outage") return measure_outage(words.at(1));
    if (role == "emulate") return emulate(words.at(1), words.at(2), {words.begin() + 3, words.end()});
    const EmulatorSupport support = emulator_support();
    if (!support.available) {
        fmt::print("links cannot be emulated here: {}\n", support.reason);
        return 0;
    }
    if (role == "outage") return run_outages(parse_grid({words.begin() + 1, words.end()}));
    const Grid grid = parse_grid(words);
    fmt::print(
        "x raw: a call's median by that of a raw, warm TCP exchange of as many bytes; *: more than allowed\n"
        "raw: ms, and by how much it exceeds RTT + bytes / rate\n"
        "{:<9}{:>4}{:>7} {:>7} {:>5}",
        "link", "idle", "bytes", "raw", "%");
    for (const std::string& arm : grid.arms) fmt::print(" {:>7} ", arm);
    fmt::print("\n");
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    Tally tally;
    for (const std::string& link : grid.links) {
        std::vector<std::string> command{self, "emulate", link, "measure"};
        command.push_back(link);
        const std::vector<std::string> rest = words_of(grid);
        command.insert(command.end(), rest.begin(), rest.end());
        const ChildResult result = run_child(command, {.time = 900_s});
        fmt::print(stderr, "{}", result.errors);
        if (result.exit_code != 0 || result.signal || result.timed_out) return 1;
        print_link(grid, link, parse_cells(result.output), tally);
    }
    for (const std::string& arm : grid.arms) {
        fmt::print("{}: {} of {} cells within max(1/{}, +{} ms)\n", arm, tally.within[arm], tally.cells, efficiency_min,
                   handling_max.count() * 1e3);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return breakeven::bench_main("bench_transport", run, argc, argv);
}
