// What the kernel tells of energy and power in text files: RAPL (powercap), sensors (hwmon, and INA power monitors
// among them, also under iio), batteries (power_supply). Each looks below a root that tests fake.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "breakeven/meters/live_meter.h"

namespace breakeven {

/// Something that can be read here, and what it is called: "package-0", "ina3221 VDD_IN", "BAT0".
template <class Source>
struct Found {
    std::string name;
    std::unique_ptr<Source> source;
};

/// What was found, or why nothing was; never both.
template <class Source>
struct Findings {
    std::vector<Found<Source>> found;
    std::string reason;
};

/// Intel's and AMD's running average power limits: zones of `/sys/class/powercap` with `name`, `energy_uj`
/// (microjoules, full at `max_energy_range_uj`). Documentation/power/powercap/powercap.rst. `zone` empty: all packages
/// and, where they have zones of their own outside of them, `dram`; else the zones of that name ("psys", "package-0",
/// "core").
Findings<EnergyCounter> find_rapl(const std::filesystem::path& sys, const std::string& zone);

/// Sensors of `/sys/class/hwmon` (Documentation/hwmon/sysfs-interface.rst): `powerN_input` or `powerN_average` in
/// microwatts, else `inN_input` (mV) times `currN_input` (mA), as INA3221 has it, named by `*_label`; and the older
/// Jetsons' `iio:device*/in_powerN_input` (mW) with `rail_name_N`. `which` limits them to a device ("ina3221") or a
/// device's rail ("ina3221/VDD_IN"); empty: all.
Findings<PowerSensor> find_hwmon(const std::filesystem::path& sys, const std::string& which);

/// The same, of INA2xx and INA3221 alone.
Findings<PowerSensor> find_ina(const std::filesystem::path& sys, const std::string& which);

/// Batteries of `/sys/class/power_supply` (Documentation/ABI/testing/sysfs-class-power): `power_now` (microwatts), else
/// `current_now` times `voltage_now` (micro). What a charging battery or one at rest tells is not what the device
/// draws.
Findings<PowerSensor> find_batteries(const std::filesystem::path& sys, const std::string& which);

}  // namespace breakeven
