// One measurement in a child process: this program's own `measure`, so that a model's memory and crashes stay there.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "breakeven/plan/platform.h"
#include "breakeven/units/units.h"

namespace breakeven {

struct ChildMeasurement {
    std::filesystem::path executable;
    std::filesystem::path model;
    Platform platform;
    Seconds duration{10.0};
    std::string meter = "powers";
    bool counters = false;        ///< --counters
    std::optional<Seconds> rest;  ///< meter the machine at rest so long first (--subtract-idle)
    std::filesystem::path store;  ///< keeps the raw samples
};

/// What `measure --json` answers. Throws Error{unavailable} with the child's own reason.
nlohmann::ordered_json measure_in_child(const ChildMeasurement& what);

}  // namespace breakeven
