// Offloading, measured: see offload.h.
#include "breakeven/advise/offload.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "breakeven/emulator/emulator.h"
#include "breakeven/engine/child_process.h"
#include "breakeven/error.h"
#include "breakeven/link/profile.h"
#include "breakeven/measure/measurement.h"
#include "breakeven/measure/sample_input.h"

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

std::vector<std::string> measure_command(const OffloadForm& form, const std::string& address,
                                         const OffloadOptions& options) {
    return {options.executable.string(),
            "measure",
            form.path.string(),
            "--platform",
            "grpc://" + address,
            "--runs",
            std::to_string(options.runs),
            "--store",
            "none",
            "--json"};
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

OffloadMeasurement parse(const std::string& output, const OffloadForm& form) {
    try {
        const Json result = Json::parse(output).at("results").at(0);
        const Json& latency = result.at("latency");
        OffloadMeasurement measurement{.p50 = Seconds(latency.at("p50_s").get<double>()),
                                       .p99 = Seconds(latency.at("p99_s").get<double>()),
                                       .server = std::nullopt};
        if (const Json& server = result.at("server"); !server.is_null()) {
            measurement.server = ServerTimes{.queue = Seconds(server.at("queue_s").at("p50_s").get<double>()),
                                             .compute = Seconds(server.at("compute_s").at("p50_s").get<double>())};
        }
        return measurement;
    } catch (const Json::exception& error) {
        throw Error(ErrorKind::internal, fmt::format("read the measurement of '{}'", form.name), error.what());
    }
}

OffloadMeasurement run_measurement(const std::vector<std::string>& command, const OffloadForm& form,
                                   const std::string& where, const OffloadOptions& options) {
    const ChildResult child = run_child(command, {.time = options.limit});
    if (child.exit_code != 0 || child.signal || child.timed_out) {
        throw Error(ErrorKind::unavailable, fmt::format("measure '{}' {}", form.name, where),
                    reason_of(child, options));
    }
    return parse(child.output, form);
}

}  // namespace

OffloadMeasurement measure_emulated(const Workbench& bench, const OffloadForm& form, const LinkProfile& link,
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
        measure_command(form, fmt::format("{}:{}", server_address, emulated_port), options);
    command.insert(command.end(), device.begin(), device.end());
    return run_measurement(command, form, fmt::format("over the emulated link '{}'", link.name), options);
}

OffloadMeasurement measure_loopback(const Workbench& bench, const OffloadForm& form, const OffloadOptions& options) {
    BackgroundChild server({options.executable.string(), "serve", bench.repository().string(), "--listen",
                            "127.0.0.1:0", "--with-parent"});
    const std::optional<std::string> ready = server.line_with(" on ", options.limit);
    if (!ready) {
        throw Error(ErrorKind::unavailable, "start a server on loopback",
                    server.errors().empty() ? "it did not become ready" : server.errors());
    }
    const std::string address = ready->substr(ready->rfind(' ') + 1);
    return run_measurement(measure_command(form, address, options), form, "over loopback", options);
}

OffloadMeasurement measure_server(const std::string& address, const OffloadForm& form, Engines& engines, Clock& clock,
                                  std::size_t runs) {
    const Platform platform{.engine = "grpc", .unit = address, .number = 0};
    const auto runner = engines.load({.name = form.name, .bytes = "", .path = {}, .sha256 = ""}, platform, {});
    const std::vector<Tensor> inputs = sample_inputs(runner->inputs(), 1);

    PowerMeter meter{Powers{}};
    const MeasurementSet set =
        measure({{.platform = platform, .runner = *runner, .inputs = inputs}}, {.runs = runs}, clock, meter);
    const Measurement& measurement = set.measurements.front();
    if (measurement.failure) throw *measurement.failure;
    if (!measurement.latency) {
        throw Error(ErrorKind::unavailable, fmt::format("measure '{}' on {}", form.name, address),
                    "it was interrupted");
    }
    OffloadMeasurement result{.p50 = measurement.latency->p50, .p99 = measurement.latency->p99, .server = std::nullopt};
    if (measurement.server) {
        result.server = ServerTimes{.queue = measurement.server->queue.p50, .compute = measurement.server->compute.p50};
    }
    return result;
}

}  // namespace breakeven
