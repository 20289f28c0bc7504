// Offloading end to end with a real network, served by this project's own program. Two questions:
//   throughput: at concurrency 8, inferences a second through the server against the same engine called in-process with
//               the same threads (aim: at least 0.9);
//   ethernet:   through the emulated link, an offloaded inference against a raw warm TCP exchange of the same bytes
//   plus
//               the server's compute time (aim: at most 1.05). Cubic on both ends of both arms.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "breakeven/engine/child_process.h"
#include "breakeven/engine/onnxruntime.h"
#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/stats/compare.h"
#include "breakeven/stats/summary.h"
#include "breakeven/wire/remote.h"
#include "breakeven/zoo/zoo.h"
#include "fakes/shared_data.h"

namespace {

using namespace breakeven;
using namespace breakeven::literals;

constexpr int concurrency = 8;
constexpr int rounds = 7;
constexpr Seconds round_time{3.0};
constexpr std::uint16_t raw_port = 7802;
constexpr int exchanges = 120;

Seconds now() {
    return std::chrono::steady_clock::now().time_since_epoch();
}

/// MobileNet V1 at 128 pixels (49,152 bytes as 8-bit pixels), and where the test data is there, MobileNet V2 at 224
/// (some 10 ms, 150,528 bytes): both take 8-bit pixels.
std::filesystem::path make_repository() {
    std::string name = (std::filesystem::temp_directory_path() / "breakeven-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw Error(ErrorKind::unavailable, "make a folder", name);
    const Model model = build_network("mobilenet-v1-128", 0);
    write_file(std::filesystem::path(name) / "net.onnx", with_u8_input(model, preprocess_of(model)).serialized());
    const std::filesystem::path data = fakes::shared_data();
    if (!data.empty()) {
        const Model larger = load_model(data / "models/onnx/imagenet_mobilenet_v2_1.0_224_fp32.onnx").model;
        write_file(std::filesystem::path(name) / "larger.onnx", with_u8_input(larger, {}).serialized());
    }
    return name;
}

/// Inferences a second of `concurrency` threads that each call `infer` again and again.
double throughput(const std::function<void()>& infer) {
    std::atomic<long> done{0};
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    const Seconds start = now();
    for (int i = 0; i < concurrency; ++i) {
        threads.emplace_back([&] {
            while (!stop) {
                infer();
                ++done;
            }
        });
    }
    std::this_thread::sleep_for(round_time);
    stop = true;
    for (std::thread& thread : threads) thread.join();
    return static_cast<double>(done) / (now() - start).count();
}

void compare_throughput(const std::filesystem::path& repository, const std::string& network) {
    const ModelImage image = load_model(repository / (network + ".onnx")).image;
    const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    const auto engine = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY},
                                          .pool = OnnxRuntimeOptions::Pool::shared,
                                          .shared_threads = cores});
    const auto local = engine->load(image, parse_platform(fmt::format("cpu:{}", cores)), {});
    BackgroundChild server(
        {BREAKEVEN_PROGRAM, "serve", repository.string(), "--listen", "127.0.0.1:0", "--with-parent"});
    const std::string ready = server.line_with("breakeven: serving ", 60_s).value_or("");
    RemoteEngine remote({.congestion_control = "cubic"});
    const auto offloaded = remote.load(image, parse_platform("grpc://" + ready.substr(ready.rfind(' ') + 1)), {});
    const std::vector<Tensor> inputs = sample_inputs(local->inputs(), 1);

    std::vector<Seconds> per_local;
    std::vector<Seconds> per_offloaded;
    for (int round = 0; round < rounds; ++round) {
        per_offloaded.emplace_back(1.0 / throughput([&] { (void)offloaded->run(inputs); }));
        per_local.emplace_back(1.0 / throughput([&] { (void)local->run(inputs); }));
    }
    const auto ratio = compare_medians({.subject = per_local, .baseline = per_offloaded});
    fmt::print(
        "throughput, {} B up, concurrency {}: served over in-process {:.3f} [{:.3f}, {:.3f}] (aim: at least 0.9 "
        "for a network of 10 ms); in-process {:.0f} inferences/s\n",
        inputs.front().size().count(), concurrency, ratio->ratio, ratio->ci95.low, ratio->ci95.high,
        1.0 / summarize(per_local)->p50.count());
}

int tcp_socket() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return socket;
}

sockaddr_in address(const char* host) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(raw_port);
    inet_pton(AF_INET, host, &result.sin_addr);
    return result;
}

bool move_all(ssize_t (*move)(int, void*, std::size_t, int), int socket, std::vector<char>& data) {
    for (std::size_t at = 0; at < data.size();) {
        const ssize_t n = move(socket, data.data() + at, data.size() - at, MSG_NOSIGNAL);
        if (n <= 0) return false;
        at += static_cast<std::size_t>(n);
    }
    return true;
}
bool receive(int socket, std::vector<char>& data) {
    return move_all([](int s, void* p, std::size_t n, int f) { return ::recv(s, p, n, f); }, socket, data);
}
bool send(int socket, std::vector<char>& data) {
    return move_all([](int s, void* p, std::size_t n, int f) { return ::send(s, p, n, f); }, socket, data);
}

/// Role `raw-server`: takes requests of `up` bytes on one connection after another, answers each with `down` bytes.
int raw_server(std::size_t up, std::size_t down) {
    const int listener = tcp_socket();
    const sockaddr_in any = address("0.0.0.0");
    if (bind(listener, reinterpret_cast<const sockaddr*>(&any), sizeof(any)) != 0 || listen(listener, 4) != 0) return 1;
    std::vector<char> request(up);
    std::vector<char> reply(down);
    for (;;) {
        const int socket = accept(listener, nullptr, nullptr);
        while (receive(socket, request) && send(socket, reply)) {
        }
        close(socket);
    }
}

/// Role `device`: raw exchanges and offloaded inferences in turn, over one warm connection each.
int device(const char* host) {
    RemoteEngine remote;
    const auto runner = remote.load({.name = "net", .bytes = "", .path = {}, .sha256 = ""},
                                    parse_platform(fmt::format("grpc://{}:8001", host)), {});
    const std::vector<Tensor> inputs = sample_inputs(runner->inputs(), 1);
    const Bytes down = runner->run(inputs).outputs.front().size();
    std::vector<char> request(static_cast<std::size_t>(inputs.front().size().count()));
    std::vector<char> reply(static_cast<std::size_t>(down.count()));
    const int socket = tcp_socket();
    const sockaddr_in server = address(host);
    if (connect(socket, reinterpret_cast<const sockaddr*>(&server), sizeof(server)) != 0) return 1;

    std::vector<Seconds> offloaded;
    std::vector<Seconds> floor;
    for (int i = -20; i < exchanges; ++i) {
        const Seconds raw_start = now();
        if (!send(socket, request) || !receive(socket, reply)) return 1;
        const Seconds raw = now() - raw_start;
        const Seconds start = now();
        const RunResult result = runner->run(inputs);
        const Seconds total = now() - start;
        if (i < 0) continue;  // both windows are still growing
        offloaded.push_back(total);
        floor.push_back(raw + result.server->compute);
    }
    const auto ratio = compare_medians({.subject = offloaded, .baseline = floor});
    fmt::print(
        "ethernet, {} up: offloaded {:.2f} ms, raw exchange + compute {:.2f} ms: {:.3f} [{:.3f}, {:.3f}] "
        "(aim: at most 1.05)\n",
        request.size(), summarize(offloaded)->p50.count() * 1e3, summarize(floor)->p50.count() * 1e3, ratio->ratio,
        ratio->ci95.low, ratio->ci95.high);
    return 0;
}

void compare_over_ethernet(const std::filesystem::path& repository, const std::string& self) {
    const std::string servers = fmt::format("'{}' raw-server 49152 400 & exec '{}' serve '{}' --listen 0.0.0.0:8001",
                                            self, BREAKEVEN_PROGRAM, repository.string());
    const ChildResult result =
        run_child({BREAKEVEN_PROGRAM, "link", "run", "ethernet", "--tcp", "cubic", "--server-cmd", servers,
                   "--server-port", "8001", "--", self, "device", "10.83.0.2"},
                  {.time = 120_s});
    fmt::print("{}{}", result.output, result.exit_code == 0 ? "" : "ethernet: not measured: " + result.errors);
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() == 3 && words[0] == "raw-server") return raw_server(std::stoul(words[1]), std::stoul(words[2]));
    if (words.size() == 2 && words[0] == "device") return device(words[1].c_str());
    const std::filesystem::path repository = make_repository();
    compare_over_ethernet(repository, std::filesystem::read_symlink("/proc/self/exe").string());
    compare_throughput(repository, "net");
    if (std::filesystem::exists(repository / "larger.onnx")) compare_throughput(repository, "larger");
    std::filesystem::remove_all(repository);
}
