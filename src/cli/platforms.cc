// `breakeven platforms`: what this machine can run on, and why something is missing.
#include "breakeven/meters/choose.h"
#include "cli/engines.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

/// Columns of the names.
constexpr std::size_t label = 19;

void run_platforms(const Shell& shell) {
    const Engines engines = make_engines(shell);
    Json platforms = Json::array();
    std::string lines = "platforms, for `measure --platform`\n";
    for (const PlatformStatus& status : engines.platforms()) {
        const std::string name = to_text(status.platform);
        platforms.push_back({{"name", name},
                             {"engine", status.platform.engine},
                             {"available", status.available},
                             {"reason", status.available ? Json(nullptr) : Json(status.reason)}});
        lines +=
            wrapped_beside(name, status.available ? "yes: " + status.platform.engine : "no: " + status.reason, label);
    }
    Json meters = Json::array();
    std::string meter_lines = "\nmeters, for `measure --meter`\n";
    for (const MeterStatus& meter : meters_here()) {
        meters.push_back({{"name", meter.name},
                          {"what", meter.what},
                          {"available", meter.available},
                          {"reason", meter.available ? Json(nullptr) : Json(meter.reason)}});
        meter_lines +=
            wrapped_beside(meter.name, meter.available ? "yes: " + meter.what : "no: " + meter.reason, label);
    }
    shell.answer({{"platforms", platforms}, {"meters", meters}},
                 lines + "a server is a platform too: grpc://HOST:PORT\n" + meter_lines);
}

}  // namespace

void add_platforms(CLI::App& app, Shell& shell) {
    add_command(app, shell, "platforms",
                "what this machine can run a network on and meter it with, and why something is missing",
                "breakeven platforms", [&shell] { run_platforms(shell); });
}

}  // namespace breakeven::cli
