// `breakeven doctor`: what this machine has and lacks for Breakeven, and how to get what is missing.
#include <fmt/format.h>

#include "breakeven/emulator/emulator.h"
#include "breakeven/measure/counters.h"
#include "breakeven/measure/machine.h"
#include "breakeven/meters/choose.h"
#include "cli/engines.h"
#include "cli/inputs.h"
#include "cli/shell.h"
#include "cli/version.h"

namespace breakeven::cli {
namespace {

struct Check {
    std::string what;
    bool available = false;
    std::string detail;  ///< a version or place; else what is missing and how to get it
};

Check check_engine(const Engines& engines, const std::string& what, const std::string& cpu) {
    const Platform platform = parse_platform(cpu);
    const PlatformStatus status = engines.of(platform).platforms().front();
    return {what, status.available, status.available ? engines.version(platform) : status.reason};
}

/// What runs networks beside the processor's cores.
Check check_accelerators(const Engines& engines) {
    std::string here;
    std::string missing;
    for (const PlatformStatus& status : engines.platforms()) {
        const std::string& unit = status.platform.unit;
        if (unit == "cpu" || unit == "auto") continue;
        std::string& names = status.available ? here : missing;
        names += (names.empty() ? "" : ", ") + to_text(status.platform);
    }
    if (!here.empty()) return {"accelerators", true, here};
    return {"accelerators", false, fmt::format("no {} (`breakeven platforms` says why)", missing)};
}

Check check_emulator() {
    const EmulatorSupport support = emulator_support();
    return {"link emulation", support.available,
            support.available
                ? std::string(support.entry == NamespaceEntry::as_root ? "as root" : "in a user namespace")
                : support.reason};
}

Check check_store() {
    try {
        const auto store = open_store("");
        return {"measurement store", true, fmt::format("{} measurements", store->count())};
    } catch (const Error& error) {
        return {"measurement store", false, error.what()};
    }
}

/// Whether anything here measures energy by itself; a recording instrument always can.
Check check_meters() {
    std::string here;
    std::string missing;
    for (const MeterStatus& meter : meters_here()) {
        const bool is_file = meter.name.find(":FILE") != std::string::npos;
        if (meter.name == "powers" || is_file) continue;
        if (meter.available) {
            here += fmt::format("{}{} ({})", here.empty() ? "" : ", ", meter.name, meter.what);
        } else {
            missing += fmt::format("{}{}", missing.empty() ? "" : ", ", meter.name);
        }
    }
    if (!here.empty()) return {"energy meters", true, here};
    return {"energy meters", false,
            fmt::format("no {} (`breakeven platforms` says why); an instrument's recording can be read", missing)};
}

Check check_counters() {
    std::string reason;
    std::string counted;
    for (const EventCount& event : countable_events()) {
        if (!event.reason.empty()) {
            reason = event.reason;
        } else {
            counted += fmt::format("{}{}", counted.empty() ? "" : ", ", name(event.event));
        }
    }
    if (reason.empty()) return {"counters", true, counted};
    return {"counters", false, fmt::format("{}; counted are {}", reason, counted.empty() ? "none" : counted)};
}

void run_doctor(const Shell& shell) {
    const Engines engines = make_engines(shell);
    const std::vector<Check> checks{check_emulator(),
                                    check_engine(engines, "ONNX Runtime", "cpu:1"),
                                    check_engine(engines, "OpenVINO", "openvino:cpu:1"),
                                    check_accelerators(engines),
                                    check_store(),
                                    check_meters(),
                                    check_counters()};
    const Machine machine = this_machine();
    Json parts = Json::array();
    std::string text = fmt::format("{}\nmachine: {}\n\n", version_text(), to_text(machine));
    for (const Check& check : checks) {
        parts.push_back({{"name", check.what}, {"available", check.available}, {"detail", check.detail}});
        const std::string label = fmt::format("{:<4} {}", check.available ? "ok" : "NO", check.what);
        text += wrapped_beside(label, check.detail, 24);
    }
    shell.answer({{"version", breakeven_version}, {"machine", to_text(machine)}, {"checks", parts}}, text);
}

}  // namespace

void add_doctor(CLI::App& app, Shell& shell) {
    add_command(app, shell, "doctor", "what this machine has and lacks, and how to get it", "breakeven doctor",
                [&shell] { run_doctor(shell); });
}

}  // namespace breakeven::cli
