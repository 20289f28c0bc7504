// Factors from JSON: see factors.h.
#include "breakeven/plan/factors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "breakeven/error.h"

extern "C" {
extern const char breakeven_factors_json_start[];
extern const char breakeven_factors_json_end[];
}

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t text_max = std::size_t{1} << 20;
constexpr double milliwatts_per_megabit = 1e-3 / (1e6 / 8);  // as joules per byte

/// One file's reading: knows its name for errors and collects the figures.
class Reader final {
   public:
    Reader(const std::string& name, std::vector<Factor>& figures) : name_(name), figures_(figures) {}

    Error refusal(const std::string& path, const std::string& reason) const {
        return Error(ErrorKind::input, fmt::format("read factors '{}'", name_), fmt::format("{}: {}", path, reason));
    }

    const Json& member(const Json& object, const std::string& path, const char* key) const {
        if (!object.is_object()) throw refusal(path, "it must be an object");
        const auto found = object.find(key);
        if (found == object.end()) throw refusal(path, fmt::format("'{}' is missing", key));
        return *found;
    }

    void only(const Json& object, const std::string& path, std::initializer_list<std::string_view> known) const {
        if (!object.is_object()) throw refusal(path, "it must be an object");
        for (const auto& [key, value] : object.items()) {
            if (std::find(known.begin(), known.end(), key) == known.end()) {
                throw refusal(path,
                              fmt::format("unknown key '{}'; known are {}", key.substr(0, 60), fmt::join(known, ", ")));
            }
        }
    }

    double number(const Json& value, const std::string& path, double least, double most) const {
        if (!value.is_number()) throw refusal(path, "it must be a number");
        const auto number = value.get<double>();
        if (!(number >= least && number <= most)) {
            throw refusal(path, fmt::format("{} is not between {} and {}", number, least, most));
        }
        return number;
    }

    std::string text(const Json& object, const std::string& path, const char* key) const {
        const Json& value = member(object, path, key);
        if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
            throw refusal(path, fmt::format("'{}' must be a text", key));
        }
        return value.get<std::string>();
    }

    /// A figure: {"value", "source"} and perhaps "low" and "high".
    double figure(const Json& object, const std::string& parent, const char* key, double least, double most) {
        const std::string path = parent.empty() ? key : fmt::format("{}.{}", parent, key);
        const Json& entry = member(object, parent, key);
        only(entry, path, {"value", "low", "high", "source"});
        Factor factor{.path = path,
                      .value = number(member(entry, path, "value"), path, least, most),
                      .low = {},
                      .high = {},
                      .source = text(entry, path, "source")};
        if (entry.contains("low")) factor.low = number(entry["low"], path + ".low", least, most);
        if (entry.contains("high")) factor.high = number(entry["high"], path + ".high", least, most);
        figures_.push_back(factor);
        return factor.value;
    }

   private:
    const std::string& name_;
    std::vector<Factor>& figures_;
};

NetworkFactors network_of(Reader& reader, const Json& entry, const std::string& path) {
    reader.only(entry, path, {"attributed_kwh_per_gb", "marginal_share"});
    constexpr double joules_per_byte_of_kwh_per_gb = 3.6e6 / 1e9;
    return {.attributed = joules_per_byte(joules_per_byte_of_kwh_per_gb *
                                          reader.figure(entry, path, "attributed_kwh_per_gb", 0.0, 1e3)),
            .marginal = fraction(reader.figure(entry, path, "marginal_share", 0.0, 1.0))};
}

ServerFactors server_of(Reader& reader, const Json& entry, const std::string& path) {
    reader.only(entry, path, {"busy_w", "idle_share", "utilisation", "pue", "price_per_hour"});
    return {.busy = watts(reader.figure(entry, path, "busy_w", 0.0, 1e6)),
            .idle = fraction(reader.figure(entry, path, "idle_share", 0.0, 1.0)),
            .utilisation = fraction(reader.figure(entry, path, "utilisation", 1e-4, 1.0)),
            .overhead = fraction(reader.figure(entry, path, "pue", 1.0, 10.0)),
            .price_an_hour = money(reader.figure(entry, path, "price_per_hour", 0.0, 1e6))};
}

constexpr double state_time_max = 3600.0;
constexpr double state_power_max = 1e3;
constexpr std::size_t tail_states_max = 16;

RadioState state_of(const Reader& reader, const Json& entry, const std::string& path) {
    reader.only(entry, path, {"time_s", "power_w"});
    return {Seconds(reader.number(reader.member(entry, path, "time_s"), path, 0.0, state_time_max)),
            watts(reader.number(reader.member(entry, path, "power_w"), path, 0.0, state_power_max))};
}

Radio radio_of(const Reader& reader, const Json& entry, const std::string& path, const std::string& name) {
    reader.only(entry, path,
                {"source", "scope", "promotion", "base_w", "up_mw_per_mbps", "down_mw_per_mbps", "tail", "asleep_w"});
    const auto number = [&](const char* key, double most) {
        return reader.number(reader.member(entry, path, key), fmt::format("{}.{}", path, key), 0.0, most);
    };
    Radio radio;
    radio.name = name;
    radio.source = reader.text(entry, path, "source");
    const std::string scope = reader.text(entry, path, "scope");
    if (scope != "radio" && scope != "whole_device") throw reader.refusal(path, "scope must be radio or whole_device");
    radio.scope = scope == "radio" ? PowerScope::radio : PowerScope::whole_device;
    if (entry.contains("promotion")) radio.promotion = state_of(reader, entry["promotion"], path + ".promotion");
    radio.base = watts(number("base_w", state_power_max));
    radio.up = joules_per_byte(number("up_mw_per_mbps", 1e6) * milliwatts_per_megabit);
    radio.down = joules_per_byte(number("down_mw_per_mbps", 1e6) * milliwatts_per_megabit);
    radio.asleep = watts(number("asleep_w", state_power_max));
    const Json& tail = reader.member(entry, path, "tail");
    if (!tail.is_array() || tail.size() > tail_states_max) throw reader.refusal(path, "tail must be a short list");
    for (const Json& state : tail) radio.tail.push_back(state_of(reader, state, path + ".tail"));
    return radio;
}

LinkFactors link_of(const Reader& reader, const Json& entry, const std::string& path, const Factors& known) {
    reader.only(entry, path, {"network", "radio"});
    LinkFactors link{.network = reader.text(entry, path, "network"), .radio = {}};
    if (entry.contains("radio")) link.radio = reader.text(entry, path, "radio");
    if (!known.networks.contains(link.network)) {
        throw reader.refusal(path, fmt::format("there is no network '{}'", link.network));
    }
    const bool has_radio = std::any_of(known.radios.begin(), known.radios.end(),
                                       [&](const Radio& radio) { return radio.name == link.radio; });
    if (!link.radio.empty() && !has_radio)
        throw reader.refusal(path, fmt::format("there is no radio '{}'", link.radio));
    return link;
}

Json parsed(std::string_view text, const std::string& name) {
    const std::string attempt = fmt::format("read factors '{}'", name);
    if (text.size() > text_max) throw Error(ErrorKind::input, attempt, "it is too large");
    try {
        Json json = Json::parse(text);
        if (!json.is_object()) throw Error(ErrorKind::input, attempt, "it must be a JSON object");
        return json;
    } catch (const Json::exception& error) {
        throw Error(ErrorKind::input, attempt, fmt::format("it is not JSON: {}", error.what()));
    }
}

template <class Map>
auto& named(Map& map, const std::string& name, const char* what) {
    const auto found = map.find(name);
    if (found != map.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [key, value] : map) names.push_back(key);
    throw Error(ErrorKind::usage, fmt::format("find {} '{}' among the factors", what, name),
                fmt::format("there is {}; a file of your own may add it (--factors)", fmt::join(names, ", ")));
}

}  // namespace

std::string_view shipped_factors() {
    return {breakeven_factors_json_start,
            static_cast<std::size_t>(breakeven_factors_json_end - breakeven_factors_json_start)};
}

Factors parse_factors(std::string_view text, const std::string& name) {
    Json json = parsed(shipped_factors(), "shipped");
    if (!text.empty()) json.merge_patch(parsed(text, name));
    Factors factors;
    Reader reader(name, factors.figures);
    reader.only(json, "the file", {"about", "currency", "networks", "servers", "links", "grid", "radios"});
    factors.currency = reader.text(json, "the file", "currency");
    const auto each = [&](const char* key, const auto& read) {
        const Json& entries = reader.member(json, "the file", key);
        if (!entries.is_object()) throw reader.refusal(key, "it must be an object");
        for (const auto& [entry_name, entry] : entries.items())
            read(entry_name, entry, fmt::format("{}.{}", key, entry_name));
    };
    each("networks", [&](const std::string& key, const Json& entry, const std::string& path) {
        factors.networks[key] = network_of(reader, entry, path);
    });
    each("servers", [&](const std::string& key, const Json& entry, const std::string& path) {
        factors.servers[key] = server_of(reader, entry, path);
    });
    each("radios", [&](const std::string& key, const Json& entry, const std::string& path) {
        factors.radios.push_back(radio_of(reader, entry, path, key));
    });
    each("links", [&](const std::string& key, const Json& entry, const std::string& path) {
        factors.links[key] = link_of(reader, entry, path, factors);
    });
    if (!factors.links.contains("other")) throw reader.refusal("links", "'other' is missing: what no entry names");
    const Json& grid = reader.member(json, "the file", "grid");
    reader.only(grid, "grid", {"co2_kg_per_kwh", "price_per_kwh", "price_per_gb"});
    factors.grid = {.co2_a_kilowatt_hour = kilograms(reader.figure(grid, "grid", "co2_kg_per_kwh", 0.0, 10.0)),
                    .price_a_kilowatt_hour = money(reader.figure(grid, "grid", "price_per_kwh", 0.0, 1e6)),
                    .price_a_gigabyte = money(reader.figure(grid, "grid", "price_per_gb", 0.0, 1e6))};
    return factors;
}

SystemFactors Factors::system(const std::string& network, const std::string& server) const {
    return {.network = named(networks, network, "network"), .server = named(servers, server, "server"), .grid = grid};
}

const Radio& Factors::radio(const std::string& name) const {
    std::vector<std::string> names;
    for (const Radio& radio : radios) {
        if (radio.name == name) return radio;
        names.push_back(radio.name);
    }
    throw Error(ErrorKind::usage, fmt::format("find radio '{}' among the factors", name),
                fmt::format("there is {}; a file of your own may add it (--factors)", fmt::join(names, ", ")));
}

const LinkFactors& Factors::link(const std::string& name) const {
    const auto found = links.find(name);
    return found == links.end() ? links.at("other") : found->second;
}

}  // namespace breakeven
