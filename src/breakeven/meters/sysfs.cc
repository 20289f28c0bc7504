// The kernel's files of energy and power: see sysfs.h.
#include "breakeven/meters/sysfs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <optional>

#include "breakeven/error.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;

constexpr double micro = 1e-6;
constexpr double milli = 1e-3;
/// No driver has more channels; keeps a hostile folder from holding us up.
constexpr int channels_max = 32;
constexpr std::size_t entries_max = 4096;

std::optional<std::string> line_of(const fs::path& path) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line)) return std::nullopt;
    return line;
}

std::optional<double> number_of(const fs::path& path) {
    const auto line = line_of(path);
    if (!line) return std::nullopt;
    double value = 0.0;
    const auto [end, code] = std::from_chars(line->data(), line->data() + line->size(), value);
    if (code != std::errc{} || end == line->data() || !std::isfinite(value)) return std::nullopt;
    return value;
}

double read_or_throw(const fs::path& path) {
    const auto value = number_of(path);
    if (value) return *value;
    const bool there = fs::exists(path);
    throw Error(ErrorKind::unavailable, fmt::format("read '{}'", path.string()),
                there ? "it holds no number, or may not be read" : "it is gone");
}

/// Folders of a folder, by name; what is not there has none.
std::vector<fs::path> folders(const fs::path& parent) {
    std::vector<fs::path> found;
    std::error_code none;
    for (fs::directory_iterator entry(parent, none), end; !none && entry != end; entry.increment(none)) {
        if (entry->is_directory(none)) found.push_back(entry->path());
        if (found.size() >= entries_max) break;
    }
    std::sort(found.begin(), found.end());
    return found;
}

class RaplZone final : public EnergyCounter {
   public:
    explicit RaplZone(fs::path folder)
        : energy_(folder / "energy_uj"), full_(number_of(folder / "max_energy_range_uj")) {}
    Joules read() override { return joules(read_or_throw(energy_) * micro); }
    std::optional<Joules> full() const override { return full_ ? std::optional(joules(*full_ * micro)) : std::nullopt; }

   private:
    fs::path energy_;
    std::optional<double> full_;
};

/// The product of one or two files.
class FileSensor : public PowerSensor {
   public:
    FileSensor(std::vector<fs::path> files, double scale) : files_(std::move(files)), scale_(scale) {}
    Watts read() override {
        double value = scale_;
        for (const fs::path& file : files_) value *= read_or_throw(file);
        return watts(value);
    }

   private:
    std::vector<fs::path> files_;
    double scale_;
};

/// A battery's current flows out; some drivers count that as negative.
class BatterySensor final : public FileSensor {
   public:
    using FileSensor::FileSensor;
    Watts read() override { return watts(std::abs(FileSensor::read().in(watts))); }
};

bool is_ina(const std::string& device) {
    return device.starts_with("ina");
}

/// "ina3221/VDD_IN" or "ina3221" or "VDD_IN": does it name this rail of this device?
bool is_named(const std::string& which, const std::string& device, const std::string& rail) {
    return which.empty() || which == device || which == rail || which == device + "/" + rail;
}

/// One device's folder: each channel that tells a power.
void add_channels(const fs::path& folder, const std::string& device, const std::string& which,
                  Findings<PowerSensor>& result) {
    std::vector<Found<PowerSensor>> direct;
    std::vector<Found<PowerSensor>> products;
    const auto add = [&](std::vector<Found<PowerSensor>>& to, const std::string& rail, std::vector<fs::path> files,
                         double scale) {
        if (!is_named(which, device, rail)) return;
        to.push_back({device + "/" + rail, std::make_unique<FileSensor>(std::move(files), scale)});
    };
    for (int i = 0; i <= channels_max; ++i) {
        const auto file = [&](std::string_view kind, std::string_view what) {
            return folder / fmt::format("{}{}_{}", kind, i, what);
        };
        for (const std::string_view what : {"input", "average"}) {
            if (!number_of(file("power", what))) continue;
            add(direct, line_of(file("power", "label")).value_or(fmt::format("power{}", i)), {file("power", what)},
                micro);
            break;
        }
        if (number_of(file("in", "input")) && number_of(file("curr", "input"))) {
            const auto label = line_of(file("in", "label"));
            add(products, label.value_or(fmt::format("channel{}", i)), {file("in", "input"), file("curr", "input")},
                milli * milli);
        }
        // The older Jetsons' driver: in_power0_input in milliwatts, rail_name_0.
        const fs::path rail = folder / fmt::format("in_power{}_input", i);
        if (number_of(rail)) {
            const auto name = line_of(folder / fmt::format("rail_name_{}", i));
            add(direct, name.value_or(fmt::format("power{}", i)), {rail}, milli);
        }
    }
    for (auto& each : direct.empty() ? products : direct) result.found.push_back(std::move(each));
}

Findings<PowerSensor> find_sensors(const fs::path& sys, const std::string& which, bool (*wanted)(const std::string&),
                                   const std::string& nothing) {
    Findings<PowerSensor> result;
    std::vector<std::string> devices;
    const auto look = [&](const fs::path& folder, const std::string& device) {
        if (!wanted(device)) return;
        devices.push_back(device);
        add_channels(folder, device, which, result);
    };
    for (const fs::path& folder : folders(sys / "class/hwmon")) {
        look(folder, line_of(folder / "name").value_or(folder.filename().string()));
    }
    for (const fs::path& folder : folders(sys / "bus/iio/devices")) {
        look(folder, line_of(folder / "name").value_or(folder.filename().string()));
    }
    if (!result.found.empty()) return result;
    result.reason = devices.empty() ? nothing
                    : which.empty()
                        ? fmt::format("{} tell{} no power", fmt::join(devices, ", "), devices.size() == 1 ? "s" : "")
                        : fmt::format("none is named '{}'; there is {}", which, fmt::join(devices, ", "));
    return result;
}

}  // namespace

Findings<EnergyCounter> find_rapl(const fs::path& sys, const std::string& zone) {
    Findings<EnergyCounter> result;
    std::vector<std::string> names;
    std::vector<std::string> unreadable;
    for (const fs::path& folder : folders(sys / "class/powercap")) {
        const auto name = line_of(folder / "name");
        if (!name || !fs::exists(folder / "energy_uj")) continue;
        // intel-rapl-mmio tells the same package a second time.
        if (folder.filename().string().find("mmio") != std::string::npos) continue;
        names.push_back(*name);
        const bool wanted = zone.empty() ? name->starts_with("package") || *name == "dram" : *name == zone;
        if (!wanted) continue;
        if (!number_of(folder / "energy_uj")) {
            unreadable.push_back((folder / "energy_uj").string());
            continue;
        }
        result.found.push_back({*name, std::make_unique<RaplZone>(folder)});
    }
    if (!unreadable.empty()) {
        result.found.clear();
        result.reason =
            fmt::format("'{}' may only be read by root: run as root, or let this user read it", unreadable.front());
    } else if (result.found.empty()) {
        result.reason = names.empty()
                            ? "the kernel shows no RAPL counters (virtual machines and most ARM boards have none)"
                            : fmt::format("no zone is named '{}'; there is {}", zone, fmt::join(names, ", "));
    }
    return result;
}

Findings<PowerSensor> find_hwmon(const fs::path& sys, const std::string& which) {
    return find_sensors(
        sys, which, [](const std::string&) { return true; }, "the kernel shows no sensors (hwmon)");
}

Findings<PowerSensor> find_ina(const fs::path& sys, const std::string& which) {
    return find_sensors(sys, which, is_ina, "the kernel shows no INA2xx or INA3221 power monitor");
}

Findings<PowerSensor> find_batteries(const fs::path& sys, const std::string& which) {
    Findings<PowerSensor> result;
    for (const fs::path& folder : folders(sys / "class/power_supply")) {
        const std::string name = folder.filename().string();
        if (line_of(folder / "type") != "Battery" || !(which.empty() || which == name)) continue;
        const std::string status = line_of(folder / "status").value_or("Unknown");
        if (status != "Discharging" && status != "Unknown") {
            result.reason =
                fmt::format("{} is not discharging ({}): unplug the device, it must run on its battery", name, status);
            continue;
        }
        if (number_of(folder / "power_now")) {
            result.found.push_back({name, std::make_unique<BatterySensor>(std::vector{folder / "power_now"}, micro)});
        } else if (number_of(folder / "current_now") && number_of(folder / "voltage_now")) {
            result.found.push_back(
                {name, std::make_unique<BatterySensor>(std::vector{folder / "current_now", folder / "voltage_now"},
                                                       micro * micro)});
        } else {
            result.reason = fmt::format("{} tells neither its power nor its current", name);
        }
    }
    if (!result.found.empty()) {
        result.reason.clear();
    } else if (result.reason.empty()) {
        result.reason = which.empty() ? "the kernel shows no battery" : fmt::format("there is no battery '{}'", which);
    }
    return result;
}

}  // namespace breakeven
