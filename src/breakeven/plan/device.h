// Device: what the user says of the device that the answer is about: its powers, from options or a file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "breakeven/units/units.h"

namespace breakeven {

/// Electrical powers of the whole device. Nothing where the user gave none: they are never guessed.
struct Powers {
    std::optional<Watts> active;  ///< while it computes
    std::optional<Watts> idle;    ///< while it waits
    friend bool operator==(const Powers&, const Powers&) = default;
};

struct Device {
    std::string name;
    Powers powers;
    friend bool operator==(const Device&, const Device&) = default;
};

/// A device file: {"name": "coral", "active_power": "3.8W", "idle_power": "0.9W"}; powers may also be numbers of watts
/// under "active_power_w" and "idle_power_w". `subject` names the file in messages. Throws Error{input}.
Device parse_device(std::string_view text, std::string_view subject);

/// The file's powers, each replaced by the one given on the command line.
Powers merged(const Powers& file, const Powers& given);

}  // namespace breakeven
