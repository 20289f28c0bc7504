// `breakeven meter read`: the energy of an instrument's recording, whole or window by window.
#include <fmt/format.h>

#include <algorithm>

#include "breakeven/files/files.h"
#include "breakeven/meters/choose.h"
#include "breakeven/meters/recordings.h"
#include "breakeven/units/text.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

constexpr Bytes stamps_file_max{std::int64_t{64} << 20};

struct Options {
    std::string recording;
    std::string timestamps;
    std::string from;
    std::string to;
    std::size_t inferences = 0;
    std::string idle;
};

/// A window with what was found of it.
struct Found {
    TimeWindow window;
    WindowEnergy energy;
};

std::vector<TimeWindow> windows_of(const Options& options, const PowerTrace& trace) {
    if (!options.timestamps.empty()) {
        return parse_measured_windows(read_file(options.timestamps, stamps_file_max), options.timestamps);
    }
    TimeWindow window = trace.span();
    const Seconds begin = window.from;
    if (!options.from.empty()) window.from = begin + parse_seconds(options.from, "--from");
    if (!options.to.empty()) window.to = begin + parse_seconds(options.to, "--to");
    if (!(window.from < window.to)) throw Error(ErrorKind::usage, "read --from and --to", "nothing lies between them");
    return {window};
}

std::optional<Joules> an_inference(const Options& options, const std::optional<Joules>& energy) {
    if (!energy || options.inferences == 0) return std::nullopt;
    return *energy / static_cast<double>(options.inferences);
}

/// The middle one of those that are known.
std::optional<Joules> median(std::vector<Joules> energies) {
    if (energies.empty()) return std::nullopt;
    std::sort(energies.begin(), energies.end());
    const std::size_t middle = energies.size() / 2;
    return energies.size() % 2 == 1 ? energies[middle] : (energies[middle - 1] + energies[middle]) / 2.0;
}

Json or_null(const std::optional<Joules>& energy) {
    return energy ? Json(energy->in(joules)) : Json(nullptr);
}

/// What the window took beyond resting all along.
std::optional<Joules> above(const Found& found, const std::optional<Watts>& idle) {
    if (!idle || !found.energy.energy) return std::nullopt;
    return *found.energy.energy - *idle * found.window.length();
}

void run_read(const Shell& shell, const Options& options) {
    const Recording recording = read_recording(options.recording);
    std::optional<Watts> idle;
    if (!options.idle.empty()) idle = parse_watts(options.idle, "--idle-power");
    Json windows = Json::array();
    std::vector<std::vector<std::string>> rows;
    std::vector<Joules> each;
    for (const TimeWindow& window : windows_of(options, recording.trace)) {
        const Found found{window, recording.trace.energy(window)};
        const auto energy = found.energy.energy;
        const auto inference = an_inference(options, energy);
        if (inference) each.push_back(*inference);
        windows.push_back({{"from_s", window.from.count()},
                           {"to_s", window.to.count()},
                           {"covered_s", found.energy.covered.count()},
                           {"energy_j", or_null(energy)},
                           {"energy_above_idle_j", or_null(above(found, idle))},
                           {"power_w", energy ? Json((*energy / window.length()).in(watts)) : Json(nullptr)},
                           {"energy_per_inference_j", or_null(inference)}});
        rows.push_back({fmt::format("{:.3f}", window.from.count()), fmt::format("{:.3f}", window.to.count()),
                        energy ? to_text(*energy) : "a gap", energy ? to_text(*energy / window.length()) : "-",
                        inference ? to_text(*inference) : "-"});
    }
    const auto middle = median(each);
    std::string text =
        middle ? fmt::format("{} an inference (median of {} windows, measured)\n", to_text(*middle), each.size())
               : std::string();
    text += table({"from s", "to s", "energy", "power", "an inference"}, rows);
    shell.answer({{"recording", options.recording},
                  {"origin", name(Origin::measured)},
                  {"calendar_time", recording.has_calendar_time},
                  {"windows", windows},
                  {"energy_per_inference_j", or_null(middle)}},
                 text);
}

}  // namespace

void add_meter(CLI::App& app, Shell& shell) {
    CLI::App* meter = app.add_subcommand("meter", "energy from an instrument's recording");
    meter->require_subcommand(1);
    meter->footer("\nExample:\n  breakeven meter read joulescope:run.jls --from 2s --to 12s");
    const auto options = std::make_shared<Options>();
    CLI::App* read = add_command(
        *meter, shell, "read", "the energy of a recording, whole or of windows",
        "breakeven meter read trace-energy:trace1-energy.bin --timestamps trace1-timestamps.json --inferences 30",
        [&shell, options] { run_read(shell, *options); });
    read->add_option("RECORDING", options->recording, "csv:FILE, joulescope:FILE or trace-energy:FILE")->required();
    auto* stamps = read->add_option("--timestamps", options->timestamps,
                                    "JSON list of window edges in seconds, as MLPerf Tiny's runner writes it");
    read->add_option("--from", options->from, "from so long after the recording's begin")->excludes(stamps);
    read->add_option("--to", options->to, "to so long after the recording's begin")->excludes(stamps);
    read->add_option("--inferences", options->inferences, "how many there were in each window");
    read->add_option("--idle-power", options->idle, "what the device draws at rest: the energy above it is told too");
}

}  // namespace breakeven::cli
