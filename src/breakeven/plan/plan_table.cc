// Plans as points, from text, and their time: see plan_table.h.
#include "breakeven/plan/plan_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "breakeven/error.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

using Json = nlohmann::json;

/// More plans than a Pareto table has; a file with more is another kind of file.
constexpr std::size_t points_max = 1000;
constexpr Seconds point_time_max{3600.0};
constexpr Bytes point_bytes_max{std::int64_t{1} << 40};
constexpr std::size_t text_max = 1 << 20;
constexpr std::size_t name_max = 60;

Error refusal(std::string_view origin, const std::string& reason) {
    return Error(ErrorKind::input, fmt::format("read plans '{}'", origin), reason);
}

/// The value of `key` by one of the parsers of units/text.h; `absent` where there is none.
template <class Quantity, class Parser>
Quantity quantity(const Json& object, const char* key, Quantity absent, Parser parser, std::string_view origin) {
    const auto found = object.find(key);
    if (found == object.end()) return absent;
    if (!found->is_string()) {
        throw refusal(origin, fmt::format("'{}' must be a string with its unit, like \"20ms\" or \"150kB\"", key));
    }
    try {
        return parser(found->template get_ref<const std::string&>(), key);
    } catch (const Error& error) {  // the words of a file are input, not usage
        throw refusal(origin, error.what());
    }
}

PlanPoint parse_point(const Json& object, std::string_view origin) {
    if (!object.is_object()) throw refusal(origin, "each plan must be an object");
    static constexpr std::string_view keys[] = {"name", "device", "server", "up", "down", "rest_on_device",
                                                "cut"};  // where the network is cut: for whoever runs it
    for (const auto& item : object.items()) {
        if (std::find(std::begin(keys), std::end(keys), item.key()) == std::end(keys)) {
            throw refusal(origin,
                          fmt::format("a plan has no '{}'; it has name, device, server, up, down and rest_on_device",
                                      item.key()));
        }
    }
    const auto name = object.find("name");
    if (name == object.end() || !name->is_string()) throw refusal(origin, "each plan needs a \"name\"");
    PlanPoint point;
    point.name = name->get<std::string>();
    point.device = quantity(object, "device", Seconds(0.0), parse_seconds, origin);
    point.server = quantity(object, "server", Seconds(0.0), parse_seconds, origin);
    point.payload.up = quantity(object, "up", Bytes(0), parse_bytes, origin);
    point.payload.down = quantity(object, "down", Bytes(0), parse_bytes, origin);
    if (object.contains("rest_on_device")) {
        point.rest_on_device = quantity(object, "rest_on_device", Seconds(0.0), parse_seconds, origin);
    }
    return point;
}

void check_point(const PlanPoint& point, std::string_view origin) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (point.name.empty() || point.name.size() > name_max ||
        std::any_of(point.name.begin(), point.name.end(), is_control)) {
        throw refusal(origin, fmt::format("a plan's name has 1 to {} printable characters", name_max));
    }
    if (point.device > point_time_max || point.server > point_time_max ||
        point.rest_on_device.value_or(Seconds(0.0)) > point_time_max) {
        throw refusal(origin, fmt::format("plan '{}' takes longer than an hour", point.name));
    }
    if (point.payload.up > point_bytes_max || point.payload.down > point_bytes_max) {
        throw refusal(origin, fmt::format("plan '{}' moves more than 1 TiB", point.name));
    }
    if (point.is_local() &&
        (point.device.count() <= 0.0 || point.server.count() > 0.0 || point.payload.down.count() > 0)) {
        throw refusal(origin, fmt::format("plan '{}' sends nothing up, so it is local: it takes time on the device, "
                                          "none on the server, and brings nothing down",
                                          point.name));
    }
}

}  // namespace

PlanTable plan_table(std::vector<PlanPoint> points, std::string_view origin) {
    std::set<std::string_view> names;
    for (const PlanPoint& point : points) {
        check_point(point, origin);
        if (!names.insert(point.name).second) throw refusal(origin, fmt::format("'{}' stands twice", point.name));
    }
    const auto slower = [](const PlanPoint& a, const PlanPoint& b) {
        return a.is_local() != b.is_local() ? a.is_local() : a.device < b.device;
    };
    const auto fastest = std::min_element(points.begin(), points.end(), slower);
    if (fastest == points.end() || !fastest->is_local()) {
        throw refusal(origin, "no plan is local; one must be, to answer when the server does not");
    }
    const auto local = static_cast<std::size_t>(fastest - points.begin());
    return {.points = std::move(points), .local = local};
}

PlanPoint plan_point(const Plan& plan) {
    PlanPoint point{
        .name = plan.title(), .device = Seconds(0.0), .server = Seconds(0.0), .payload = {}, .round_trips = 0};
    for (const Stage& stage : plan.stages) {
        if (stage.kind == StageKind::round_trip) ++point.round_trips;
        const bool coding = stage.kind == StageKind::encode || stage.kind == StageKind::decode;
        if (stage.kind != StageKind::compute && !coding) continue;
        (stage.side == Side::device ? point.device : point.server) += stage.latency.value;
    }
    point.payload = {.up = plan.cost.up, .down = plan.cost.down};
    return point;
}

PlanTable parse_plan_table(std::string_view text, std::string_view origin) {
    if (text.size() > text_max) throw refusal(origin, fmt::format("it is longer than {} bytes", text_max));
    Json document;
    try {
        document = Json::parse(text);
    } catch (const Json::exception& error) {
        throw refusal(origin, fmt::format("it is not JSON: {}", error.what()));
    }
    const auto plans = document.is_object() ? document.find("plans") : document.end();
    if (!document.is_object() || plans == document.end() || !plans->is_array()) {
        throw refusal(origin, R"(it must be like {"plans": [{"name": "local", "device": "300ms"}, ...]})");
    }
    if (plans->size() > points_max) throw refusal(origin, fmt::format("it has more than {} plans", points_max));
    std::vector<PlanPoint> points;
    for (const Json& plan : *plans) points.push_back(parse_point(plan, origin));
    return plan_table(std::move(points), origin);
}

PlanTable example_plans(Seconds device) {
    const Seconds server = device / 15.0;
    const Bytes reply(4000);
    const auto split = [&](const char* name, double share, std::int64_t up) {
        return PlanPoint{.name = name,
                         .device = device * share,
                         .server = server * (1.0 - share),
                         .payload = {.up = Bytes(up), .down = reply},
                         .round_trips = 1,
                         .rest_on_device = share > 0.0 ? std::optional(device * (1.0 - share)) : std::nullopt};
    };
    return plan_table({{.name = "local", .device = device, .server = Seconds(0.0), .payload = {}},
                       split("offload", 0.0, 150'000),
                       split("split-75k", 0.25, 75'000),
                       split("split-37k", 0.5, 37'500)},
                      "example");
}

Seconds plan_time(const PlanPoint& point, const Conditions& conditions) {
    const Seconds device = point.device * conditions.device_slowness;
    if (point.is_local()) return device;
    const auto sending = [&](Bytes size) {
        return Sending{.window = conditions.window, .size = size, .round_trip = conditions.round_trip};
    };
    return device + conditions.round_trip * static_cast<double>(point.round_trips) +
           sending_time(sending(point.payload.up), conditions.up) + conditions.queue +
           point.server * conditions.server_slowness + sending_time(sending(point.payload.down), conditions.down);
}

}  // namespace breakeven
