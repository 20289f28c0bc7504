// `breakeven serve`: the models of a folder over gRPC, until SIGTERM or Ctrl-C.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <thread>

#include "breakeven/files/memory_file.h"
#include "breakeven/files/model_file.h"
#include "breakeven/serve/server.h"
#include "breakeven/units/text.h"
#include "cli/engines.h"
#include "cli/interrupt.h"
#include "cli/seats.h"
#include "cli/security.h"
#include "cli/shell.h"
#include "cli/tune.h"
#include "cli/version.h"

namespace breakeven::cli {
namespace {

/// How often the waiting server looks whether it was asked to stop.
constexpr Seconds stop_interval{0.05};

/// Runs in the engine at once, for each core. A run leaves cores idle where its graph is narrow, and others fill them:
/// with one run a core the served throughput is 0.80 of the engine's own at concurrency 8, with four it is 0.90.
constexpr int runs_per_core = 4;

int cores() {
    return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

struct Options {
    std::string repository;
    std::string listen = "127.0.0.1:8001";
    std::string platform;
    std::string memory_limit;
    std::string message_max = "256MiB";
    std::string congestion_control;
    ServerSecurity security;
    std::string token_file;
    bool plain = false;
    bool allow_load = false;
    bool with_parent = false;
};

ServerOptions server_options(const Options& options, const Platform& platform) {
    ServerOptions made;
    made.listen = options.listen;
    made.repository.platform = platform;
    if (!options.memory_limit.empty()) {
        made.repository.memory_limit = parse_bytes(options.memory_limit, "--memory-limit");
    }
    made.admission.running = runs_per_core * cores();
    made.message_max = parse_bytes(options.message_max, "--max-message");
    made.load_requests = options.allow_load ? LoadRequests::allowed : LoadRequests::refused;
    made.congestion_control = options.congestion_control;
    made.security = options.security;
    made.security.token = token_of(options.token_file);
    if (options.plain || is_on_emulated_host()) made.security.plain_text = ServerSecurity::PlainText::anywhere;
    made.version = breakeven_version;
    made.log = log_to_stderr();
    return made;
}

/// Of `auto` the pool of threads that ONNX Runtime's networks share.
Platform platform_asked(const std::string& text) {
    if (is_auto(text)) return {.engine = "onnxruntime", .unit = "cpu", .number = threads_of(text)};
    Platform platform = parse_platform(text);
    if (platform.is_remote()) throw Error(ErrorKind::usage, "serve networks", "--platform is one of this machine's");
    return platform;
}

void check_any_served(const Options& options, const std::vector<IndexEntry>& index) {
    const std::string attempt = fmt::format("serve '{}'", options.repository);
    if (options.allow_load || std::ranges::find(index, true, &IndexEntry::ready) != index.end()) return;
    if (index.empty()) {
        throw Error(ErrorKind::input, attempt,
                    "there is no model in it; put NAME.onnx, NAME.tflite or NAME/1/model.onnx there");
    }
    const IndexEntry& first = index.front();
    throw Error(ErrorKind::input, attempt,
                fmt::format("none of its models can be served: '{}' version {}: {}{}", first.name, first.version,
                            first.reason, index.size() == 1 ? "" : fmt::format(" (and {} more)", index.size() - 1)));
}

void run_serve(const Shell& shell, const Options& options) {
    const std::atomic<bool>& stop = interrupted();
    if (options.with_parent) prctl(PR_SET_PDEATHSIG, SIGTERM);
    const Platform platform = platform_asked(options.platform);
    const Engines engines = make_serving_engines(shell, std::max(1, platform.number));
    Seats seats(shell, engines, options.platform);
    const ModelLoader loader = [&](const std::filesystem::path& file) {
        ModelImage image = load_model(file).image;
        seats.meet(file, image);
        return image;
    };
    ServerOptions made = server_options(options, platform);
    made.repository.seat = [&](const ModelImage& image) { return seats.of(image); };
    made.repository.approve = [&](const ModelImage& image, const Platform& where, const ServedModel& loaded) {
        seats.approve(image, where, loaded);
    };
    made.repository.sent_loader = [&](SentBytes sent) {
        ModelImage image = check_sent_model(std::move(sent));
        seats.meet(MemoryFile(image.bytes).path(), image);
        return image;
    };
    const Log log = made.log;
    Server server(engines.of(platform), loader, shell.clock, std::move(made));
    server.load_repository(options.repository);
    const std::vector<IndexEntry> index = server.index();
    check_any_served(options, index);
    seats.tell_at_once();
    const std::string address = server.start();
    const auto ready = std::ranges::count(index, true, &IndexEntry::ready);
    shell.note(fmt::format("breakeven: serving {} model{} on {}", ready, ready == 1 ? "" : "s", address));
    for (const Seated& each : seats.seated()) {
        if (const std::string text = seats.text_of(each); !text.empty()) shell.note("breakeven: " + text);
    }
    for (const IndexEntry& entry : index) {
        if (!entry.ready) log(fmt::format("model '{}' version {}: {}", entry.name, entry.version, entry.reason));
    }
    if (shell.json) shell.answer({{"address", address}, {"models", ready}, {"networks", seats.document()}}, "");
    while (!stop) shell.clock.sleep_until(shell.clock.now() + stop_interval);
    server.stop();
}

}  // namespace

void add_serve(CLI::App& app, Shell& shell) {
    auto options = std::make_shared<Options>();
    options->platform = fmt::format("cpu:{}", cores());
    CLI::App* command =
        add_command(app, shell, "serve", "serve the networks of a folder over gRPC",
                    "breakeven serve models/ --listen 0.0.0.0:8001 --tls-cert server.pem --tls-key server.key",
                    [&shell, options] { run_serve(shell, *options); });
    command->add_option("REPO", options->repository, "a folder with NAME.onnx, NAME.tflite or NAME/VERSION/model.onnx")
        ->required();
    command->add_option("--listen", options->listen, "HOST:PORT; port 0 picks a free one")->capture_default_str();
    command
        ->add_option(
            "--platform", options->platform,
            "what runs the networks, such as openvino:cpu:2, or auto: what `breakeven tune` found for each; with "
            "cpu:N TFLite files run on openvino:cpu:N")
        ->capture_default_str();
    command->add_option("--memory-limit", options->memory_limit, "most that all networks may take, such as 2GiB");
    command->add_option("--max-message", options->message_max, "longest request taken")->capture_default_str();
    command->add_option("--tcp", options->congestion_control, "TCP congestion control: cubic, bbr, reno");
    command->add_flag("--allow-load", options->allow_load, "clients may load and unload networks, and send some");
    command->add_option("--tls-cert", options->security.certificate_file, "encrypt, with this certificate (PEM)");
    command->add_option("--tls-key", options->security.key_file, "its key");
    command->add_option("--tls-client-ca", options->security.client_authorities_file,
                        "serve only clients with a certificate of the authorities in this PEM file");
    command->add_option("--token-file", options->token_file,
                        "serve only who shows the token in this file (default: BREAKEVEN_TOKEN, else anybody)");
    command->add_flag("--plain", options->plain, "allow plain text from other machines");
    command->add_flag("--with-parent", options->with_parent, "end when the program that started this one ends");
}

}  // namespace breakeven::cli
