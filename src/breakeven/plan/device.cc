// Device files: see device.h.
#include "breakeven/plan/device.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "breakeven/error.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

using Json = nlohmann::json;

/// A device draws less than this; more is a slipped unit.
constexpr Watts power_limit = watts(1e6);

[[noreturn]] void refuse(std::string_view subject, const std::string& reason) {
    throw Error(ErrorKind::input, fmt::format("read the device file '{}'", subject), reason);
}

std::optional<Watts> power(const Json& document, const std::string& key, std::string_view subject) {
    const auto text = document.find(key);
    const auto number = document.find(key + "_w");
    if (text != document.end() && number != document.end()) {
        refuse(subject, fmt::format("it has both '{0}' and '{0}_w': keep one", key));
    }
    Watts value;
    if (text != document.end()) {
        if (!text->is_string()) refuse(subject, fmt::format("write '{0}' with its unit: \"{0}\": \"5W\"", key));
        try {
            value = parse_watts(text->get<std::string>(), key);
        } catch (const Error& error) {
            refuse(subject, error.what());
        }
    } else if (number != document.end()) {
        if (!number->is_number()) refuse(subject, fmt::format("'{}_w' is no number of watts", key));
        value = watts(number->get<double>());
    } else {
        return std::nullopt;
    }
    if (!(value >= watts(0) && value <= power_limit)) refuse(subject, fmt::format("'{}' is not from 0 to 1 MW", key));
    return value;
}

}  // namespace

Device parse_device(std::string_view text, std::string_view subject) {
    const Json document = Json::parse(text, nullptr, false);
    if (document.is_discarded() || !document.is_object()) {
        refuse(subject, R"(it is no JSON object; write {"name": "...", "active_power": "5W", "idle_power": "0.9W"})");
    }
    for (const auto& entry : document.items()) {
        const std::string& key = entry.key();
        if (key != "name" && key != "active_power" && key != "idle_power" && key != "active_power_w" &&
            key != "idle_power_w") {
            refuse(subject, fmt::format("unknown key '{}'; there are name, active_power and idle_power", key));
        }
    }
    Device device;
    if (const auto name = document.find("name"); name != document.end()) {
        if (!name->is_string()) refuse(subject, "'name' is no text");
        device.name = name->get<std::string>();
    }
    device.powers = {power(document, "active_power", subject), power(document, "idle_power", subject)};
    return device;
}

Powers merged(const Powers& file, const Powers& given) {
    return {given.active ? given.active : file.active, given.idle ? given.idle : file.idle};
}

}  // namespace breakeven
