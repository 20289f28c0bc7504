// Documents: see documents.h.
#include "breakeven/thesis/documents.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "breakeven/thesis/system.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json maybe(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json maybe_size(const std::optional<Bytes>& size) {
    return size ? Json(size->count()) : Json(nullptr);
}

Json figure(const Figure<Seconds>& latency) {
    return {{"value", latency.value.count()}, {"origin", name(latency.origin)}};
}

Json figure(const std::optional<Figure<Joules>>& energy) {
    if (!energy) return nullptr;
    return {{"value", energy->value.in(joules)}, {"origin", name(energy->origin)}};
}

Json spread_json(const Spread<Seconds>& s) {
    return {{"mean_s", s.mean.count()}, {"sd_s", s.sd.count()}, {"max_s", s.max.count()}, {"min_s", s.min.count()}};
}

Json spread_json(const std::optional<Spread<Joules>>& s) {
    if (!s) return nullptr;
    return {{"mean_j", s->mean.in(joules)},
            {"sd_j", s->sd.in(joules)},
            {"max_j", s->max.in(joules)},
            {"min_j", s->min.in(joules)}};
}

Json correlation_json(const std::optional<Correlation>& found) {
    if (!found) return nullptr;
    Json json{{"r", found->r}, {"n", found->n}, {"ci95", nullptr}};
    if (found->ci95) json["ci95"] = {found->ci95->low, found->ci95->high};
    return json;
}

/// "round_trip"
std::string key_of(StageKind kind) {
    std::string key(name(kind));
    std::ranges::replace(key, ' ', '_');
    return key;
}

Json variant_json(const Variant& v) {
    Json fits = Json::array();
    for (const LevelFit& fit : v.fits) {
        fits.push_back({{"level", fit.level},
                        {"size_bytes", fit.size.count()},
                        {"mean_layer_percent", fit.mean_layer_percent},
                        {"fitting_percent", fit.fitting_percent}});
    }
    return {{"name", v.title()},
            {"network", v.network},
            {"side", v.side},
            {"recipe", v.recipe},
            {"parameters", v.parameters},
            {"layers", maybe(v.layers)},
            {"macs", maybe(v.macs)},
            {"input_bytes", v.input.count()},
            {"output_bytes", v.output.count()},
            {"file_bytes", maybe_size(v.file)},
            {"packed_bytes", maybe_size(v.packed)},
            {"agreement", maybe(v.agreement)},
            {"cache_fit", fits}};
}

Json row_json(const Results& results, const Row& row) {
    Json stages = Json::array();
    for (const Stage& stage : row.stages) {
        stages.push_back(
            {{"what", key_of(stage.kind)}, {"platform", stage.where}, {"latency_s", figure(stage.latency)}});
    }
    Json json{{"variant", results.variants[row.variant].title()},
              {"kind", name(row.kind)},
              {"platform", row.platform},
              {"link", row.link.empty() ? Json(nullptr) : Json(row.link)},
              {"machine", row.machine},
              {"latency_s", figure(row.latency)},
              {"predicted_latency_s", row.predicted ? Json(row.predicted->count()) : Json(nullptr)},
              {"n", row.samples ? Json(row.samples->n) : Json(nullptr)},
              {"ci95_s", nullptr},
              {"stages", stages},
              {"energy_high_idle_j", figure(row.energy_high)},
              {"energy_low_idle_j", figure(row.energy_low)},
              {"energy_above_idle_j", figure(row.above_idle)},
              {"energy_reason", row.energy_reason},
              {"counters", nullptr},
              {"counters_reason", row.counters_reason}};
    if (row.samples && row.samples->ci95) {
        json["ci95_s"] = {row.samples->ci95->low.count(), row.samples->ci95->high.count()};
    }
    if (!row.counters.empty()) json["counters"] = row.counters;
    return json;
}

Json maybe_joules(const std::optional<Joules>& energy) {
    return energy ? Json(energy->in(joules)) : Json(nullptr);
}

/// Of everybody; `energy_j` is null where a part is not known.
Json shares_json(const SystemScenario& scenario, const SystemShares& shares) {
    return {{"network_j", shares.network.in(joules)},
            {"server_j", shares.server.in(joules)},
            {"energy_j", scenario.is_whole() ? Json(shares.energy().in(joules)) : Json(nullptr)},
            {"co2_kg", scenario.is_whole() ? Json(shares.co2.in(kilograms)) : Json(nullptr)},
            {"cost", scenario.is_whole() ? Json(shares.cost.in(money)) : Json(nullptr)}};
}

Json system_json(const Results& results) {
    if (!results.factors) return nullptr;
    const auto or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
    Json scenarios = Json::array(), factors = Json::array();
    for (const SystemScenario& s : system_scenarios(results)) {
        scenarios.push_back({{"series", s.series},
                             {"kind", name(s.kind)},
                             {"link", or_null(s.link)},
                             {"platform", s.platform},
                             {"latency_origin", name(s.origin)},
                             {"n", s.n},
                             {"network", or_null(s.network)},
                             {"server", or_null(s.server)},
                             {"device_j", maybe_joules(s.device)},
                             {"radio_j", maybe_joules(s.radio)},
                             {"radio_asleep_j", maybe_joules(s.alone)},
                             {"attributed", shares_json(s, s.attributed)},
                             {"marginal", shares_json(s, s.marginal)}});
    }
    for (const Factor& factor : results.factors->figures) {
        factors.push_back({{"name", factor.path},
                           {"value", factor.value},
                           {"low", maybe(factor.low)},
                           {"high", maybe(factor.high)},
                           {"source", factor.source}});
    }
    return {{"currency", results.factors->currency}, {"scenarios", scenarios}, {"factors", factors}};
}

Json checks_json(const ThesisChecks& checks) {
    Json powers = Json::array(), energies = Json::array(), shares = Json::array(), counts = Json::array(),
         fits = Json::array();
    const auto network = [](NetworkEnergy n) { return n == NetworkEnergy::counted; };
    for (const DerivedIdle& p : checks.idle_powers) {
        powers.push_back(
            {{"idle", name(p.idle)}, {"network_energy_counted", network(p.network)}, {"power_w", p.power.in(watts)}});
    }
    for (const EnergyCheck& e : checks.energies) {
        energies.push_back({{"link", e.link},
                            {"server", e.server},
                            {"idle", name(e.idle)},
                            {"aggregate", name(e.aggregate)},
                            {"network_energy_counted", network(e.network)},
                            {"printed_j", e.printed.in(joules)},
                            {"predicted_j", e.predicted.in(joules)}});
    }
    for (const ShareCheck& s : checks.shares) {
        shares.push_back({{"link", s.link},
                          {"server", s.server},
                          {"reading", name(s.reading)},
                          {"aggregate", name(s.aggregate)},
                          {"network_s", s.network.count()},
                          {"printed_s", s.printed.count()},
                          {"ruled_out", s.ruled_out()}});
    }
    for (const CountCheck& c : checks.counts) {
        counts.push_back({{"network", c.network}, {"side", c.side}, {"printed", c.printed}, {"counted", c.counted}});
    }
    for (const FitCheck& f : checks.fits) {
        fits.push_back({{"network", f.network},
                        {"side", f.side},
                        {"level", f.level},
                        {"printed_percent", f.printed_percent},
                        {"computed_percent", f.computed_percent}});
    }
    Json ruled_out = Json::array();
    for (const Reading reading : {Reading::upload_rate, Reading::download_rate}) {
        if (checks.ruled_out(reading)) ruled_out.push_back(name(reading));
    }
    return {{"idle_powers", powers},
            {"energies", energies},
            {"energy_error_max_j", checks.energy_error_max(NetworkEnergy::counted).in(joules)},
            {"network_shares", shares},
            {"readings_ruled_out", ruled_out},
            {"parameters", counts},
            {"cache_fits", fits},
            {"cache_fit_error_max_points", checks.fit_error_max()},
            {"contradictions", contradictions(checks)}};
}

std::string number(double value) {
    return fmt::format("{}", value);
}

template <class T>
std::string number_or_nothing(const std::optional<T>& value) {
    return value ? fmt::format("{}", *value) : "";
}

/// "device_j" and what follows of the whole system; empty fields where it is not known.
constexpr std::string_view system_header =
    "device_j,radio_j,network_attributed_j,network_marginal_j,server_attributed_j,server_marginal_j,"
    "system_attributed_j,system_marginal_j,co2_attributed_kg,co2_marginal_kg,cost_attributed,cost_marginal";

void add_system_fields(const Results& results, const Row& row, std::vector<std::string>& fields) {
    const auto whole = system_row(row, *results.factors);
    if (!whole) {
        const auto columns = static_cast<std::size_t>(std::ranges::count(system_header, ',')) + 1;
        fields.insert(fields.end(), columns, "");
        return;
    }
    const SystemShares &all = whole->cost.attributed, &more = whole->cost.marginal;
    const auto known = [&](double value) { return whole->is_whole() ? number(value) : std::string(); };
    const auto energy = [](const std::optional<Joules>& e) { return e ? number(e->in(joules)) : std::string(); };
    fields.insert(fields.end(),
                  {energy(whole->device), energy(whole->radio), number(all.network.in(joules)),
                   number(more.network.in(joules)), number(all.server.in(joules)), number(more.server.in(joules)),
                   known(all.energy().in(joules)), known(more.energy().in(joules)), known(all.co2.in(kilograms)),
                   known(more.co2.in(kilograms)), known(all.cost.in(money)), known(more.cost.in(money))});
}

std::string energy_field(const std::optional<Figure<Joules>>& energy) {
    return energy ? number(energy->value.in(joules)) : "";
}

}  // namespace

Json results_json(const Results& results, const ThesisChecks& checks, const StudyAnswer& answer) {
    Json variants = Json::array(), rows = Json::array(), scenarios = Json::array(), findings = Json::array();
    for (const Variant& variant : results.variants) variants.push_back(variant_json(variant));
    for (const Row& row : results.rows) rows.push_back(row_json(results, row));
    for (const Scenario& s : results.scenarios) {
        scenarios.push_back({{"link", s.link},
                             {"server", s.server},
                             {"origin", name(s.origin)},
                             {"n", s.n},
                             {"latency", spread_json(s.latency)},
                             {"energy_high_idle", spread_json(s.high_idle)},
                             {"energy_low_idle", spread_json(s.low_idle)}});
    }
    for (const Finding& finding : answer.findings) {
        findings.push_back({{"id", finding.id}, {"title", finding.title}, {"lines", finding.lines}});
    }
    return {{"schema", 1},
            {"study", "thesis"},
            {"title", results.title},
            {"answer", {{"headline", answer.headline}, {"lead", answer.lead}, {"findings", findings}}},
            {"variants", variants},
            {"rows", rows},
            {"scenarios", scenarios},
            {"idle_power_w", results.idle_power ? Json{{"value", results.idle_power->value.in(watts)},
                                                       {"origin", name(results.idle_power->origin)}}
                                                : Json(nullptr)},
            {"whole_system", system_json(results)},
            {"checks", checks_json(checks)},
            {"notes", results.notes},
            {"circumstances", results.circumstances}};
}

Json charts_json(const std::vector<Chart>& charts) {
    const auto axis = [](const ChartAxis& a) {
        return Json{{"name", a.name}, {"unit", name(a.measure)}, {"log", a.scale == Scale::log}};
    };
    constexpr std::array kinds{"dots", "stacked", "scatter"};
    Json all = Json::array();
    for (const Chart& chart : charts) {
        Json series = Json::array();
        for (const ChartSeries& s : chart.series) {
            Json points = Json::array();
            for (const ChartPoint& p : s.points) {
                // Arrays, not objects: a page holds thousands.
                Json point{p.x, p.y, p.label, name(p.origin)};
                if (p.size) point.push_back(*p.size);
                points.push_back(point);
            }
            series.push_back({{"name", s.name}, {"points", points}, {"correlation", correlation_json(s.correlation)}});
        }
        all.push_back({{"id", chart.id},
                       {"group", chart.group},
                       {"choice", chart.choice},
                       {"figure", chart.figure},
                       {"title", chart.title},
                       {"lead", chart.lead},
                       {"kind", kinds[static_cast<std::size_t>(chart.kind)]},
                       {"x", axis(chart.x)},
                       {"y", axis(chart.y)},
                       {"categories", chart.categories},
                       {"size_name", chart.size_name},
                       {"series", series},
                       {"reason", chart.reason}});
    }
    return all;
}

std::string csv_field(const std::string& text) {
    std::string out = text;
    if (!out.empty() && std::string_view("=+-@\t\r").find(out.front()) != std::string_view::npos) out.insert(0, "'");
    if (out.find_first_of(",\"\n\r") == std::string::npos) return out;
    for (std::size_t at = out.find('"'); at != std::string::npos; at = out.find('"', at + 2)) out.insert(at, "\"");
    return "\"" + out + "\"";
}

std::string rows_csv(const Results& results) {
    std::set<std::string> counters;
    for (const Row& row : results.rows) {
        for (const auto& [counter, value] : row.counters) counters.insert(counter);
    }
    std::string out =
        "network,side,recipe,parameters,kind,platform,link,machine,latency_s,origin,n,ci95_low_s,ci95_high_s,predicted_"
        "s,"
        "round_trip_s,upload_s,tcp_s,queue_s,compute_s,download_s,overhead_s,energy_high_idle_j,energy_low_idle_j,"
        "edp_high_idle_js,edp_low_idle_js,energy_above_idle_j";
    if (results.factors) out += fmt::format(",{}", system_header);
    for (const std::string& counter : counters) out += "," + csv_field(counter);
    out += "\n";
    for (const Row& row : results.rows) {
        const Variant& v = results.variants[row.variant];
        std::vector<std::string> fields{csv_field(v.network),
                                        std::to_string(v.side),
                                        csv_field(v.recipe),
                                        std::to_string(v.parameters),
                                        std::string(name(row.kind)),
                                        csv_field(row.platform),
                                        csv_field(row.link),
                                        csv_field(row.machine),
                                        number(row.latency.value.count()),
                                        std::string(name(row.latency.origin))};
        fields.push_back(row.samples ? std::to_string(row.samples->n) : "");
        const bool has_interval = row.samples && row.samples->ci95;
        fields.push_back(has_interval ? number(row.samples->ci95->low.count()) : "");
        fields.push_back(has_interval ? number(row.samples->ci95->high.count()) : "");
        fields.push_back(row.predicted ? number(row.predicted->count()) : "");
        for (const StageKind kind : {StageKind::round_trip, StageKind::upload, StageKind::tcp, StageKind::queue,
                                     StageKind::compute, StageKind::download, StageKind::overhead}) {
            const bool has = std::ranges::any_of(row.stages, [&](const Stage& s) { return s.kind == kind; });
            fields.push_back(has ? number(row.time_in(kind).count()) : "");
        }
        fields.push_back(energy_field(row.energy_high));
        fields.push_back(energy_field(row.energy_low));
        for (const Idle idle : idles) {
            const auto product = row.energy_delay(idle);
            fields.push_back(product ? number(product->in(joule_seconds)) : "");
        }
        fields.push_back(energy_field(row.above_idle));
        if (results.factors) add_system_fields(results, row, fields);
        for (const std::string& counter : counters) {
            const auto found = row.counters.find(counter);
            fields.push_back(found == row.counters.end() ? "" : number(found->second));
        }
        out += fmt::format("{}\n", fmt::join(fields, ","));
    }
    return out;
}

std::string chart_csv(const Chart& chart) {
    std::string out = "series,label,x,y,size,origin\n";
    for (const ChartSeries& series : chart.series) {
        for (const ChartPoint& p : series.points) {
            const std::string y =
                chart.categories.empty() ? number(p.y) : csv_field(chart.categories[static_cast<std::size_t>(p.y)]);
            out += fmt::format("{},{},{},{},{},{}\n", csv_field(series.name), csv_field(p.label), number(p.x), y,
                               number_or_nothing(p.size), name(p.origin));
        }
    }
    return out;
}

}  // namespace breakeven
