// choose: the meter that `--meter NAME[:ARGUMENTS]` names, and which meters there are here, with a reason for each that
// is not.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/meters/meter.h"
#include "breakeven/meters/power_trace.h"
#include "breakeven/time/clock.h"

namespace breakeven {

/// Where meters are looked for; tests bring their own.
struct MeterPlaces {
    std::filesystem::path sys = "/sys";
    std::filesystem::path nvml = "libnvidia-ml.so.1";
};

/// The words that `--meter` takes:
///   powers                  modelled from --active-power, --idle-power or --device
///   rapl[:ZONE]             all packages, or a zone such as psys
///   hwmon[:DEVICE[/RAIL]]   a sensor of the kernel; INA monitors alone: ina[:DEVICE[/RAIL]]
///   nvml[:GPU]              NVIDIA's driver
///   battery[:NAME]          what the battery gives
///   csv:FILE[,sync=pulse]   a table of power over time that another program writes meanwhile
///   joulescope:FILE[,sync=pulse]    its .jls, or .csv of its statistics
///   trace-energy:FILE[,sync=pulse]  of the MLPerf Tiny energy runner
/// Throws Error{usage} for an unknown name or a missing file name, {unavailable} with the reason where it is not there.
std::unique_ptr<Meter> make_meter(std::string_view specification, const Powers& powers, Clock& clock,
                                  const MeterPlaces& places = {});

/// The recording that "csv:FILE", "joulescope:FILE" or "trace-energy:FILE" names. Throws Error.
Recording read_recording(std::string_view specification);

struct MeterStatus {
    std::string name;  ///< as `--meter` takes it: "rapl"
    std::string what;  ///< what it meters: "package-0, dram"
    bool available = false;
    std::string reason;  ///< why not; empty where available
};
/// One line a kind of meter. Those that read a file are available: the file is what may be missing.
std::vector<MeterStatus> meters_here(const MeterPlaces& places = {});

}  // namespace breakeven
