// AdviceJson: see advice_json.h.
#include "breakeven/report/advice_json.h"

#include <algorithm>
#include <string>

#include "breakeven/report/words.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

Json figure(double value, Origin origin) {
    return {{"value", value}, {"origin", name(origin)}};
}
Json figure(const Figure<Seconds>& of) {
    return figure(of.value.count(), of.origin);
}
Json figure(const std::optional<Figure<Joules>>& of) {
    return of ? figure(of->value.in(joules), of->origin) : Json(nullptr);
}
Json figure(const std::optional<Figure<JouleSeconds>>& of) {
    return of ? figure(of->value.in(joule_seconds), of->origin) : Json(nullptr);
}
Json seconds(const std::optional<Seconds>& of) {
    return of ? Json(of->count()) : Json(nullptr);
}
Json text(const std::string& of) {
    return of.empty() ? Json(nullptr) : Json(of);
}

std::string key_of(StageKind kind) {
    std::string key(name(kind));
    std::ranges::replace(key, ' ', '_');
    return key;
}

std::string_view name(Side side) {
    switch (side) {
        case Side::device: return "device";
        case Side::link: return "link";
        case Side::server: return "server";
    }
    return "device";
}

Json stages_json(const std::vector<Stage>& stages) {
    Json out = Json::array();
    for (const Stage& stage : stages) {
        out.push_back({{"what", key_of(stage.kind)},
                       {"side", name(stage.side)},
                       {"platform", stage.where},
                       {"latency_s", figure(stage.latency)}});
    }
    return out;
}

Json cost_json(const Cost& cost) {
    // Sizes are counted from the tensors that cross; that they did cross is known only where the latency was measured.
    const Origin origin = cost.latency.origin;
    Json out{{"latency_s", figure(cost.latency)},
             {"energy_j", figure(cost.energy)},
             {"edp_js", figure(cost.energy_delay())},
             {"bytes_up", figure(0, origin)},
             {"bytes_down", figure(0, origin)}};
    out["bytes_up"]["value"] = cost.up.count();
    out["bytes_down"]["value"] = cost.down.count();
    if (!cost.energy) out["energy_reason"] = cost.energy_reason;
    return out;
}

Json deploy_json(const std::optional<Deploy>& deploy) {
    if (!deploy) return nullptr;
    return {{"bytes", deploy->size.count()},
            {"latency_s", figure(deploy->time)},
            {"energy_j", figure(deploy->energy)},
            {"inferences", deploy->inferences},
            {"latency_each_s", deploy->latency_each().count()}};
}

Json accuracy_json(const std::optional<PlanAccuracy>& accuracy) {
    if (!accuracy) return nullptr;
    return {{"top1", accuracy->top1},
            {"drop", accuracy->drop},
            {"n", accuracy->n},
            {"what", accuracy->is_agreement ? "agreement" : "accuracy"}};
}

/// Rows from the slowest uplink on; `winners` are indices into the map's own `plans`.
Json map_json(const std::optional<BreakEvenMap>& map) {
    if (!map) return nullptr;
    Json out{{"goal", name(map->goal)}, {"plans", Json::array()}};
    for (std::size_t i = 0; i < map->titles.size(); ++i) {
        out["plans"].push_back({{"title", map->titles[i]}, {"kind", name(map->kinds[i])}});
    }
    for (std::size_t column = 0; column < map->axes.columns; ++column) {
        out["rtt_s"].push_back(map->axes.round_trip(column).count());
    }
    for (std::size_t row = 0; row < map->axes.rows; ++row) {
        out["up_bytes_per_s"].push_back(map->axes.up(row).in(bytes_per_second));
        Json winners = Json::array();
        Json figures = Json::array();
        for (std::size_t column = 0; column < map->axes.columns; ++column) {
            winners.push_back(map->at(row, column).plan);
            figures.push_back(map->at(row, column).figure);
        }
        out["winners"].push_back(std::move(winners));
        out["figures"].push_back(std::move(figures));
    }
    return out;
}

Json plan_json(const Plan& plan) {
    Json out{{"title", plan.title()},
             {"kind", name(plan.kind)},
             {"link", text(plan.link)},
             {"variant", plan.variant},
             {"codec", text(plan.codec)},
             {"transport", plan.transport ? Json(name(*plan.transport)) : Json(nullptr)},
             {"cut", plan.cut},
             {"stages", stages_json(plan.stages)},
             {"cost", cost_json(plan.cost)},
             {"latency_p99_s", seconds(plan.latency_p99)},
             {"predicted_latency_s", seconds(plan.predicted_latency)}};
    if (!prediction_error_text(plan).empty()) {
        const double measured = plan.cost.latency.value.count();
        out["prediction_error"] = (plan.predicted_latency->count() - measured) / measured;
    }
    out["deploy"] = deploy_json(plan.deploy);
    out["accuracy"] = accuracy_json(plan.accuracy);
    out["remarks"] = plan.remarks;
    return out;
}

Json link_json(const LinkUse& use) {
    return {{"name", use.profile.name},
            {"rtt_s", 2 * use.profile.one_way_latency.count()},
            {"up_bytes_per_s", use.profile.up.in(bytes_per_second)},
            {"down_bytes_per_s", use.profile.down.in(bytes_per_second)},
            {"how", name(use.how)},
            {"reason", text(use.reason)}};
}

}  // namespace

nlohmann::ordered_json advice_json(const Advice& advice) {
    const Answer words = answer(advice);
    Json out{
        {"schema", 1},
        {"answer", {{"decision", words.decision}, {"reason", words.reason}}},
        {"model", {{"name", advice.model_name}, {"sha256", advice.model_sha256}}},
        {"objective", {{"goal", name(advice.objective.goal)}, {"deadline_s", seconds(advice.objective.deadline)}}}};
    Json& links = out["links"] = Json::array();
    for (const LinkUse& use : advice.links) links.push_back(link_json(use));
    Json& plans = out["plans"] = Json::array();
    for (const Plan& plan : advice.plans) plans.push_back(plan_json(plan));
    out["best"] = advice.best ? Json(*advice.best) : Json(nullptr);
    Json& break_evens = out["break_even"] = Json::array();
    for (const BreakEven& entry : advice.break_evens) {
        break_evens.push_back({{"link", entry.link},
                               {"platform", entry.platform},
                               {"codec", entry.codec},
                               {"latency_s", figure(entry.latency)},
                               {"energy_j", figure(entry.energy)}});
    }
    out["map"] = map_json(advice.map);
    Json& codecs = out["codecs"] = Json::array();
    for (const CodecTrial& trial : advice.codecs) {
        codecs.push_back({{"variant", trial.variant},
                          {"cut", trial.cut},
                          {"codec", trial.codec},
                          {"bytes_p50", trial.up_p50.count()},
                          {"bytes_p90", trial.up_p90.count()},
                          {"encode_s", trial.encode.count()},
                          {"decode_s", trial.decode.count()},
                          {"accuracy", accuracy_json(trial.accuracy)}});
    }
    out["warnings"] = advice.warnings;
    out["circumstances"] = advice.circumstances;
    return out;
}

}  // namespace breakeven
