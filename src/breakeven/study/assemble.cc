// Assemble: see assemble.h.
#include "breakeven/study/assemble.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "breakeven/error.h"
#include "breakeven/plan/cost.h"
#include "breakeven/study/variants.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

Summary summary_from(const Json& json) {
    const auto seconds = [&](const char* key) { return Seconds(json.at(key).get<double>()); };
    Summary s{.n = json.at("n").get<std::size_t>(),
              .mean = seconds("mean_s"),
              .sd = {},
              .min = seconds("min_s"),
              .p50 = seconds("p50_s"),
              .p90 = seconds("p90_s"),
              .p99 = seconds("p99_s"),
              .max = seconds("max_s"),
              .ci95 = {},
              .outliers = 0};
    if (!json.at("sd_s").is_null()) s.sd = seconds("sd_s");
    if (!json.at("ci95_s").is_null()) {
        s.ci95 = Interval<Seconds>{Seconds(json.at("ci95_s").at(0).get<double>()),
                                   Seconds(json.at("ci95_s").at(1).get<double>())};
    }
    return s;
}

Origin origin_from(const std::string& text) {
    for (const Origin origin : {Origin::measured, Origin::modelled, Origin::published}) {
        if (name(origin) == text) return origin;
    }
    return Origin::modelled;
}

/// Counters of one inference, whatever subset there is; and why others are not.
void read_counters(const Json& result, Row& row) {
    const auto found = result.find("counters");
    if (found != result.end() && found->is_object()) {
        for (const auto& [counter, value] : found->items()) {
            if (value.is_object() && value.at("count").is_number())
                row.counters[counter] = value.at("count").get<double>();
            if (value.is_object() && row.counters_reason.empty()) row.counters_reason = value.value("reason", "");
        }
    }
    if (row.counters_reason.empty()) row.counters_reason = result.value("counters_reason", "");
}

struct ServerTime {
    Seconds queue{0.0}, compute{0.0};
};

std::optional<ServerTime> server_time_of(const Json& result) {
    const auto server = result.find("server");
    if (server == result.end() || server->is_null()) return std::nullopt;
    return ServerTime{Seconds(server->at("queue_s").at("p50_s").get<double>()),
                      Seconds(server->at("compute_s").at("p50_s").get<double>())};
}

/// Builds the rows of one folder.
class Assembly {
   public:
    Assembly(Results& results, std::map<std::string, std::size_t>& variants, const ThesisSettings& settings,
             std::string prefix)
        : results_(results), variants_(variants), settings_(settings), prefix_(std::move(prefix)) {}

    void add(const StudyFolder& folder) {
        std::map<std::string, const Json*> latest;  // a cell measured again replaces itself
        std::vector<std::string> order;
        for (const RecordEntry& entry : folder.entries) {
            if (!latest.contains(entry.key)) order.push_back(entry.key);
            latest[entry.key] = &entry.value;
        }
        for (const std::string& key : order) {
            const Json& value = *latest.at(key);
            if (value.at("type") == "variant") add_variant(value);
            if (value.at("type") == "cell" && value.at("kind") == name(CellKind::server)) {
                servers_[value.at("variant").get<std::string>()] = &value;
            }
        }
        for (const std::string& key : order) {
            const Json& value = *latest.at(key);
            if (value.at("type") != "cell") continue;
            if (value.at("kind") == name(CellKind::local)) add_local(value);
            if (value.at("kind") == name(CellKind::server)) add_modelled(value);
            if (value.at("kind") == name(CellKind::link)) add_measured(value);
        }
    }

   private:
    void add_variant(const Json& value) {
        const std::string sha = value.at("sha256").get<std::string>();
        if (variants_.contains(sha)) return;
        variants_[sha] = results_.variants.size();
        results_.variants.push_back(variant_from(value.at("facts")));
    }

    Row row_of(const Json& cell, PlanKind kind, const std::string& platform) const {
        const auto variant = variants_.find(cell.at("variant").get<std::string>());
        if (variant == variants_.end()) {
            throw Error(ErrorKind::input, "read the cells of a study", "a cell is of a variant that is not there");
        }
        Row row{.variant = variant->second, .kind = kind, .platform = prefix_ + platform};
        row.machine = cell.value("machine", "");
        return row;
    }

    /// Energies under both idle powers.
    void price(Row& row, const std::optional<Crossing>& crossing) const {
        for (const Idle idle : idles) {
            const Powers power{settings_.power.active, idle == Idle::high ? settings_.power.idle : settings_.idle_low};
            const Cost cost = plan_cost(row.stages, crossing, power);
            (idle == Idle::high ? row.energy_high : row.energy_low) = cost.energy;
            if (!cost.energy && idle == Idle::high) row.energy_reason = cost.energy_reason;
        }
    }

    void add_local(const Json& cell) {
        Row row = row_of(cell, PlanKind::local, cell.at("platform").get<std::string>());
        const Json& result = cell.at("result");
        row.samples = summary_from(result.at("latency"));
        row.latency = {row.samples->p50, Origin::measured};
        if (settings_.slowdown != 1.0) {
            row.latency = {row.samples->p50 * settings_.slowdown, Origin::modelled};
            row.samples.reset();
        }
        row.stages = stages_here({.compute = row.latency, .platform = row.platform});
        price(row, std::nullopt);
        const Json& energy = result.at("energy_j");
        // What a meter read is worth more than the powers.
        if (energy.is_object() && energy.at("origin") == name(Origin::measured) && settings_.slowdown == 1.0) {
            row.energy_high = Figure<Joules>{joules(energy.at("value").get<double>()), origin_from("measured")};
            row.energy_low = row.energy_high;
            row.energy_reason.clear();
        }
        read_counters(result, row);
        results_.rows.push_back(std::move(row));
    }

    static Shares shares_of(const Row& row, const ServerTime& time, const Json& cell) {
        const Json& payload = cell.at("payload");
        return {.device = {},
                .server = ServerShare{.queue = {time.queue, Origin::measured},
                                      .compute = {time.compute, Origin::measured},
                                      .platform = row.platform},
                .payload = {.up = Bytes(payload.at("up").get<std::int64_t>()),
                            .down = Bytes(payload.at("down").get<std::int64_t>())}};
    }

    static std::string server_name(const Json& cell) { return "server " + cell.at("platform").get<std::string>(); }

    void add_modelled(const Json& cell) {
        const std::optional<ServerTime> time = server_time_of(cell.at("result"));
        if (!time) return;
        for (const LinkProfile& link : settings_.links) {
            Row row = row_of(cell, PlanKind::offload, server_name(cell));
            row.link = link.name;
            const Shares shares = shares_of(row, *time, cell);
            row.stages = modelled_stages(shares, {.link = link, .tcp = {}});
            const Crossing crossing{link, shares.payload};
            row.latency = plan_cost(row.stages, crossing, {}).latency;
            price(row, crossing);
            results_.rows.push_back(std::move(row));
        }
    }

    void add_measured(const Json& cell) {
        const LinkProfile link = parse_link_profile(cell.at("link").get<std::string>(), "a study's cell");
        const bool wanted = std::ranges::any_of(settings_.links, [&](const LinkProfile& l) { return l == link; });
        if (!wanted) return;  // of an earlier run with other links
        Row row = row_of(cell, PlanKind::offload, server_name(cell));
        row.link = link.name;
        const Json& result = cell.at("result");
        row.samples = summary_from(result.at("latency"));
        const std::optional<ServerTime> time = server_time_of(result);
        const Shares shares = shares_of(row, time.value_or(ServerTime{}), cell);
        const Way way{.link = link, .tcp = {}};
        row.stages = measured_stages(row.samples->p50, shares, way);
        row.latency = {row.samples->p50, Origin::measured};
        // The prediction knows the server only from loopback, as if nothing had been measured over the link.
        const auto alone = servers_.find(cell.at("variant").get<std::string>());
        const std::optional<ServerTime> expected =
            alone != servers_.end() ? server_time_of(alone->second->at("result")) : time;
        if (expected) {
            Seconds total{0.0};
            for (const Stage& stage : modelled_stages(shares_of(row, *expected, cell), way))
                total += stage.latency.value;
            row.predicted = total;
        }
        price(row, Crossing{link, shares.payload});
        results_.rows.push_back(std::move(row));
    }

    Results& results_;
    std::map<std::string, std::size_t>& variants_;
    const ThesisSettings& settings_;
    std::string prefix_;
    std::map<std::string, const Json*> servers_;  ///< by variant
};

const Json* settings_entry(const StudyFolder& folder) {
    const Json* found = nullptr;
    for (const RecordEntry& entry : folder.entries) {
        if (entry.value.value("type", "") == "settings") found = &entry.value;
    }
    return found;
}

template <class T>
Json power_json(const std::optional<T>& power) {
    return power ? Json(power->in(watts)) : Json(nullptr);
}

std::optional<Watts> power_from(const Json& json, const char* key) {
    return json.at(key).is_null() ? std::nullopt : std::optional(watts(json.at(key).get<double>()));
}

}  // namespace

std::string_view name(CellKind kind) {
    switch (kind) {
        case CellKind::local: return "local";
        case CellKind::server: return "server";
        case CellKind::link: return "link";
    }
    return "local";
}

Json to_json(const ThesisSettings& settings) {
    Json links = Json::array();
    for (const LinkProfile& link : settings.links) links.push_back(link_profile_text(link));
    return {{"links", links},
            {"active_power_w", power_json(settings.power.active)},
            {"idle_power_w", power_json(settings.power.idle)},
            {"low_idle_power_w", power_json(settings.idle_low)},
            {"slowdown", settings.slowdown},
            {"notes", settings.notes}};
}

ThesisSettings settings_from(const Json& json) {
    ThesisSettings settings;
    for (const Json& link : json.at("links")) {
        settings.links.push_back(parse_link_profile(link.get<std::string>(), "a study's settings"));
    }
    settings.power = {power_from(json, "active_power_w"), power_from(json, "idle_power_w")};
    settings.idle_low = power_from(json, "low_idle_power_w");
    settings.slowdown = json.at("slowdown").get<double>();
    settings.notes = json.at("notes").get<std::vector<std::string>>();
    return settings;
}

Results assemble(const std::vector<StudyFolder>& folders) {
    BREAKEVEN_ASSERT(!folders.empty());
    Results results;
    try {
        const Json* first = settings_entry(folders.front());
        if (first == nullptr) {
            throw Error(ErrorKind::input, fmt::format("read the study in '{}'", folders.front().name),
                        "it has no settings: it is no folder of `study thesis`");
        }
        const ThesisSettings settings = settings_from(first->at("settings"));
        results.notes = settings.notes;
        std::map<std::string, std::size_t> variants;
        for (const StudyFolder& folder : folders) {
            const Json* own = settings_entry(folder);
            const std::string prefix = folders.size() > 1 ? folder.name + " " : "";
            Assembly(results, variants, settings, prefix).add(folder);
            if (own != nullptr) {
                for (const Json& line : own->at("circumstances")) {
                    results.circumstances.push_back(prefix + (prefix.empty() ? "" : "- ") + line.get<std::string>());
                }
            }
        }
        if (settings.slowdown != 1.0) {
            results.notes.push_back(
                fmt::format("The device is modelled: {:g} times as slow as what was measured.", settings.slowdown));
        }
    } catch (const Json::exception& error) {
        throw Error(ErrorKind::input, "read the cells of a study",
                    fmt::format("an entry is not as expected: {}", error.what()));
    }
    results.scenarios = scenarios_of(results);
    results.title = fmt::format("{} variants, measured", results.variants.size());
    return results;
}

}  // namespace breakeven
