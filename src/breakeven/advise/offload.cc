// Offloading, measured: see offload.h.
#include "breakeven/advise/offload.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "breakeven/emulator/emulator.h"
#include "breakeven/engine/child_process.h"
#include "breakeven/error.h"
#include "breakeven/files/samples.h"
#include "breakeven/link/profile.h"
#include "breakeven/measure/measurement.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/session/split.h"
#include "breakeven/units/text.h"
#include "breakeven/wire/coded_runner.h"
#include "breakeven/wire/deployed_runner.h"

namespace breakeven {
namespace {

using Json = nlohmann::json;

/// The port of the server on its emulated host, where nothing else listens.
constexpr int emulated_port = 8001;

/// A word that /bin/sh reads back as it is.
std::string quoted(const std::string& word) {
    std::string result = "'";
    for (const char c : word) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

std::vector<std::string> measure_command(const Exchange& exchange, const std::string& address,
                                         const OffloadOptions& options) {
    std::vector<std::string> command{options.executable.string(), "measure"};
    const auto add = [&](std::initializer_list<std::string> words) { command.insert(command.end(), words); };
    if (exchange.cut.empty()) {
        add({exchange.form->path.string(), "--platform", "grpc://" + address});
    } else {
        add({exchange.form->path.string(), "--platform", to_text(exchange.head), "--server", address, "--at"});
        command.insert(command.end(), exchange.cut.begin(), exchange.cut.end());
    }
    if (options.duration) {
        add({"--duration", fmt::format("{}s", options.duration->count())});
    } else {
        add({"--runs", std::to_string(options.runs)});
    }
    add({"--store", "none", "--json"});
    if (exchange.codec) add({"--codec", name(*exchange.codec)});
    if (!exchange.input.empty()) {
        add({"--input", exchange.form->inputs.front().name + "=" + exchange.input.string()});
    }
    add({"--transport", std::string(name(options.transport))});
    if (options.idle > Seconds(0)) add({"--idle", fmt::format("{}s", options.idle.count())});
    return command;
}

/// The child's own last line, for a warning.
std::string reason_of(const ChildResult& child, const OffloadOptions& options) {
    if (child.timed_out) return fmt::format("it did not end within {:.0f} s", options.limit.count());
    if (child.signal) return "it was ended by " + signal_text(*child.signal);
    std::string text = child.errors;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    const std::size_t line = text.rfind('\n');
    return line == std::string::npos ? text : text.substr(line + 1);
}

OffloadMeasurement parse(const std::string& output, const Exchange& exchange) {
    try {
        const Json result = Json::parse(output).at("results").at(0);
        const Json& latency = result.at("latency");
        OffloadMeasurement measurement{.p50 = Seconds(latency.at("p50_s").get<double>()),
                                       .p99 = Seconds(latency.at("p99_s").get<double>()),
                                       .head = {},
                                       .server = {},
                                       .deployed = {},
                                       .answer = output};
        if (const auto head = result.find("head_s"); head != result.end()) {
            measurement.head = Seconds(head->at("p50_s").get<double>());
        }
        if (const Json& server = result.at("server"); !server.is_null()) {
            measurement.server = ServerTimes{.queue = Seconds(server.at("queue_s").at("p50_s").get<double>()),
                                             .compute = Seconds(server.at("compute_s").at("p50_s").get<double>())};
        }
        return measurement;
    } catch (const Json::exception& error) {
        throw Error(ErrorKind::internal, fmt::format("read the measurement of '{}'", exchange.name), error.what());
    }
}

OffloadMeasurement run_measurement(const std::vector<std::string>& command, const Exchange& exchange,
                                   const std::string& where, const OffloadOptions& options) {
    const ChildResult child = run_child(command, {.time = options.limit});
    if (child.exit_code != 0 || child.signal || child.timed_out) {
        throw Error(ErrorKind::unavailable, fmt::format("measure '{}' {}", exchange.name, where),
                    reason_of(child, options));
    }
    return parse(child.output, exchange);
}

}  // namespace

OffloadMeasurement measure_emulated(const Workbench& bench, const Exchange& exchange, const LinkProfile& link,
                                    const std::string& congestion_control, const OffloadOptions& options) {
    const std::filesystem::path profile = bench.write("link.json", link_profile_text(link));
    const std::string server = fmt::format("{} serve {} --listen 0.0.0.0:{}", quoted(options.executable.string()),
                                           quoted(bench.repository().string()), emulated_port);
    std::vector<std::string> command{
        options.executable.string(),  "link", "run", profile.string(), "--server-cmd", server, "--server-port",
        std::to_string(emulated_port)};
    if (!congestion_control.empty()) command.insert(command.end(), {"--tcp", congestion_control});
    command.emplace_back("--");
    const std::vector<std::string> device =
        measure_command(exchange, fmt::format("{}:{}", server_address, emulated_port), options);
    command.insert(command.end(), device.begin(), device.end());
    return run_measurement(command, exchange, fmt::format("over the emulated link '{}'", link.name), options);
}

OffloadMeasurement measure_loopback(const Workbench& bench, const Exchange& exchange, const OffloadOptions& options) {
    BackgroundChild server({options.executable.string(), "serve", bench.repository().string(), "--listen",
                            "127.0.0.1:0", "--with-parent"});
    const std::optional<std::string> ready = server.line_with("breakeven: serving ", options.limit);
    if (!ready) {
        throw Error(ErrorKind::unavailable, "start a server on loopback",
                    server.errors().empty() ? "it did not become ready" : server.errors());
    }
    const std::string address = ready->substr(ready->rfind(' ') + 1);
    return run_measurement(measure_command(exchange, address, options), exchange, "over loopback", options);
}

namespace {

/// Ready to run against the server, and what had to be sent for it.
struct Reached {
    std::unique_ptr<Runner> runner;
    std::optional<Deployed> deployed;
};

DeployOptions deploy_options(const RealServer& server) {
    return {.progress = [&server](const DeployProgress& p) {
        server.progress(fmt::format("sending a network to {}: {} of {}", server.client->address(), to_text(p.there),
                                    to_text(p.total)));
    }};
}

std::optional<Deployed> if_sent(const Deployed& deployed) {
    return deployed.how == Deployed::How::already_there ? std::nullopt : std::optional(deployed);
}

Reached reach_cut(const RealServer& server, const Exchange& exchange) {
    LoadedSplit split = load_split(*exchange.whole, exchange.cut,
                                   {.head = exchange.head, .server = server.client, .codec = exchange.codec},
                                   server.engines, server.clock, deploy_options(server));
    return {std::move(split.runner), if_sent(split.tail)};
}

/// By the form's name, as who runs the server may have put it there; else it is sent.
Reached reach_form(const RealServer& server, const Exchange& exchange) {
    const OffloadForm& form = *exchange.form;
    const Platform platform{.engine = "grpc", .unit = server.client->address(), .number = 0};
    try {
        if (exchange.codec) return {load_coded(server.client, form.name, *exchange.codec), {}};
        return {server.engines.load({.name = form.name, .bytes = "", .path = {}, .sha256 = ""}, platform, {}), {}};
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
    }
    ModelImage image = load_model(form.path).image;
    image.name = content_name(form.name, image.sha256);
    auto runner =
        std::make_unique<DeployedRunner>(server.client, server.clock, std::move(image),
                                         RedeployOptions{.deploy = deploy_options(server), .codec = exchange.codec});
    const Deployed deployed = runner->deployed();
    return {std::move(runner), if_sent(deployed)};
}

}  // namespace

OffloadMeasurement measure_server(const RealServer& server, const Exchange& exchange, const OffloadOptions& options) {
    const Reached reached = exchange.cut.empty() ? reach_form(server, exchange) : reach_cut(server, exchange);
    const Platform platform{.engine = "grpc", .unit = server.client->address(), .number = 0};
    const std::vector<TensorSpec>& specs = reached.runner->inputs();
    const std::vector<Tensor> inputs = exchange.input.empty()
                                           ? sample_inputs(specs, 1)
                                           : std::vector{read_input(exchange.input, specs.front(), Preprocess{})};
    PowerMeter meter{Powers{}};
    const MeasurementSet set =
        measure({{.platform = platform, .runner = *reached.runner, .inputs = inputs, .title = exchange.name}},
                {.runs = options.runs, .rest = options.idle}, server.clock, meter);
    const Measurement& measurement = set.measurements.front();
    if (measurement.failure) throw *measurement.failure;
    if (!measurement.latency) {
        throw Error(ErrorKind::unavailable, fmt::format("measure '{}' on {}", exchange.name, server.client->address()),
                    "it was interrupted");
    }
    OffloadMeasurement result{.p50 = measurement.latency->p50,
                              .p99 = measurement.latency->p99,
                              .head = {},
                              .server = {},
                              .deployed = reached.deployed};
    if (measurement.head) result.head = measurement.head->p50;
    if (measurement.server) {
        result.server = ServerTimes{.queue = measurement.server->queue.p50, .compute = measurement.server->compute.p50};
    }
    return result;
}

}  // namespace breakeven
