// Offloading over the loopback: our client and server against the fastest bare gRPC C++ call of the same payload.
// 150,528 bytes go up (an image of 224x224x3), 12 come back. Every server runs in a process of its own; rounds are
// interleaved; the same congestion control is set on all sockets. Floors: latency p50 and server CPU at most 1.15x.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "bare_grpc.h"
#include "breakeven/error.h"
#include "breakeven/measure/steady_clock.h"
#include "breakeven/serve/server.h"
#include "breakeven/stats/compare.h"
#include "breakeven/stats/summary.h"
#include "breakeven/wire/remote.h"
#include "breakeven/wire/sockets.h"

extern char** environ;

namespace breakeven::bench {
namespace {

constexpr std::size_t up_size = 150'528;
constexpr std::size_t down_size = 12;
constexpr const char* congestion_control = "cubic";
constexpr int calls_per_round = 200;
constexpr double floor_ratio_max = 1.15;

/// Takes the image, answers with its first bytes: all that is left to time is the way there and back.
class FirstBytes final : public Runner, public Engine {
   public:
    const std::vector<TensorSpec>& inputs() const override { return inputs_; }
    const std::vector<TensorSpec>& outputs() const override { return outputs_; }
    RunResult run(std::span<const Tensor> tensors) override {
        Tensor answer(DType::uint8, {1, down_size});
        std::copy_n(tensors[0].bytes().begin(), down_size, answer.mutable_bytes().begin());
        return {.outputs = {answer}, .server = {}};
    }
    std::string name() const override { return "first bytes"; }
    std::string version() const override { return "1"; }
    std::vector<PlatformStatus> platforms() const override { return {}; }
    std::unique_ptr<Runner> load(const ModelImage&, const Platform&, const LoadOptions&) override {
        return std::make_unique<FirstBytes>();
    }

   private:
    std::vector<TensorSpec> inputs_{{"image", DType::uint8, {1, 224, 224, 3}}};
    std::vector<TensorSpec> outputs_{{"first", DType::uint8, {1, down_size}}};
};

void set_congestion(End end, int port) {
    set_congestion_control(end, static_cast<std::uint16_t>(port), congestion_control);
}

[[noreturn]] void print_port_and_wait(int port) {
    fmt::print("{}\n", port);
    std::fflush(stdout);
    std::array<char, 1> nothing{};
    while (read(STDIN_FILENO, nothing.data(), 1) > 0) {
    }
    std::_Exit(0);  // the parent has closed our stdin: the run is over
}

[[noreturn]] void serve_ours() {
    static SteadyClock clock;
    static FirstBytes engine;
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.congestion_control = congestion_control;
    options.admission.running = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    static Server server(
        engine, [](const std::filesystem::path&) { return ModelImage(); }, clock, options);
    server.add_model(ModelImage{.name = "first", .bytes = {}, .path = {}, .sha256 = {}});
    const std::string address = server.start();
    print_port_and_wait(std::stoi(address.substr(address.rfind(':') + 1)));
}

[[noreturn]] void serve_bare(const std::string& kind) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    static BareSyncService sync(down_size);
    static BareQueueService queued;
    std::unique_ptr<grpc::ServerCompletionQueue> queue;
    if (kind == "sync") {
        builder.RegisterService(&sync);
    } else {
        builder.RegisterService(&queued);
        queue = builder.AddCompletionQueue();
    }
    const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    set_congestion(End::local, port);
    std::vector<std::jthread> threads;
    for (unsigned i = 0; queue && i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
        threads.emplace_back([&] { queued.poll(*queue, down_size); });
    }
    print_port_and_wait(port);
}

/// A server in a child process, which ends with us.
struct Child {
    pid_t pid = 0;
    int port = 0;
    int stdin_end = -1;
    clockid_t cpu_clock = 0;

    explicit Child(const std::string& kind) {
        std::array<int, 2> in{};
        std::array<int, 2> out{};
        if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) std::abort();
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
        std::string program = "bench_serve";
        std::string argument = kind;
        std::array<char*, 3> arguments{program.data(), argument.data(), nullptr};
        if (posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, arguments.data(), environ) != 0) std::abort();
        posix_spawn_file_actions_destroy(&actions);
        close(in[0]);
        close(out[1]);
        stdin_end = in[1];
        FILE* reader = fdopen(out[0], "r");
        if (std::fscanf(reader, "%d", &port) != 1) std::abort();
        std::fclose(reader);
        clock_getcpuclockid(pid, &cpu_clock);
    }
    ~Child() {
        close(stdin_end);
        waitpid(pid, nullptr, 0);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port); }
    /// User and system time of all its threads, as getrusage counts it, to the nanosecond.
    Seconds cpu() const {
        timespec time{};
        clock_gettime(cpu_clock, &time);
        return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    }
};

/// One way to make the call: its samples of latency, and its server's CPU time of each round.
struct Arm {
    std::string name;
    const Child* server;
    std::function<bool()> call;
    std::vector<Seconds> latency;  ///< p50 of each round
    std::vector<Seconds> cpu;      ///< per request, of each round

    void round() {
        std::vector<Seconds> samples;
        const Seconds before = server->cpu();
        for (int i = 0; i < calls_per_round; ++i) {
            const auto start = std::chrono::steady_clock::now();
            if (!call()) throw Error(ErrorKind::unavailable, "call " + name, "the call failed");
            samples.push_back(std::chrono::steady_clock::now() - start);
        }
        cpu.push_back((server->cpu() - before) / calls_per_round);
        std::nth_element(samples.begin(), samples.begin() + calls_per_round / 2, samples.end());
        latency.push_back(samples[calls_per_round / 2]);
    }
};

std::size_t fastest(const std::vector<Arm>& floors, std::vector<Seconds> Arm::*what) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < floors.size(); ++i) {
        if (summarize(floors[i].*what)->p50 < summarize(floors[best].*what)->p50) best = i;
    }
    return best;
}

bool report(const std::string& title, const Arm& ours, const std::vector<Arm>& floors,
            std::vector<Seconds> Arm::*what) {
    const Arm& floor = floors[fastest(floors, what)];
    for (const Arm& arm : floors)
        fmt::print("  {:<26} {:7.1f} us\n", arm.name, summarize(arm.*what)->p50.count() * 1e6);
    fmt::print("  {:<26} {:7.1f} us\n", ours.name, summarize(ours.*what)->p50.count() * 1e6);
    const MedianComparison ratio = *compare_medians({.subject = ours.*what, .baseline = floor.*what});
    fmt::print("{}: {:.3f}x of {}, 95 % interval {:.3f} to {:.3f}, allowed {:.2f}\n", title, ratio.ratio, floor.name,
               ratio.ci95.low, ratio.ci95.high, floor_ratio_max);
    return ratio.ratio <= floor_ratio_max;
}

int run(int rounds) {
    const Child ours("ours"), sync("sync"), queue("queue");
    const auto channel = [](const Child& child) {
        return grpc::CreateChannel(child.address(), grpc::InsecureChannelCredentials());
    };
    BytesValue request, reply;
    request.set_value(std::string(up_size, 'p'));
    BareClient to_sync(channel(sync)), to_queue(channel(queue));

    RemoteEngine engine({.connect_timeout = Seconds(5),
                         .call_timeout = Seconds(10),
                         .message_max = Bytes(1 << 28),
                         .congestion_control = congestion_control});
    const auto runner = engine.load(ModelImage{.name = "first", .bytes = {}, .path = {}, .sha256 = {}},
                                    parse_platform("grpc://" + ours.address()), {});
    const std::vector<Tensor> image{Tensor(DType::uint8, {1, 224, 224, 3})};
    Arm our_arm{.name = "breakeven",
                .server = &ours,
                .call = [&] { return runner->run(image).outputs.size() == 1; },
                .latency = {},
                .cpu = {}};
    std::vector<Arm> floors;
    floors.push_back({"bare sync", &sync, [&] { return to_sync.call_sync(request, reply); }, {}, {}});
    floors.push_back({"bare queue", &queue, [&] { return to_queue.call_queue(request, reply); }, {}, {}});
    floors.push_back({"bare queue, sync client", &queue, [&] { return to_queue.call_sync(request, reply); }, {}, {}});

    std::vector<Arm*> arms{&our_arm};
    for (Arm& floor : floors) arms.push_back(&floor);
    for (Arm* arm : arms) arm->round();  // warm-up
    set_congestion(End::peer, sync.port);
    set_congestion(End::peer, queue.port);
    for (Arm* arm : arms) {
        arm->latency.clear();
        arm->cpu.clear();
    }
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < arms.size(); ++i)
            arms[(i + static_cast<std::size_t>(round)) % arms.size()]->round();
    }
    fmt::print("{} bytes up, {} down, loopback, {}, {} rounds of {} calls\n", up_size, down_size, congestion_control,
               rounds, calls_per_round);
    const bool latency = report("offload p50", our_arm, floors, &Arm::latency);
    const bool cpu = report("server CPU per request", our_arm, floors, &Arm::cpu);
    return latency && cpu ? 0 : 1;
}

}  // namespace
}  // namespace breakeven::bench

int main(int argc, char** argv) {
    using namespace breakeven;
    try {
        const std::string what = argc > 1 ? argv[1] : "40";
        if (what == "ours") bench::serve_ours();
        if (what == "sync" || what == "queue") bench::serve_bare(what);
        return bench::run(std::max(6, std::atoi(what.c_str())));
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_serve: {}\n", error.what());
        return 1;
    }
}
