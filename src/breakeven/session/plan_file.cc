// Plans from text: see plan_file.h.
#include "breakeven/session/plan_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "breakeven/error.h"

namespace breakeven {
namespace {

using Json = nlohmann::json;

constexpr std::size_t text_max = 64 << 20;

Error refusal(std::string_view origin, const std::string& reason) {
    return Error(ErrorKind::input, fmt::format("read plans '{}'", origin), reason);
}

std::vector<std::string> cut_of(const Json& plan, std::string_view origin) {
    const auto cut = plan.find("cut");
    if (cut == plan.end() || cut->is_null()) return {};
    if (!cut->is_array() || !std::ranges::all_of(*cut, [](const Json& tensor) { return tensor.is_string(); })) {
        throw refusal(origin, "a plan's \"cut\" must be a list of tensors");
    }
    return cut->get<std::vector<std::string>>();
}

/// A plan of an advice, by its stages.
SessionPlan advised(const Json& plan, std::string_view origin) {
    SessionPlan made{.point = {.round_trips = 0}, .cut = cut_of(plan, origin)};
    made.point.name = plan.at("title").get<std::string>();
    for (const Json& stage : plan.at("stages")) {
        const auto what = stage.at("what").get<std::string>();
        const Seconds time(stage.at("latency_s").at("value").get<double>());
        if (what == "round_trip") ++made.point.round_trips;
        if (what != "compute") continue;
        (stage.at("side") == "device" ? made.point.device : made.point.server) += time;
    }
    made.point.round_trips = std::max<std::int64_t>(made.point.round_trips, plan.at("kind") == "local" ? 0 : 1);
    made.point.payload = {.up = Bytes(plan.at("cost").at("bytes_up").at("value").get<std::int64_t>()),
                          .down = Bytes(plan.at("cost").at("bytes_down").at("value").get<std::int64_t>())};
    return made;
}

std::vector<SessionPlan> of_advice(const Json& plans, std::string_view origin) {
    std::vector<SessionPlan> made;
    std::set<std::pair<std::string, std::vector<std::string>>> seen;
    for (const Json& plan : plans) {
        const auto kind = plan.at("kind").get<std::string>();
        const Json& codec = plan.at("codec");
        if (plan.at("variant") != as_given || (codec.is_string() && codec != "raw") || kind == "cascade") continue;
        if (seen.insert({kind, cut_of(plan, origin)}).second) made.push_back(advised(plan, origin));
    }
    const auto local = std::ranges::find_if(made, [](const SessionPlan& plan) { return plan.point.is_local(); });
    if (local == made.end()) return made;
    const Seconds whole = local->point.device;
    for (SessionPlan& plan : made) {  // what is left of the network takes what is left of its time
        if (!plan.cut.empty()) plan.point.rest_on_device = std::max(whole - plan.point.device, whole / 100.0);
    }
    return made;
}

}  // namespace

std::vector<SessionPlan> parse_session_plans(std::string_view text, std::string_view origin) {
    if (text.size() > text_max) throw refusal(origin, fmt::format("it is longer than {} bytes", text_max));
    try {
        Json document = Json::parse(text);
        const bool has_plans = document.is_object() && document.contains("plans") && document["plans"].is_array();
        if (has_plans && !document["plans"].empty() && document["plans"].front().contains("stages")) {
            return of_advice(document["plans"], origin);
        }
        std::vector<SessionPlan> made;
        if (has_plans) {
            for (Json& plan : document["plans"]) {
                made.push_back(
                    {.point = {}, .cut = plan.is_object() ? cut_of(plan, origin) : std::vector<std::string>{}});
                if (plan.is_object()) plan.erase("cut");
            }
        }
        const PlanTable table = parse_plan_table(document.dump(), origin);
        for (std::size_t i = 0; i < made.size(); ++i) made[i].point = table.points[i];
        return made;
    } catch (const Json::exception& error) {
        throw refusal(origin, error.what());
    }
}

std::string session_plans_text(std::span<const SessionPlan> plans) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const SessionPlan& plan : plans) {
        nlohmann::ordered_json entry{{"name", plan.point.name}};
        const auto add = [&](const char* key, Seconds time) { entry[key] = fmt::format("{:.9g}s", time.count()); };
        if (!plan.cut.empty()) entry["cut"] = plan.cut;
        if (plan.point.device.count() > 0.0) add("device", plan.point.device);
        if (!plan.point.is_local()) {
            add("server", plan.point.server);
            entry["up"] = fmt::format("{}B", plan.point.payload.up.count());
            entry["down"] = fmt::format("{}B", plan.point.payload.down.count());
        }
        if (plan.point.rest_on_device) add("rest_on_device", *plan.point.rest_on_device);
        list.push_back(std::move(entry));
    }
    return nlohmann::ordered_json{{"plans", std::move(list)}}.dump(1) + "\n";
}

}  // namespace breakeven
