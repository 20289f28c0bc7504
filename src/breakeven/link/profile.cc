// Link profiles as JSON text: see profile.h.
#include "breakeven/link/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "breakeven/error.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

/// A profile is a handful of short strings; anything longer is another kind of file.
constexpr std::size_t profile_text_max = 64 * 1024;
constexpr std::size_t name_max = 100;
constexpr std::array keys{"name", "one_way_latency", "up", "down", "up_energy", "down_energy"};

Error refusal(std::string_view origin, const std::string& reason) {
    return Error(ErrorKind::input, fmt::format("read link profile '{}'", origin), reason);
}

/// Names are printed to terminals: no control characters.
bool is_name(const std::string& text) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    return !text.empty() && text.size() <= name_max && std::none_of(text.begin(), text.end(), is_control);
}

/// The object, with keys that appear twice refused: JSON leaves open which one counts.
Json parse_object(std::string_view text, std::string_view origin) {
    if (text.size() > profile_text_max) {
        throw refusal(origin,
                      fmt::format("it is {} bytes long; a profile has at most {}", text.size(), profile_text_max));
    }
    std::set<std::string> seen;
    std::string repeated;
    const auto on_event = [&](int depth, Json::parse_event_t event, Json& parsed) {
        if (event == Json::parse_event_t::key && depth == 1) {
            const auto key = parsed.get<std::string>();
            if (!seen.insert(key).second) repeated = key;
        }
        return true;
    };
    Json object;
    try {
        object = Json::parse(text, on_event);
    } catch (const Json::exception& error) {
        throw refusal(origin, fmt::format("it is not JSON: {}", error.what()));
    }
    if (!object.is_object()) {
        throw refusal(origin, "it must be a JSON object like " + link_profile_text(study_links()[0]));
    }
    if (!repeated.empty()) throw refusal(origin, fmt::format("the key '{}' appears twice", repeated));
    return object;
}

/// The value of `key`, read by one of the parsers of units/text.h.
template <class Parser>
auto quantity(const Json& object, const char* key, Parser parser, std::string_view origin) {
    const auto found = object.find(key);
    if (found == object.end()) throw refusal(origin, fmt::format("the key '{}' is missing", key));
    if (!found->is_string()) {
        throw refusal(origin, fmt::format("'{}' must be a string with its unit, like \"10ms\" or \"3.04MB/s\"", key));
    }
    try {
        return parser(found->template get_ref<const std::string&>(), key);
    } catch (const Error& error) {  // the words of a file are input, not usage
        throw refusal(origin, error.what());
    }
}

/// `value` in the first of `units` in which it is short and reads back as exactly this number, else in the base unit,
/// which always does.
template <class Quantity, class Parser>
std::string exact_text(Quantity quantity, double value, Parser parser,
                       std::initializer_list<std::pair<const char*, double>> units, const char* base) {
    for (const auto& [suffix, in_base_unit] : units) {
        const double number = value / in_base_unit;
        std::string text = fmt::format("{:.15g}{}", number, suffix);
        if (number >= 1.0 && parser(text, "itself") == quantity) return text;
    }
    return fmt::format("{}{}", value, base);
}

std::string exact_text(BytesPerSecond rate) {
    return exact_text(rate, rate.in(bytes_per_second), parse_rate, {{"MB/s", 1e6}, {"kB/s", 1e3}}, "B/s");
}
std::string exact_text(Seconds time) {
    return exact_text(time, time.count(), parse_seconds, {{"ms", 1e-3}, {"us", 1e-6}}, "s");
}
std::string exact_text(JoulesPerByte energy) {
    return exact_text(energy, energy.in(joules_per_byte), parse_joules_per_byte, {{"nJ/B", 1e-9}}, "J/B");
}

void check_rate(BytesPerSecond rate, std::string_view key, std::string_view origin) {
    // Written so that a NaN is refused too.
    if (rate >= link_rate_min && rate <= link_rate_max) return;
    throw refusal(origin, fmt::format("'{}' is {} B/s; a link's rate lies between {} and {}", key,
                                      rate.in(bytes_per_second), to_text(link_rate_min), to_text(link_rate_max)));
}

void check_energy(const std::optional<JoulesPerByte>& energy, std::string_view key, std::string_view origin) {
    if (!energy || (*energy >= joules_per_byte(0.0) && *energy <= link_energy_max)) return;
    throw refusal(origin, fmt::format("'{}' is {} J/B; at most {} J/B makes sense", key, energy->in(joules_per_byte),
                                      link_energy_max.in(joules_per_byte)));
}

}  // namespace

std::span<const LinkProfile> study_links() {
    // Frennborn & Oliv 2022, chapter 4. Their 5G has no energy figures.
    static const std::array<LinkProfile, 3> links{{
        {.name = "ethernet",
         .one_way_latency = Seconds(10e-3),
         .up = megabytes_per_second(3.04),
         .down = megabytes_per_second(7.13),
         .up_energy = joules_per_byte(128e-9),
         .down_energy = joules_per_byte(57e-9)},
        {.name = "wifi",
         .one_way_latency = Seconds(29e-3),
         .up = megabytes_per_second(1),
         .down = megabytes_per_second(3.53),
         .up_energy = joules_per_byte(139e-9),
         .down_energy = joules_per_byte(110e-9)},
        {.name = "5g",
         .one_way_latency = Seconds(1e-3),
         .up = megabits_per_second(202),
         .down = megabits_per_second(202),
         .up_energy = std::nullopt,
         .down_energy = std::nullopt},
    }};
    return links;
}

std::optional<LinkProfile> study_link(std::string_view name) {
    if (name == "radio") name = "wifi";
    const auto links = study_links();
    const auto found = std::find_if(links.begin(), links.end(), [&](const LinkProfile& l) { return l.name == name; });
    return found == links.end() ? std::nullopt : std::optional(*found);
}

LinkProfile parse_link_profile(std::string_view text, std::string_view origin) {
    const Json object = parse_object(text, origin);
    for (const auto& [key, value] : object.items()) {
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
            throw refusal(
                origin, fmt::format("unknown key '{}'; known are {}", key.substr(0, name_max), fmt::join(keys, ", ")));
        }
    }
    LinkProfile link;
    link.name = origin;
    if (const auto name = object.find("name"); name != object.end()) {
        if (!name->is_string() || !is_name(name->get_ref<const std::string&>())) {
            throw refusal(origin, fmt::format("'name' must be 1 to {} bytes without control characters", name_max));
        }
        link.name = name->get<std::string>();
    }
    link.one_way_latency = quantity(object, "one_way_latency", parse_seconds, origin);
    link.up = quantity(object, "up", parse_rate, origin);
    link.down = quantity(object, "down", parse_rate, origin);
    if (object.contains("up_energy")) link.up_energy = quantity(object, "up_energy", parse_joules_per_byte, origin);
    if (object.contains("down_energy")) {
        link.down_energy = quantity(object, "down_energy", parse_joules_per_byte, origin);
    }
    check_link_profile(link, origin);
    return link;
}

std::string link_profile_text(const LinkProfile& link) {
    Json object{{"name", link.name},
                {"one_way_latency", exact_text(link.one_way_latency)},
                {"up", exact_text(link.up)},
                {"down", exact_text(link.down)}};
    if (link.up_energy) object["up_energy"] = exact_text(*link.up_energy);
    if (link.down_energy) object["down_energy"] = exact_text(*link.down_energy);
    // A name may hold bytes that are no UTF-8 (a file's name); they are replaced, not refused.
    return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void check_link_profile(const LinkProfile& link, std::string_view origin) {
    if (!(link.one_way_latency >= Seconds(0.0) && link.one_way_latency <= one_way_latency_max)) {
        throw refusal(origin, fmt::format("'one_way_latency' is {} s; it lies between 0 and {} s",
                                          link.one_way_latency.count(), one_way_latency_max.count()));
    }
    check_rate(link.up, "up", origin);
    check_rate(link.down, "down", origin);
    check_energy(link.up_energy, "up_energy", origin);
    check_energy(link.down_energy, "down_energy", origin);
}

}  // namespace breakeven
