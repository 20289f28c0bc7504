// choose: see choose.h.
#include "breakeven/meters/choose.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
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

/// A table of an hour at 10 kHz; Joulescope's own files may be larger than memory.
constexpr Bytes recording_max{std::int64_t{1} << 30};

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

/// A file, read where it is needed.
class OpenFile final : public ByteSource {
   public:
    explicit OpenFile(const std::string& name) : name_(name), number_(open(name.c_str(), O_RDONLY | O_CLOEXEC)) {
        struct stat facts {};
        if (number_ < 0 || fstat(number_, &facts) != 0) throw refusal(std::strerror(errno));
        if (!S_ISREG(facts.st_mode)) {
            close(number_);
            throw refusal("it is no regular file");
        }
        size_ = static_cast<std::size_t>(facts.st_size);
    }
    ~OpenFile() override {
        if (number_ >= 0) close(number_);
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    std::size_t size() const override { return size_; }
    void read(std::size_t offset, std::span<char> to) const override {
        while (!to.empty()) {
            const ssize_t count = pread(number_, to.data(), to.size(), static_cast<off_t>(offset));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) throw refusal(std::strerror(errno));
            if (count == 0) throw refusal("it became shorter while it was read");
            offset += static_cast<std::size_t>(count);
            to = to.subspan(static_cast<std::size_t>(count));
        }
    }

   private:
    Error refusal(const std::string& reason) const {
        return Error(ErrorKind::input, fmt::format("read '{}'", name_), reason);
    }

    const std::string& name_;
    int number_;
    std::size_t size_ = 0;
};

/// Reads the file of that name.
using Parser = Recording (*)(const std::string&);

Recording read_csv(const std::string& name) {
    return parse_power_csv(read_file(name, recording_max), name);
}
Recording read_trace_energy(const std::string& name) {
    return parse_trace_energy(read_file(name, recording_max), name);
}
/// Joulescope's programs write both.
bool is_table(const std::string& name) {
    return name.ends_with(".csv") || name.ends_with(".txt");
}
Recording read_joulescope(const std::string& name) {
    return is_table(name) ? read_csv(name) : parse_jls(OpenFile(name), name);
}

/// A table that is being written already shows its columns before the run. One that is not there yet may still come.
void check_columns(const std::string& name) {
    if (!std::filesystem::exists(name)) return;
    constexpr std::size_t header_max = 4096;
    const OpenFile file(name);
    std::string begin(std::min(header_max, file.size()), '\0');
    file.read(0, begin);
    check_power_csv_header(begin, name);
}

std::optional<Parser> parser_of(const std::string& name) {
    if (name == "csv") return &read_csv;
    if (name == "joulescope") return &read_joulescope;
    if (name == "trace-energy") return &read_trace_energy;
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
    if (parser == &read_csv || (parser == &read_joulescope && is_table(file))) check_columns(file);
    options.name = specification;
    options.read = [file, parser] { return parser(file); };
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
    return (*parser)(word.arguments);
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
