// Layers: see layers.h.
#include "breakeven/measure/layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "breakeven/error.h"

namespace breakeven {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kernel_suffix = "_kernel_time";
constexpr double microseconds = 1e-6;

Error refusal(const std::string& name, const std::string& reason) {
    return Error(ErrorKind::input, fmt::format("read profile '{}'", name), reason);
}

struct Event {
    std::string name;
    std::string op;
    double duration = 0.0;
};

std::string text_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// The time that a node's kernel took, if the entry is one.
std::optional<Event> kernel_event(const Json& entry) {
    if (!entry.is_object() || text_in(entry, "cat") != "Node") return std::nullopt;
    Event event{text_in(entry, "name"), "", 0.0};
    if (!event.name.ends_with(kernel_suffix)) return std::nullopt;
    event.name.resize(event.name.size() - kernel_suffix.size());
    const auto duration = entry.find("dur");
    if (duration == entry.end() || !duration->is_number()) return std::nullopt;
    event.duration = duration->get<double>();
    if (const auto arguments = entry.find("args"); arguments != entry.end() && arguments->is_object()) {
        event.op = text_in(*arguments, "op_name");
    }
    return event;
}

double median(std::vector<double>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

struct Layer {
    std::string op;
    std::size_t order = 0;
    std::vector<double> durations;
};

}  // namespace

std::vector<LayerTime> parse_layer_times(std::string_view profile, std::size_t skipped, const std::string& name) {
    Json entries;
    try {
        entries = Json::parse(profile);
    } catch (const Json::exception& error) {
        throw refusal(name, fmt::format("it is not JSON: {}", error.what()));
    }
    if (!entries.is_array()) throw refusal(name, "it must be a list of events");
    std::map<std::string, Layer> layers;
    for (const Json& entry : entries) {
        const auto event = kernel_event(entry);
        if (!event) continue;
        Layer& layer = layers[event->name];
        if (layer.durations.empty()) layer.order = layers.size();
        layer.op = event->op;
        layer.durations.push_back(event->duration);
    }
    std::vector<std::pair<std::size_t, LayerTime>> ordered;
    for (auto& [layer_name, layer] : layers) {
        if (layer.durations.size() <= skipped) throw refusal(name, "it has no run after the warm-up");
        layer.durations.erase(layer.durations.begin(), layer.durations.begin() + static_cast<std::ptrdiff_t>(skipped));
        ordered.push_back({layer.order, {layer_name, layer.op, Seconds(median(layer.durations) * microseconds)}});
    }
    if (ordered.empty()) throw refusal(name, "it tells of no layer");
    std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<LayerTime> result;
    for (auto& [order, layer] : ordered) result.push_back(std::move(layer));
    return result;
}

}  // namespace breakeven
