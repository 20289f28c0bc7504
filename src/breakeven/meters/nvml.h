// NVML: what NVIDIA's driver tells of a GPU's energy. Its library is loaded at run time; a machine without it says so.
#pragma once

#include <filesystem>
#include <string>

#include "breakeven/meters/sysfs.h"

namespace breakeven {

/// What a GPU offers: the energy counter since Volta, else only the power (averaged over 25 to 100 ms by the driver).
struct NvmlFindings {
    Findings<EnergyCounter> counters;
    Findings<PowerSensor> sensors;  ///< of GPUs without a counter
    std::string reason;             ///< why there is neither
};

/// GPU `which` by its index, "" all. NVIDIA, "NVML API reference": nvmlDeviceGetTotalEnergyConsumption (millijoules
/// since the driver was loaded), nvmlDeviceGetPowerUsage (milliwatts).
NvmlFindings find_nvml(const std::filesystem::path& library, const std::string& which);

}  // namespace breakeven
