// What a session costs and survives:
//   choose    the adaptive policy's choice among four plans, its memory full (aim: under 2 us)
//   overhead  Session::infer over the plan that it runs, interleaved: the engine called here, and the client's own call
//             of the server (aim: under 20 us)
//   faults    60 s of a real server and a real link that break in every way in turn (aim: every inference answered,
//             within the deadline, none wrong)
#include "breakeven/session/session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <map>

#include "bench_main.h"
#include "breakeven/engine/onnxruntime.h"
#include "breakeven/error.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/model/sha256.h"
#include "breakeven/plan/adaptive_policy.h"
#include "breakeven/stats/summary.h"
#include "breakeven/time/random.h"
#include "breakeven/wire/client.h"
#include "breakeven/zoo/zoo.h"
#include "fault_link.h"

namespace {

using namespace breakeven;
using namespace breakeven::literals;

Seconds now() {
    return std::chrono::steady_clock::now().time_since_epoch();
}

Seconds processor_time() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return Seconds(static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec));
}

// ---- choose

int bench_choose() {
    AdaptivePolicy policy(example_plans(300_ms), {});
    Random random(1);
    Seconds at{0.0};
    for (int i = 0; i < 1000; ++i) {  // pairs, all remembered places full
        at += 1_s;
        policy.observe(
            {.at = at,
             .up = RateSample{.ended = at, .took = Seconds(0.05 * std::exp(random.normal())), .size = Bytes(75'000)},
             .round_trip = 50_ms});
    }
    constexpr int repeats = 200, choices = 500;
    std::vector<Seconds> times;
    double sum = 0.0;
    for (int i = 0; i < repeats; ++i) {
        const Seconds start = processor_time();
        for (int k = 0; k < choices; ++k) {
            at += 1_ms;
            sum += policy.choose({.now = at, .deadline = 500_ms}).expected.count();
        }
        times.push_back((processor_time() - start) / choices);
    }
    const Summary summary = *summarize(times);
    fmt::print("choose: {:.2f} us, p99 of {} rounds {:.2f} us (aim: under 2 us){}\n", summary.p50.count() * 1e6,
               repeats, summary.p99.count() * 1e6, sum < 0.0 ? "!" : "");
    return summary.p50 < 2_us ? 0 : 1;
}

// ---- a real server

/// `breakeven serve` in a process that can be killed.
class ServedElsewhere {
   public:
    ServedElsewhere() {
        std::string name = "/tmp/breakeven-bench-session-XXXXXX";
        if (mkdtemp(name.data()) == nullptr) throw Error(ErrorKind::unavailable, "make a folder", name);
        folder_ = name;
        start();
    }
    ~ServedElsewhere() {
        kill();
        rmdir(folder_.c_str());
    }
    void start() {
        const std::string listen = fmt::format("127.0.0.1:{}", port);
        std::vector<const char*> words{BREAKEVEN_PROGRAM, "serve",        folder_.c_str(), "--listen",
                                       listen.c_str(),    "--allow-load", nullptr};
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        const int failed = posix_spawn(&process_, BREAKEVEN_PROGRAM, &actions, nullptr,
                                       const_cast<char* const*>(words.data()), environ);
        posix_spawn_file_actions_destroy(&actions);
        if (failed != 0) throw Error(ErrorKind::unavailable, "start a server", BREAKEVEN_PROGRAM);
        Client client(listen);
        if (!client.wait_until_connected(10_s))
            throw Error(ErrorKind::unavailable, "start a server", "it is not there");
    }
    void kill() {
        if (process_ <= 0) return;
        ::kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
        process_ = -1;
    }
    static constexpr std::uint16_t port = 7831;

   private:
    std::string folder_;
    pid_t process_ = -1;
};

struct Bench {
    explicit Bench(const char* name) : network(build_network(name, 0).serialized()) {}
    std::string network;
    std::unique_ptr<Engine> engine = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    std::unique_ptr<Runner> runner = engine->load(
        {.name = "net", .bytes = network, .path = {}, .sha256 = sha256(network)}, {"onnxruntime", "cpu", 1}, {});
    std::vector<Tensor> inputs = sample_inputs(runner->inputs(), 1);

    SessionOptions options(const std::string& server) const {
        SessionOptions made;
        made.server = server;
        made.onnxruntime = {BREAKEVEN_ONNXRUNTIME_LIBRARY};
        return made;
    }
};

// ---- overhead

/// Medians of two ways to the same answer, taken in turns, and of their differences.
void compare(const std::string& what, const std::function<void()>& plan, const std::function<void()>& session) {
    constexpr int rounds = 1500, warm_up = 100;
    std::vector<Seconds> bare, whole, differences;
    for (int i = 0; i < rounds + warm_up; ++i) {
        Seconds took[2];
        for (const int first : {i % 2, 1 - i % 2}) {
            const Seconds start = now();
            (first == 0 ? plan : session)();
            took[first] = now() - start;
        }
        if (i < warm_up) continue;
        bare.push_back(took[0]);
        whole.push_back(took[1]);
        differences.push_back(took[1] - took[0]);
    }
    const Summary a = *summarize(bare), b = *summarize(whole), d = *summarize(differences);
    fmt::print(
        "overhead, {}: plan {:.1f} us, session {:.1f} us, median difference {:.1f} us ({:.1f} to {:.1f}; aim: under 20 "
        "us)\n",
        what, a.p50.count() * 1e6, b.p50.count() * 1e6, d.p50.count() * 1e6, d.ci95->low.count() * 1e6,
        d.ci95->high.count() * 1e6);
}

int bench_overhead(const Bench& bench) {
    {
        Session session = Session::open_bytes("net", bench.network, bench.options(""));
        compare(
            "here", [&] { (void)bench.runner->run(bench.inputs); }, [&] { (void)session.infer(bench.inputs); });
    }
    ServedElsewhere server;
    const std::string address = fmt::format("127.0.0.1:{}", ServedElsewhere::port);
    SessionOptions options = bench.options(address);
    options.policy = SessionPolicy::always_offload;
    options.splits = 0;
    Session session = Session::open_bytes("net", bench.network, options);
    if (!session.outlook().server_ready) throw Error(ErrorKind::unavailable, "offload", session.outlook().server_state);
    Client client(address);
    const std::string served = "net-" + sha256(bench.network).substr(0, 16);
    Request request{.model = served,
                    .version = {},
                    .id = {},
                    .parameters = {{std::string(sha256_parameter), sha256(bench.network)}},
                    .inputs = {{bench.runner->inputs()[0].name, bench.inputs[0]}},
                    .outputs = {}};
    if (!std::holds_alternative<InferReply>(client.infer(request))) {
        throw Error(ErrorKind::unavailable, "ask the server", served);
    }
    const auto call = [&] { (void)client.infer(request); };
    const auto started = [&] {
        std::promise<void> done;
        const auto under_way = client.start(request, 10_s, [&](const Outcome<InferReply>&) { done.set_value(); });
        done.get_future().wait();
    };
    const auto inferred = [&] { (void)session.infer(bench.inputs); };
    compare("there, over a blocking call", call, inferred);
    compare("there, over a started call", started, inferred);
    const SessionCounters counters = session.counters();
    fmt::print("  ({} of {} answered there)\n", counters.answered_there, counters.inferences);
    return 0;
}

// ---- faults

int bench_faults(const Bench& bench, Seconds duration) {
    const std::vector<Tensor> expected = bench.runner->run(bench.inputs).outputs;
    ServedElsewhere server;
    FaultLink link(ServedElsewhere::port);
    SessionOptions options = bench.options(link.address());
    options.deadline = 150_ms;
    // The server on every occasion: a policy that learns would soon stay away from one that breaks all the time.
    options.policy = SessionPolicy::always_offload;
    options.plans = R"({"plans": [{"name": "local", "device": "60ms"},
        {"name": "offload", "server": "8ms", "up": "196608B", "down": "4004B"}]})";
    Session session = Session::open_bytes("net", bench.network, options);
    struct Fault {
        std::string name;
        LinkFault link;
    };
    const std::vector<Fault> faults{
        {"well", LinkFault::none},   {"killed", LinkFault::none},     {"well", LinkFault::none},
        {"down", LinkFault::down},   {"well", LinkFault::none},       {"at 1 %", LinkFault::one_percent},
        {"well", LinkFault::none},   {"delayed", LinkFault::delayed}, {"well", LinkFault::none},
        {"reset", LinkFault::reset}, {"well", LinkFault::none},       {"truncated", LinkFault::truncated}};
    struct Count {
        int inferences = 0, in_time = 0, there = 0, wrong = 0;
        Seconds worst{0.0};
    };
    std::map<std::string, Count> counts;
    constexpr Seconds spell{2.5}, period{0.05};
    const Seconds begin = now();
    std::size_t spells = 0;
    Random random(1);
    for (Seconds at = begin; at < begin + duration; at += spell, ++spells) {
        const Fault& fault = faults[spells % faults.size()];
        link.set(fault.link);
        if (fault.name == "killed") server.kill();
        Count& count = counts[fault.name];
        for (Seconds next = at; next < at + spell; next += period * (0.5 + random.uniform())) {
            std::this_thread::sleep_for(next - now());
            const Inferred result = session.infer(bench.inputs);
            ++count.inferences;
            if (result.in_time == true) ++count.in_time;
            if (result.where == RanOn::server) ++count.there;
            const auto got = result.outputs.at(0).as<float>();
            const auto want = expected.at(0).as<float>();
            for (std::size_t i = 0; i < want.size(); ++i) {
                if (got.size() != want.size() || std::abs(got[i] - want[i]) > 1e-4F) {
                    ++count.wrong;
                    break;
                }
            }
            count.worst = std::max(count.worst, result.took.total);
        }
        if (fault.name == "killed") server.start();
    }
    link.set(LinkFault::none);
    int wrong = 0, late = 0, all = 0;
    fmt::print("faults: {:g} s, deadline 150 ms, all answered\n", duration.count());
    for (const auto& [name, count] : counts) {
        fmt::print("  {:<10} {:5} inferences, {:5} in time, {:5} by the server, {} wrong, worst {:.0f} ms\n", name,
                   count.inferences, count.in_time, count.there, count.wrong, count.worst.count() * 1e3);
        wrong += count.wrong;
        late += count.inferences - count.in_time;
        all += count.inferences;
    }
    const SessionCounters c = session.counters();
    fmt::print(
        "  in all {}, {} late, {} wrong; hedged {}, rescued {}, lost {}, late {}, refused {}, garbage {}, breaker "
        "opened {}\n",
        all, late, wrong, c.hedged, c.rescued, c.lost, c.late, c.refused, c.garbage, c.breaker_opened);
    return wrong == 0 && c.inferences == all ? 0 : 1;
}

int run(const std::vector<std::string>& words) {
    const auto wanted = [&](const char* name) {
        return words.empty() || std::ranges::find(words, name) != words.end();
    };
    int failed = 0;
    if (wanted("choose")) failed |= bench_choose();
    if (wanted("overhead")) failed |= bench_overhead(Bench("mobilenet-v1-32"));  // short, so that little disturbs it
    if (wanted("faults")) failed |= bench_faults(Bench("mobilenet-v1-128"), 60_s);
    return failed;
}

}  // namespace

int main(int argc, char** argv) {
    setvbuf(stdout, nullptr, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    return breakeven::bench_main("bench_session", run, argc, argv);
}
