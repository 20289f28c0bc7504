// What several commands read from their options: see inputs.h.
#include "cli/inputs.h"

#include "breakeven/files/files.h"
#include "breakeven/plan/platform.h"
#include "breakeven/units/text.h"
#include "cli/paths.h"

namespace breakeven::cli {
namespace {

/// No profile, device or preprocessing file is longer.
constexpr Bytes small_file_max{std::int64_t{1} << 20};

}  // namespace

LinkProfile read_link(const std::string& text) {
    if (const auto link = study_link(text)) return *link;
    if (!std::filesystem::exists(text)) {
        throw Error(ErrorKind::usage, "find link '" + text + "'",
                    "it is neither ethernet, wifi nor 5g, nor a file with a profile; see `breakeven link --help`");
    }
    return parse_link_profile(read_file(text, small_file_max), std::filesystem::path(text).stem().string());
}

std::string server_address(const std::string& text) {
    return parse_platform(text.starts_with("grpc://") ? text : "grpc://" + text).unit;
}

void add_power_options(CLI::App& command, PowerOptions& options) {
    command.add_option("--active-power", options.active, "what the device draws while it computes, such as 5W");
    command.add_option("--idle-power", options.idle, "what it draws while it waits, such as 900mW");
    command.add_option("--device", options.device, "JSON file with both powers and the device's name");
}

Powers powers_of(const PowerOptions& options) {
    Powers given;
    if (!options.active.empty()) given.active = parse_watts(options.active, "--active-power");
    if (!options.idle.empty()) given.idle = parse_watts(options.idle, "--idle-power");
    if (options.device.empty()) return given;
    return merged(parse_device(read_file(options.device, small_file_max), options.device).powers, given);
}

void add_store_option(CLI::App& command, std::string& option) {
    command.add_option(
        "--store", option,
        "file that keeps measurements, or none (default: " + (data_folder() / "measurements.sqlite").string() + ")");
}

std::unique_ptr<Store> open_store(const std::string& option) {
    if (option == "none") return nullptr;
    return std::make_unique<Store>(option.empty() ? data_folder() / "measurements.sqlite"
                                                  : std::filesystem::path(option));
}

FirstContact first_contact(const Shell& shell, const std::string& engine_version) {
    return {.executable = shell.executable, .memory = cache_folder() / "contacts", .engine_version = engine_version};
}

}  // namespace breakeven::cli
