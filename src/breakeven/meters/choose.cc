// choose: see choose.h.
#include "breakeven/meters/choose.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <optional>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/meters/live_meter.h"
#include "breakeven/meters/nvml.h"
#include "breakeven/meters/recorded_meter.h"
#include "breakeven/meters/recordings.h"
#include "breakeven/meters/sysfs.h"

namespace breakeven {
namespace {

/// Two hours of a power signal at 100 kHz; a longer or finer one is cut or thinned first.
constexpr Bytes recording_max{std::int64_t{4} << 30};

struct Word {
    std::string name;
    std::string arguments;
};

Word split(std::string_view specification) {
    const std::size_t colon = specification.find(':');
    if (colon == std::string_view::npos) return {std::string(specification), ""};
    return {std::string(specification.substr(0, colon)), std::string(specification.substr(colon + 1))};
}

Error absent(std::string_view specification, const std::string& reason) {
    return Error(ErrorKind::unavailable, fmt::format("use the meter '{}'", specification), reason);
}

std::string names_of(const auto& found) {
    std::vector<std::string> names;
    for (const auto& each : found) names.push_back(each.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

std::unique_ptr<Meter> counter_meter(const std::string& specification, Findings<EnergyCounter> findings) {
    if (findings.found.empty()) throw absent(specification, findings.reason);
    std::vector<std::unique_ptr<EnergyCounter>> counters;
    for (auto& each : findings.found) counters.push_back(std::move(each.source));
    return std::make_unique<CounterMeter>(specification, std::move(counters));
}

/// Rails may contain one another: which of several is meant the user must say.
std::unique_ptr<Meter> sensor_meter(const std::string& specification, Findings<PowerSensor> findings, Clock& clock) {
    if (findings.found.empty()) throw absent(specification, findings.reason);
    if (findings.found.size() > 1) {
        throw Error(ErrorKind::usage, fmt::format("use the meter '{}'", specification),
                    fmt::format("say which: {}", names_of(findings.found)));
    }
    return std::make_unique<SensorMeter>(specification, std::move(findings.found.front().source), clock);
}

std::unique_ptr<Meter> nvml_meter(const std::string& specification, const std::string& which, Clock& clock,
                                  const MeterPlaces& places) {
    NvmlFindings findings = find_nvml(places.nvml, which);
    if (!findings.counters.found.empty()) return counter_meter(specification, std::move(findings.counters));
    findings.sensors.reason = findings.reason;
    return sensor_meter(specification, std::move(findings.sensors), clock);
}

using Parser = Recording (*)(std::string_view, const std::string&);

Recording parse_joulescope(std::string_view bytes, const std::string& name) {
    const bool is_table = name.ends_with(".csv") || name.ends_with(".txt");
    return is_table ? parse_power_csv(bytes, name) : parse_jls(bytes, name);
}

std::optional<Parser> parser_of(const std::string& name) {
    if (name == "csv") return &parse_power_csv;
    if (name == "joulescope") return &parse_joulescope;
    if (name == "trace-energy") return &parse_trace_energy;
    return std::nullopt;
}

std::unique_ptr<Meter> recorded_meter(const std::string& specification, const Word& word, Parser parser, Clock& clock) {
    const std::string attempt = fmt::format("use the meter '{}'", specification);
    std::string file = word.arguments;
    RecordedMeterOptions options;
    if (const std::size_t comma = file.rfind(",sync="); comma != std::string::npos) {
        const std::string sync = file.substr(comma + 6);
        if (sync != "pulse" && sync != "calendar") {
            throw Error(ErrorKind::usage, attempt, "sync must be pulse or calendar");
        }
        if (sync == "pulse") options.matching = Matching::pulse;
        file.resize(comma);
    }
    if (file.empty()) {
        throw Error(ErrorKind::usage, attempt, fmt::format("name the file, like {}:power.csv", word.name));
    }
    options.name = specification;
    options.read = [file, parser] { return parser(read_file(file, recording_max), file); };
    options.calendar = [] { return Seconds(std::chrono::system_clock::now().time_since_epoch()); };
    options.burn = [&clock](Seconds time) {
        const Seconds until = clock.now() + time;
        while (clock.now() < until) continue;
    };
    return std::make_unique<RecordedMeter>(std::move(options), clock);
}

template <class Source>
MeterStatus status(const std::string& name, const Findings<Source>& findings) {
    return {name, names_of(findings.found), !findings.found.empty(), findings.reason};
}

}  // namespace

std::unique_ptr<Meter> make_meter(std::string_view specification, const Powers& powers, Clock& clock,
                                  const MeterPlaces& places) {
    const Word word = split(specification);
    const std::string full(specification);
    if (word.name == "powers") return std::make_unique<PowerMeter>(powers);
    if (word.name == "rapl") return counter_meter(full, find_rapl(places.sys, word.arguments));
    if (word.name == "hwmon") return sensor_meter(full, find_hwmon(places.sys, word.arguments), clock);
    if (word.name == "ina") return sensor_meter(full, find_ina(places.sys, word.arguments), clock);
    if (word.name == "nvml") return nvml_meter(full, word.arguments, clock, places);
    if (word.name == "battery") return sensor_meter(full, find_batteries(places.sys, word.arguments), clock);
    if (const auto parser = parser_of(word.name)) return recorded_meter(full, word, *parser, clock);
    throw Error(ErrorKind::usage, fmt::format("use the meter '{}'", specification),
                "it must be powers, rapl, hwmon, ina, nvml, battery, csv:FILE, joulescope:FILE or trace-energy:FILE; "
                "`breakeven platforms` tells which are here");
}

Recording read_recording(std::string_view specification) {
    const Word word = split(specification);
    const auto parser = parser_of(word.name);
    if (!parser || word.arguments.empty()) {
        throw Error(ErrorKind::usage, fmt::format("read the recording '{}'", specification),
                    "write it like csv:power.csv, joulescope:run.jls or trace-energy:trace1-energy.bin");
    }
    return (*parser)(read_file(word.arguments, recording_max), word.arguments);
}

std::vector<MeterStatus> meters_here(const MeterPlaces& places) {
    std::vector<MeterStatus> list;
    list.push_back({"powers", "modelled from --active-power and --idle-power", true, ""});
    list.push_back(status("rapl", find_rapl(places.sys, "")));
    list.push_back(status("hwmon", find_hwmon(places.sys, "")));
    list.push_back(status("ina", find_ina(places.sys, "")));
    const NvmlFindings gpus = find_nvml(places.nvml, "");
    const bool has_gpu = gpus.reason.empty();
    list.push_back({"nvml", names_of(gpus.counters.found) + names_of(gpus.sensors.found), has_gpu, gpus.reason});
    list.push_back(status("battery", find_batteries(places.sys, "")));
    list.push_back({"csv:FILE", "a table of power over time that is being written", true, ""});
    list.push_back({"joulescope:FILE", "its .jls, or .csv of its statistics", true, ""});
    list.push_back({"trace-energy:FILE", "of the MLPerf Tiny energy runner", true, ""});
    return list;
}

}  // namespace breakeven
