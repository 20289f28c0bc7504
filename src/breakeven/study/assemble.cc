// Assemble: see assemble.h.
#include "breakeven/study/assemble.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "breakeven/error.h"
#include "breakeven/plan/cost.h"
#include "breakeven/study/remarks.h"
#include "breakeven/study/variants.h"
#include "breakeven/units/text.h"

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

/// Whose settings count for what.
struct Sides {
    const ThesisSettings& device;  ///< the links, and what waiting costs
    const ThesisSettings& own;     ///< of the folder: its own platforms' powers and slowdown
};

/// Builds the rows of one folder.
class Assembly {
   public:
    Assembly(Results& results, const Sides& sides, std::string prefix)
        : results_(results),
          settings_(sides.device),
          own_(sides.own),
          prefix_(std::move(prefix)),
          is_elsewhere_(&sides.own != &sides.device) {}

    void add(const StudyFolder& folder) {
        for (const RecordEntry& entry : folder.entries) {
            if (entry.value.at("type") == "variant") add_variant(entry.value);
        }
        // A cell measured again replaces itself, for longer or of a variant built anew too: the newest counts.
        std::map<std::string, const Json*> latest;
        std::vector<std::string> order;
        for (const RecordEntry& entry : folder.entries) {
            if (entry.value.at("type") != "cell") continue;
            const std::string place = place_of(entry.value);
            if (!latest.contains(place)) order.push_back(place);
            latest[place] = &entry.value;
        }
        for (const std::string& key : order) {
            const Json& value = *latest.at(key);
            if (value.at("kind") == name(CellKind::server)) servers_[variant_of(value)] = &value;
        }
        for (const std::string& key : order) {
            const Json& value = *latest.at(key);
            if (value.at("kind") == name(CellKind::local)) add_local(value);
            if (value.at("kind") == name(CellKind::server)) add_modelled(value);
            if (value.at("kind") == name(CellKind::link)) add_measured(value);
        }
    }

   private:
    void add_variant(const Json& value) {
        const std::string sha = value.at("sha256").get<std::string>();
        const Variant variant = variant_from(value.at("facts"));
        // The same network in the same form is one line, whoever built its file.
        const auto same = std::ranges::find(results_.variants, variant.title(), &Variant::title);
        variants_[sha] = static_cast<std::size_t>(same - results_.variants.begin());
        if (same == results_.variants.end()) results_.variants.push_back(variant);
    }

    std::size_t variant_of(const Json& cell) const {
        const auto variant = variants_.find(cell.at("variant").get<std::string>());
        if (variant == variants_.end()) {
            throw Error(ErrorKind::input, "read the cells of a study", "a cell is of a variant that is not there");
        }
        return variant->second;
    }

    /// Where a cell stands in the table.
    std::string place_of(const Json& cell) const {
        return fmt::format("{}\n{}\n{}\n{}\n{}", variant_of(cell), cell.at("kind").get<std::string>(),
                           cell.at("platform").get<std::string>(), cell.value("link", ""), cell.value("machine", ""));
    }

    Row row_of(const Json& cell, PlanKind kind, const std::string& platform) const {
        Row row{.variant = variant_of(cell), .kind = kind, .platform = prefix_ + platform};
        row.machine = cell.value("machine", "");
        return row;
    }

    /// Energies under both idle powers.
    void price(Row& row, const std::optional<Crossing>& crossing) const {
        for (const Idle idle : idles) {
            const ThesisSettings& side = crossing ? settings_ : own_;
            const Powers power{side.power.active, idle == Idle::high ? side.power.idle : side.idle_low};
            const Cost cost = plan_cost(row.stages, crossing, power);
            (idle == Idle::high ? row.energy_high : row.energy_low) = cost.energy;
            if (!cost.energy && idle == Idle::high) row.energy_reason = cost.energy_reason;
        }
        row.device = plan_cost(row.stages, std::nullopt, crossing ? settings_.power : own_.power).energy;
        if (!crossing) return;
        row.payload = crossing->payload;
        if (const auto spent = network_energy(crossing->link, crossing->payload)) {
            row.by_byte = Figure<Joules>{*spent, Origin::modelled};
        }
    }

    void add_local(const Json& cell) {
        Row row = row_of(cell, PlanKind::local, cell.at("platform").get<std::string>());
        row.is_elsewhere = is_elsewhere_;
        const Json& result = cell.at("result");
        row.samples = summary_from(result.at("latency"));
        row.latency = {row.samples->p50, Origin::measured};
        if (own_.slowdown != 1.0) {
            row.latency = {row.samples->p50 * own_.slowdown, Origin::modelled};
            row.samples.reset();
        }
        row.stages = stages_here({.compute = row.latency, .platform = row.platform});
        price(row, std::nullopt);
        const Json& energy = result.at("energy_j");
        // What a meter read is worth more than the powers.
        if (energy.is_object() && energy.at("origin") == name(Origin::measured) && own_.slowdown == 1.0) {
            row.energy_high = Figure<Joules>{joules(energy.at("value").get<double>()), origin_from("measured")};
            row.energy_low = row.energy_high;
            row.device = row.energy_high;
            row.energy_reason.clear();
            const auto above = result.find("energy_above_idle_j");
            if (above != result.end() && above->is_object()) {
                row.above_idle = Figure<Joules>{joules(above->at("value").get<double>()), Origin::measured};
            }
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
        const auto alone = servers_.find(row.variant);
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
    const ThesisSettings& settings_;
    const ThesisSettings& own_;
    std::string prefix_;
    bool is_elsewhere_;
    std::map<std::string, std::size_t> variants_;  ///< by the file's digest
    std::map<std::size_t, const Json*> servers_;   ///< by variant
};

/// The median of what a folder's cells metered at rest.
std::optional<Figure<Watts>> idle_power_of(const StudyFolder& folder) {
    std::vector<double> metered;
    for (const RecordEntry& entry : folder.entries) {
        const auto power = entry.value.find("idle_power_w");
        if (power == entry.value.end() || !power->is_object()) continue;
        if (power->at("origin") == name(Origin::measured)) metered.push_back(power->at("value").get<double>());
    }
    if (metered.empty()) return std::nullopt;
    return Figure<Watts>{watts(quantile(sorted_copy(metered), 0.5)), Origin::measured};
}

/// As the folders are called; of those of one name the later ones with a number.
std::vector<std::string> distinct_names(const std::vector<StudyFolder>& folders) {
    std::vector<std::string> names;
    for (const StudyFolder& folder : folders) {
        std::string name = folder.name;
        for (int n = 2; std::ranges::find(names, name) != names.end(); ++n) name = fmt::format("{} {}", folder.name, n);
        names.push_back(name);
    }
    return names;
}

std::string slowdown_note(const std::string& whose, const ThesisSettings& settings) {
    return fmt::format("{} is modelled: {:g} times as slow as what was measured.", whose, settings.slowdown);
}

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
            {"factors", settings.factors},
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
    settings.factors = json.value("factors", "");  // not in what older versions wrote
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
        ThesisSettings settings = settings_from(first->at("settings"));
        results.notes = settings.notes;
        results.factors = parse_factors(settings.factors, settings.factors.empty() ? "shipped" : "of the study");
        results.idle_power = idle_power_of(folders.front());
        if (results.idle_power && !settings.power.idle && settings.slowdown == 1.0) {
            settings.power.idle = results.idle_power->value;
            results.notes.push_back(
                fmt::format("The device is taken to wait at the {} that it was metered to draw at "
                            "rest (--idle-power says otherwise).",
                            to_text(results.idle_power->value)));
        }
        const std::vector<std::string> names = distinct_names(folders);
        std::vector<std::size_t> row_ends;  // of each folder
        for (std::size_t i = 0; i < folders.size(); ++i) {
            const StudyFolder& folder = folders[i];
            const Json* own = settings_entry(folder);
            const std::string prefix = folders.size() > 1 ? names[i] + " " : "";
            ThesisSettings others;
            if (i > 0 && own != nullptr) others = settings_from(own->at("settings"));
            const ThesisSettings& of_folder = i == 0 ? settings : others;
            Assembly(results, {.device = settings, .own = of_folder}, prefix).add(folder);
            row_ends.push_back(results.rows.size());
            if (i > 0 && of_folder.slowdown != 1.0) results.notes.push_back(slowdown_note(names[i], of_folder));
            if (own != nullptr) {
                for (const Json& line : own->at("circumstances")) {
                    results.circumstances.push_back(prefix + (prefix.empty() ? "" : "- ") + line.get<std::string>());
                }
            }
        }
        if (settings.slowdown != 1.0) results.notes.push_back(slowdown_note("The device", settings));
        for (std::string& remark : remarks(folders, {.names = names, .row_ends = row_ends}, results)) {
            results.notes.push_back(std::move(remark));
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
