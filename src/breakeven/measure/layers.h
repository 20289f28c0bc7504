// Layers: how long each layer of a network takes, where the engine tells its layers apart (ONNX Runtime's profile).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "breakeven/units/units.h"

namespace breakeven {

/// One node as the engine ran it: optimizing fuses nodes, so that names and operators are the engine's.
struct LayerTime {
    std::string name;
    std::string op;
    Seconds time{0.0};  ///< of one run, the median
};

/// From the profile of a session whose first `skipped` runs were its warm-up; in the order they ran. Throws
/// Error{input} for what is no profile or has no run left. Format: Chrome's trace events, of category "Node",
/// "..._kernel_time".
std::vector<LayerTime> parse_layer_times(std::string_view profile, std::size_t skipped, const std::string& name);

/// Why counters are not told by layer: an engine hands out the time of a layer, never the moments at which it begins
/// and ends on each of its threads, without which a counter cannot be read for it.
inline constexpr std::string_view no_layer_counters =
    "not supported: no engine here lets counters be read when a layer begins and ends; its time is told";

}  // namespace breakeven
