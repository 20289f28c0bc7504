// What `breakeven measure` answers: see measure_answer.h.
#include "cli/measure_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "breakeven/units/text.h"
#include "cli/figures.h"
#include "cli/version.h"

namespace breakeven::cli {
namespace {

/// {"instructions": {"count": 1.2e9, "reason": null}, ...}; null where none were asked for.
Json counts_json(const std::vector<EventCount>& counts) {
    if (counts.empty()) return nullptr;
    Json json = Json::object();
    for (const EventCount& each : counts) {
        json[std::string(name(each.event))] = {{"count", each.count ? Json(*each.count) : Json(nullptr)},
                                               {"reason", each.count ? Json(nullptr) : Json(each.reason)}};
    }
    return json;
}

/// [{"name", "op", "time_s"}]; null where none were asked for or told.
Json layers_json(const std::vector<LayerTime>& layers) {
    if (layers.empty()) return nullptr;
    Json list = Json::array();
    for (const LayerTime& layer : layers) {
        list.push_back({{"name", layer.name}, {"op", layer.op}, {"time_s", layer.time.count()}});
    }
    return list;
}

/// An infinite difference is none that JSON can write: null, as where none was found.
Json agreement_json(const Subjected& loaded) {
    if (!loaded.verdict.agreement) return nullptr;
    const Agreement& found = *loaded.verdict.agreement;
    Json json{{"reference", "cpu:1, the graph as written"},
              {"right", loaded.verdict.problem.empty()},
              {"difference", std::isfinite(found.error) ? Json(found.error) : Json(nullptr)},
              {"tolerance", found.tolerance},
              {"samples", nullptr},
              {"top1", nullptr},
              {"reference_top1", nullptr},
              {"problem", loaded.verdict.problem.empty() ? Json(nullptr) : Json(loaded.verdict.problem)}};
    if (const auto& accuracy = loaded.verdict.accuracy) {
        json["samples"] = accuracy->accuracy.n;
        if (accuracy->accuracy.top1) {
            json["top1"] = share(*accuracy->comparison->second.top1).in(of_one);
            json["reference_top1"] = share(*accuracy->accuracy.top1).in(of_one);
        }
    }
    return json;
}

Json result_json(const Subjected& loaded, const Measurement& measurement, const MeasurementSet& set) {
    Json json{{"platform", loaded.title},
              {"engine", {{"name", loaded.platform.engine}, {"version", loaded.engine_version}}},
              {"latency", to_json(measurement.latency)},
              {"warmup", {{"runs", measurement.warmup.count}, {"steady_state", name(measurement.warmup.steadiness)}}},
              {"outliers", measurement.latency ? Json(measurement.latency->outliers) : Json(nullptr)},
              {"energy_j", to_json(measurement.energy.energy)}};
    if (!measurement.energy.energy) json["energy_reason"] = measurement.energy.reason;
    json["meter"] = measurement.meter;
    json["energy_above_idle_j"] = to_json(measurement.energy_above_idle);
    json["counters"] = counts_json(measurement.counts);
    json["layers"] = layers_json(loaded.layers);
    json["layers_reason"] = loaded.layers_reason.empty() ? Json(nullptr) : Json(loaded.layers_reason);
    if (!loaded.layers.empty()) json["layer_counters_reason"] = no_layer_counters;
    json["peak_rss_bytes"] = set.peak_memory.count();
    json["processor_s"] = measurement.processor_time ? Json(measurement.processor_time->count()) : Json(nullptr);
    if (measurement.head) json["head_s"] = to_json(measurement.head);
    if (loaded.platform.is_remote() || measurement.head) {
        const auto& server = measurement.server;
        json["server"] = server ? Json{{"queue_s", to_json(server->queue)},
                                       {"compute_s", to_json(server->compute)},
                                       {"network_s", to_json(server->network)}}
                                : Json(nullptr);
    }
    json["placement"] = placement_json(loaded.runner->placement());
    json["agreement"] = agreement_json(loaded);
    json["not_compared"] = loaded.verdict.not_compared.empty() ? Json(nullptr) : Json(loaded.verdict.not_compared);
    json["failure"] = measurement.failure ? Json(measurement.failure->what()) : Json(nullptr);
    return json;
}
}  // namespace

Json placement_json(const std::optional<Placement>& placement) {
    if (!placement) return nullptr;
    Json left = Json::array();
    for (const auto& [op, count] : placement->left) left.push_back({{"op", op}, {"count", count}});
    return {{"provider", placement->provider},
            {"nodes", placement->total},
            {"nodes_there", placement->there},
            {"left", left}};
}

Json document(const Answer& answer) {
    Json results = Json::array();
    for (std::size_t i = 0; i < answer.loaded.size(); ++i) {
        results.push_back(result_json(answer.loaded[i], answer.set.measurements[i], answer.set));
    }
    Json refused = Json::array();
    for (const Refused& each : answer.refused) {
        refused.push_back({{"platform", each.platform}, {"reason", each.reason}});
    }
    const Machine& machine = answer.machine;
    return {{"model", {{"name", answer.model.image.name}, {"sha256", answer.model.image.sha256}}},
            {"results", results},
            {"refused", refused},
            {"idle_power_w", answer.set.idle_power ? Json{{"value", answer.set.idle_power->value.in(watts)},
                                                          {"origin", name(answer.set.idle_power->origin)}}
                                                   : Json(nullptr)},
            {"idle_power_reason", answer.set.idle_reason.empty() ? Json(nullptr) : Json(answer.set.idle_reason)},
            {"machine",
             {{"host", machine.name},
              {"cpu", machine.cpu},
              {"cores", machine.cores},
              {"threads", machine.threads},
              {"memory_bytes", machine.memory.count()},
              {"kernel", machine.kernel},
              {"governor", machine.governor ? Json(*machine.governor) : Json(nullptr)}}},
            {"breakeven", breakeven_version},
            {"warnings", answer.warnings},
            {"interrupted", answer.set.interrupted}};
}

namespace {

std::string interval_text(const Summary& latency) {
    if (!latency.ci95) return "-";
    const Seconds half = std::max(latency.ci95->high - latency.p50, latency.p50 - latency.ci95->low);
    return fmt::format("{:.1f} %", 100.0 * (half / latency.p50));
}

std::string headline(const Answer& answer) {
    const Measurement* best = nullptr;
    for (std::size_t i = 0; i < answer.loaded.size(); ++i) {
        const Measurement& each = answer.set.measurements[i];
        if (!answer.loaded[i].verdict.problem.empty()) continue;  // fast and wrong is worth nothing
        if (each.latency && (best == nullptr || each.latency->p50 < best->latency->p50)) best = &each;
    }
    if (best == nullptr) return fmt::format("{}: nothing was measured\n", answer.model.image.name);
    return fmt::format("{} takes {} on {}\n", answer.model.image.name, to_text(best->latency->p50), best->title);
}

/// "1.23 M": events of one run.
std::string event_text(double count) {
    if (count >= 1e9) return fmt::format("{:.3g} G", count / 1e9);
    if (count >= 1e6) return fmt::format("{:.3g} M", count / 1e6);
    return count >= 1e4 ? fmt::format("{:.3g} k", count / 1e3) : fmt::format("{:.3g}", count);
}

/// Per inference, one row an event; what is not counted says why, once.
std::string counts_text(const MeasurementSet& set) {
    std::vector<std::string> header{"an inference"};
    std::vector<std::vector<std::string>> rows;
    std::map<std::string, std::string> reasons;  // why, and which events
    for (const Measurement& each : set.measurements) {
        if (each.counts.empty()) continue;
        header.push_back(each.title);
        rows.resize(each.counts.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const EventCount& count = each.counts[i];
            const std::string event(name(count.event));
            if (rows[i].empty()) rows[i].push_back(event);
            rows[i].push_back(count.count ? event_text(*count.count) : "-");
            std::string& who = reasons[count.reason];
            if (!count.count && who.find(event) == std::string::npos) who += (who.empty() ? "" : ", ") + event;
        }
    }
    if (rows.empty()) return "";
    std::string text = "\n" + table(header, rows);
    for (const auto& [reason, events] : reasons) {
        if (!events.empty()) text += fmt::format("{}: {}\n", events, reason);
    }
    return text;
}

constexpr std::size_t layers_shown = 10;

/// The heaviest layers of each platform.
std::string layers_text(const std::vector<Subjected>& loaded) {
    std::string text;
    for (const Subjected& each : loaded) {
        if (!each.layers_reason.empty()) text += fmt::format("\nno layers on {}: {}\n", each.title, each.layers_reason);
        if (each.layers.empty()) continue;
        std::vector<LayerTime> heaviest = each.layers;
        Seconds total{0.0};
        for (const LayerTime& layer : heaviest) total += layer.time;
        std::stable_sort(heaviest.begin(), heaviest.end(),
                         [](const auto& a, const auto& b) { return a.time > b.time; });
        heaviest.resize(std::min(heaviest.size(), layers_shown));
        std::vector<std::vector<std::string>> rows;
        for (const LayerTime& layer : heaviest) {
            const std::string name =
                layer.name.size() <= 40 ? layer.name : ".." + layer.name.substr(layer.name.size() - 38);
            rows.push_back({name, layer.op.substr(0, 18), to_text(layer.time),
                            fmt::format("{:.1f} %", 100.0 * (layer.time / total))});
        }
        text += "\n" + table({fmt::format("heaviest of {} layers, {}", each.layers.size(), each.title), "operator",
                              "time", "share"},
                             rows);
    }
    return text;
}

/// How far each engine is from the reference: one row for each that computes something else, or where labelled samples
/// tell; all of them, once one is wrong.
std::string agreement_text(const std::vector<Subjected>& loaded) {
    const bool interesting = std::ranges::any_of(loaded, [](const Subjected& each) {
        return !each.verdict.problem.empty() || each.verdict.accuracy.has_value();
    });
    std::string uncompared;
    for (const Subjected& each : loaded) {
        if (each.verdict.not_compared.empty()) continue;
        uncompared += fmt::format("\n{} was not compared: {}\n", each.title, each.verdict.not_compared);
    }
    if (!interesting) return uncompared;
    std::vector<std::vector<std::string>> rows;
    for (const Subjected& each : loaded) {
        if (!each.verdict.agreement) continue;
        const Agreement& found = *each.verdict.agreement;
        const auto& accuracy = each.verdict.accuracy;
        const bool labelled = accuracy && accuracy->accuracy.top1;
        rows.push_back({each.title, fmt::format("{:.3g} %", 100.0 * found.error),
                        fmt::format("{:.3g} %", 100.0 * found.tolerance),
                        labelled ? fmt::format("{:.1f} %", share(*accuracy->comparison->second.top1).in(percent)) : "-",
                        labelled ? fmt::format("{:.1f} %", share(*accuracy->accuracy.top1).in(percent)) : "-",
                        each.verdict.problem.empty() ? "yes" : "NO"});
    }
    return "\n" + table({"against the reference", "off by", "allowed", "top-1", "its top-1", "right"}, rows) +
           uncompared;
}

std::string idle_text(const MeasurementSet& set) {
    if (!set.idle_power) return set.idle_reason.empty() ? "" : fmt::format("no idle power: {}\n", set.idle_reason);
    std::string text = fmt::format("at rest it draws {} ({}); above that an inference takes",
                                   to_text(set.idle_power->value), name(set.idle_power->origin));
    for (const Measurement& each : set.measurements) {
        if (each.energy_above_idle) {
            text += fmt::format(" {} on {}", to_text(each.energy_above_idle->value), each.title);
        }
    }
    return text + "\n";
}

}  // namespace

std::string text_of(const Answer& answer) {
    std::vector<std::vector<std::string>> rows;
    std::vector<std::vector<std::string>> parts;
    std::string reasons;
    for (const Measurement& each : answer.set.measurements) {
        const std::string& platform = each.title;
        if (!each.latency) continue;
        const Summary& latency = *each.latency;
        rows.push_back({platform, fmt::format("{}+{}", each.warmup.count, latency.n), to_text(latency.p50),
                        interval_text(latency), to_text(latency.p90), to_text(latency.p99), to_text(latency.max),
                        each.energy.energy ? to_text(each.energy.energy->value) : "-"});
        if (each.server) {
            parts.push_back({platform, each.head ? to_text(each.head->p50) : "-", to_text(each.server->network.p50),
                             to_text(each.server->queue.p50), to_text(each.server->compute.p50)});
        }
        if (!each.energy.energy && reasons.find(each.energy.reason) == std::string::npos) {
            reasons += fmt::format("no energy: {}\n", each.energy.reason);
        } else if (each.energy.energy && reasons.find("energy is") == std::string::npos) {
            reasons += fmt::format("energy is {} (meter: {})\n", name(each.energy.energy->origin), each.meter);
        }
    }
    std::string text = headline(answer);
    for (const Refused& each : answer.refused) text += fmt::format("not on {}: {}\n", each.platform, each.reason);
    if (rows.empty()) return text + agreement_text(answer.loaded);
    text += "\n" + table({"platform", "runs", "p50", "+-", "p90", "p99", "max", "energy"}, rows);
    if (!parts.empty()) text += "\n" + table({"of which", "head", "network", "queue", "compute"}, parts);
    for (const Subjected& each : answer.loaded) {
        const std::optional<Placement> placement = each.runner->placement();
        if (placement) text += fmt::format("\n{}: {}\n", each.title, to_text(*placement));
    }
    text += agreement_text(answer.loaded) + counts_text(answer.set) + layers_text(answer.loaded);
    text += fmt::format("\nruns: warm-up found + steady; +-: 95 % interval of p50; memory {}\n{}{}{}\n",
                        to_text(answer.set.peak_memory), reasons, idle_text(answer.set), to_text(answer.machine));
    return text;
}

}  // namespace breakeven::cli
