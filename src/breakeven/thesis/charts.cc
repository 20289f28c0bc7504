// Charts: see charts.h.
#include "breakeven/thesis/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>

#include "breakeven/thesis/findings.h"

namespace breakeven {
namespace {

using RowFigure = std::function<std::optional<double>(const Row&)>;
using RowFilter = std::function<bool(const Row&)>;

/// For a file's name: letters, digits, single dashes.
std::string slug(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
            out += c;
        } else if (!out.empty() && out.back() != '-') {
            out += '-';
        }
    }
    while (!out.empty() && out.back() == '-') out.pop_back();
    return out;
}

bool any_row(const Row& row) {
    return row.platform != "network alone";
}

double latency_of(const Row& row) {
    return row.latency.value.count();
}

std::vector<std::string> variant_titles(const Results& results) {
    std::vector<std::string> titles;
    for (const Variant& variant : results.variants) titles.push_back(variant.title());
    return titles;
}

void say_if_empty(Chart& chart, const std::string& reason) {
    std::erase_if(chart.series, [](const ChartSeries& series) { return series.points.empty(); });
    if (chart.series.empty()) chart.reason = reason;
}

/// A mark for each row: one line a variant, one colour a series.
Chart dots(const Results& results, Chart chart, const RowFilter& fits, const RowFigure& figure,
           const std::string& missing) {
    chart.kind = ChartKind::dots;
    chart.x.scale = Scale::log;
    chart.categories = variant_titles(results);
    for (const Observations& group : by_series(results)) {
        ChartSeries series{.name = group.series, .points = {}, .correlation = {}};
        for (const Row* row : group.rows) {
            if (!fits(*row)) continue;
            if (const std::optional<double> value = figure(*row)) {
                series.points.push_back({.x = *value,
                                         .y = static_cast<double>(row->variant),
                                         .size = {},
                                         .label = chart.categories[row->variant],
                                         .origin = row->latency.origin});
            }
        }
        chart.series.push_back(std::move(series));
    }
    say_if_empty(chart, missing);
    return chart;
}

/// The row with the reason why energies are missing, if any.
std::string energy_reason(const Results& results) {
    for (const Row& row : results.rows) {
        if (!row.energy_reason.empty()) return row.energy_reason;
    }
    return "No energy is known.";
}

RowFigure energy_of(Idle idle) {
    return [idle](const Row& row) -> std::optional<double> {
        const auto& energy = row.energy(idle);
        return energy ? std::optional(energy->value.in(joules)) : std::nullopt;
    };
}

RowFigure edp_of(Idle idle) {
    return [idle](const Row& row) -> std::optional<double> {
        const auto product = row.energy_delay(idle);
        return product ? std::optional(product->in(joule_seconds)) : std::nullopt;
    };
}

void add_platforms(const Results& results, std::vector<Chart>& out) {
    const std::string none = "No inference was measured.";
    out.push_back(dots(
        results,
        {.id = "latency",
         .group = {},
         .choice = {},
         .figure = "4.1, A.14 to A.16",
         .title = "Latency on every platform",
         .lead = "One inference of each variant, here and offloaded.",
         .x = {"latency", Measure::time, Scale::log},
         .y = {"variant", Measure::count, {}}},
        any_row, [](const Row& row) { return std::optional(latency_of(row)); }, none));
}

void add_contributions(const Results& results, std::vector<Chart>& out) {
    struct Part {
        StageKind kind;
        const char* name;
    };
    constexpr std::array parts{Part{StageKind::round_trip, "round trip"}, Part{StageKind::upload, "upload"},
                               Part{StageKind::tcp, "TCP's window"},      Part{StageKind::queue, "queue"},
                               Part{StageKind::compute, "inference"},     Part{StageKind::download, "download"},
                               Part{StageKind::overhead, "overhead"}};
    for (const Observations& group : by_series(results)) {
        if (group.rows.front()->kind != PlanKind::offload) continue;
        Chart chart{
            .id = "contributions-" + slug(group.series),
            .group = "contributions",
            .choice = group.series,
            .figure = group.rows.front()->link == "5g" ? "5.11, A.13" : "4.2, 4.3, A.11, A.12",
            .title = "What an offloaded latency is made of",
            .lead =
                "The parts follow one another and add up to the latency. A measured one has what the model does "
                "not explain as overhead.",
            .kind = ChartKind::stacked,
            .x = {"latency", Measure::time, Scale::linear},
            .y = {"variant", Measure::count, {}}};
        chart.categories = variant_titles(results);
        for (const Part& part : parts) {
            ChartSeries series{.name = part.name, .points = {}, .correlation = {}};
            for (const Row* row : group.rows) {
                const bool has = std::ranges::any_of(row->stages, [&](const Stage& s) { return s.kind == part.kind; });
                if (!has) continue;
                series.points.push_back({.x = row->time_in(part.kind).count(),
                                         .y = static_cast<double>(row->variant),
                                         .size = {},
                                         .label = chart.categories[row->variant],
                                         .origin = row->latency.origin});
            }
            chart.series.push_back(std::move(series));
        }
        say_if_empty(chart, "No offload has parts.");
        out.push_back(std::move(chart));
    }
}

void add_energies(const Results& results, std::vector<Chart>& out) {
    const std::string why = energy_reason(results);
    for (const Idle idle : idles) {
        const std::string waiting = idle == Idle::high ? "waiting awake" : "suspended while waiting";
        out.push_back(dots(results,
                           {.id = fmt::format("energy-{}", name(idle)),
                            .group = "energy",
                            .choice = waiting,
                            .figure = idle == Idle::high ? "4.4" : "4.5",
                            .title = "Energy of one inference",
                            .lead = "The device's own: computing, waiting and sending.",
                            .x = {"energy", Measure::energy, Scale::log},
                            .y = {"variant", Measure::count, {}}},
                           any_row, energy_of(idle), why));
    }
    for (const Idle idle : idles) {
        const std::string waiting = idle == Idle::high ? "waiting awake" : "suspended while waiting";
        out.push_back(dots(results,
                           {.id = fmt::format("edp-{}", name(idle)),
                            .group = "edp",
                            .choice = waiting,
                            .figure = idle == Idle::high ? "4.6" : "4.7",
                            .title = "Energy-delay product",
                            .lead = "Energy times latency: for whom both count.",
                            .x = {"energy x delay", Measure::energy_delay, Scale::log},
                            .y = {"variant", Measure::count, {}}},
                           any_row, edp_of(idle), why));
    }
}

/// One mark a row by two figures; the correlation of each series beside it.
Chart scatter(const Results& results, Chart chart, const RowQuantity& x, const RowFigure& y, const RowFilter& fits,
              const RowFigure& size, const std::string& missing) {
    chart.kind = ChartKind::scatter;
    for (const Observations& group : by_series(results)) {
        ChartSeries series{.name = group.series, .points = {}, .correlation = {}};
        std::vector<double> xs, ys;
        for (const Row* row : group.rows) {
            if (!fits(*row)) continue;
            const std::optional<double> at = x.of(results, *row), value = y(*row);
            if (!at || !value) continue;
            series.points.push_back({.x = *at,
                                     .y = *value,
                                     .size = size ? size(*row) : std::nullopt,
                                     .label = results.variants[row->variant].title(),
                                     .origin = row->latency.origin});
            xs.push_back(*at);
            ys.push_back(*value);
        }
        series.correlation = x.measure == Measure::energy ? pearson({xs, ys}) : spearman({xs, ys});
        chart.series.push_back(std::move(series));
    }
    say_if_empty(chart, missing);
    return chart;
}

Scale scale_of(Measure measure) {
    return measure == Measure::percent ? Scale::linear : Scale::log;
}

void add_relations(const Results& results, std::vector<Chart>& out) {
    const RowFigure latency = [](const Row& row) { return std::optional(latency_of(row)); };
    const RowFigure input = [&](const Row& row) {
        return std::optional(static_cast<double>(results.variants[row.variant].input.count()));
    };
    const auto only_local = [](const Row& row) { return row.kind == PlanKind::local; };
    for (const RowQuantity& quantity : row_quantities(results)) {
        const bool is_energy = quantity.measure == Measure::energy;
        const bool is_bubble = quantity.id == "parameters" || quantity.id == "layers";
        const bool is_fit = quantity.measure == Measure::percent;
        const bool is_counter =
            std::ranges::any_of(results.rows, [&](const Row& r) { return r.counters.contains(quantity.id); });
        Chart chart{.id = "latency-against-" + slug(quantity.id),
                    .group = is_energy    ? "energy-latency"
                             : is_bubble  ? "bubbles"
                             : is_fit     ? "fit"
                             : is_counter ? "counters"
                                          : "size",
                    .choice = quantity.name,
                    .figure = quantity.figure,
                    .title = is_energy    ? "Energy against latency"
                             : is_bubble  ? "Parameters, depth and latency"
                             : is_fit     ? "Layers that fit a level of memory"
                             : is_counter ? "Hardware counters and latency"
                                          : "Latency against size",
                    .lead = is_energy ? "r is Pearson's correlation, with its 95 % interval."
                                      : "r is Spearman's rank correlation, with its 95 % interval.",
                    .x = {quantity.name, quantity.measure, scale_of(quantity.measure)},
                    .y = {"latency", Measure::time, Scale::log}};
        if (is_bubble) chart.size_name = "input size";
        if (is_bubble) chart.lead += " A mark's area is the input's size.";
        const std::string missing = is_energy ? energy_reason(results) : fmt::format("{} is not known.", quantity.name);
        out.push_back(scatter(results, chart, quantity, latency,
                              is_fit || is_counter || is_bubble ? RowFilter(only_local) : any_row,
                              is_bubble ? input : RowFigure(), missing));
    }
    // Energy against input size.
    for (const RowQuantity& quantity : row_quantities(results)) {
        if (quantity.id != "input") continue;
        out.push_back(scatter(results,
                              {.id = "energy-against-input",
                               .group = "size",
                               .choice = "input size, energy",
                               .figure = "5.2, A.3, A.4",
                               .title = "Latency against size",
                               .lead = "r is Spearman's rank correlation, with its 95 % interval.",
                               .x = {"input size", Measure::size, Scale::log},
                               .y = {"energy", Measure::energy, Scale::log}},
                              quantity, energy_of(Idle::high), any_row, {}, energy_reason(results)));
    }
}

/// Counters against parameters; and where there are no counters, why.
void add_counters(const Results& results, std::vector<Chart>& out) {
    bool any = false;
    for (const RowQuantity& quantity : row_quantities(results)) {
        if (quantity.id != "parameters") continue;
        for (const RowQuantity& counter : row_quantities(results)) {
            const bool is_counter =
                std::ranges::any_of(results.rows, [&](const Row& r) { return r.counters.contains(counter.id); });
            if (!is_counter) continue;
            any = true;
            out.push_back(scatter(
                results,
                {.id = slug(counter.id) + "-against-parameters",
                 .group = "counters",
                 .choice = counter.name + ", parameters",
                 .figure = counter.figure,
                 .title = "Hardware counters and latency",
                 .lead = "r is Spearman's rank correlation, with its 95 % interval.",
                 .x = {"parameters", Measure::count, Scale::log},
                 .y = {counter.name, Measure::count, Scale::log}},
                quantity, [&](const Row& row) { return counter.of(results, row); },
                [](const Row& row) { return row.kind == PlanKind::local; }, {}, ""));
        }
    }
    if (any) return;
    std::string reason = "No counters were read (--counters).";
    for (const Row& row : results.rows) {
        if (!row.counters_reason.empty()) reason = row.counters_reason;
    }
    Chart chart{.id = "counters",
                .group = {},
                .choice = {},
                .figure = "5.8 to 5.10, A.17 to A.31",
                .title = "Hardware counters and latency",
                .lead = {}};
    chart.reason = reason;
    out.push_back(chart);
}

void add_five_g(const Results& results, std::vector<Chart>& out) {
    const auto fits = [](const Row& row) { return any_row(row) && (row.kind == PlanKind::local || row.link == "5g"); };
    if (std::ranges::none_of(results.rows, [](const Row& row) { return any_row(row) && row.link == "5g"; })) return;
    out.push_back(dots(
        results,
        {.id = "latency-5g",
         .group = {},
         .choice = {},
         .figure = "5.11, 5.12, A.13",
         .title = "Under 5G",
         .lead = "The device's own platforms and offloading over 5G alone.",
         .x = {"latency", Measure::time, Scale::log},
         .y = {"variant", Measure::count, {}}},
        fits, [](const Row& row) { return std::optional(latency_of(row)); }, ""));
}

/// Each scenario's smallest, mean and largest latency; ours and the thesis'.
void add_thresholds(const Results& results, std::vector<Chart>& out) {
    Chart chart{.id = "thresholds",
                .group = {},
                .choice = {},
                .figure = "Table 4.2",
                .title = "Where offloading breaks even",
                .lead =
                    "A device that takes longer than this alone gains by offloading. Each line spans the variants; the "
                    "thesis' own lines stand below.",
                .kind = ChartKind::dots,
                .x = {"latency of an offload", Measure::time, Scale::log},
                .y = {"scenario", Measure::count, {}}};
    std::vector<Scenario> all = results.scenarios;
    const bool ours = std::ranges::any_of(all, [](const Scenario& s) { return s.origin != Origin::published; });
    if (ours) all.insert(all.end(), published_scenarios().begin(), published_scenarios().end());
    std::array<ChartSeries, 3> series{ChartSeries{"least", {}, {}}, ChartSeries{"mean", {}, {}},
                                      ChartSeries{"largest", {}, {}}};
    for (const Scenario& s : all) {
        const std::string title = fmt::format("{} to {}, {}", s.link, s.server, name(s.origin));
        const double at = static_cast<double>(chart.categories.size());
        chart.categories.push_back(title);
        const std::array values{s.latency.min, s.latency.mean, s.latency.max};
        for (std::size_t i = 0; i < values.size(); ++i) {
            series[i].points.push_back(
                {.x = values[i].count(), .y = at, .size = {}, .label = title, .origin = s.origin});
        }
    }
    chart.series.assign(series.begin(), series.end());
    say_if_empty(chart, "Nothing was offloaded.");
    out.push_back(std::move(chart));
}

void add_predictions(const Results& results, std::vector<Chart>& out) {
    Chart chart{.id = "predicted",
                .group = {},
                .choice = {},
                .figure = "",
                .title = "Predicted against measured",
                .lead =
                    "Equation 2.2 with the server's own times, beside the same offload through emulated packets. On a "
                    "perfect model both are equal.",
                .kind = ChartKind::scatter,
                .x = {"measured", Measure::time, Scale::log},
                .y = {"predicted", Measure::time, Scale::log}};
    for (const Observations& group : by_series(results)) {
        ChartSeries series{.name = group.series, .points = {}, .correlation = {}};
        for (const Row* row : group.rows) {
            if (!row->predicted) continue;
            series.points.push_back({.x = latency_of(*row),
                                     .y = row->predicted->count(),
                                     .size = {},
                                     .label = results.variants[row->variant].title(),
                                     .origin = Origin::measured});
        }
        chart.series.push_back(std::move(series));
    }
    std::erase_if(chart.series, [](const ChartSeries& s) { return s.points.empty(); });
    if (!chart.series.empty()) out.push_back(std::move(chart));
}

void add_gains(const Results& results, std::vector<Chart>& out) {
    Chart chart{.id = "compression",
                .group = {},
                .choice = {},
                .figure = "",
                .title = "What compressing bought",
                .lead = "How many times as quick as uncompressed. Below 1 it is slower.",
                .kind = ChartKind::dots,
                .x = {"times as quick", Measure::ratio, Scale::log},
                .y = {"network", Measure::count, {}}};
    for (const Gain& gain : compression_gains(results)) {
        if (!gain.against.empty()) continue;
        ChartSeries series{.name = fmt::format("{} on {}", gain.recipe, gain.series), .points = {}, .correlation = {}};
        for (std::size_t i = 0; i < gain.ratios.size(); ++i) {
            auto at = std::ranges::find(chart.categories, gain.of[i]);
            if (at == chart.categories.end()) at = chart.categories.insert(at, gain.of[i]);
            series.points.push_back({.x = gain.ratios[i],
                                     .y = static_cast<double>(at - chart.categories.begin()),
                                     .size = {},
                                     .label = gain.of[i],
                                     .origin = Origin::measured});
        }
        chart.series.push_back(std::move(series));
    }
    if (!chart.series.empty()) out.push_back(std::move(chart));
}

/// The thesis' network share under both readings, beside what it prints for all of an offload.
void add_checks(const ThesisChecks& checks, std::vector<Chart>& out) {
    Chart shares{
        .id = "readings",
        .group = {},
        .choice = {},
        .figure = "Table 4.2 and equation 2.2",
        .title = "The thesis' network share, under both readings",
        .lead =
            "Smallest, mean and largest over the eleven inputs. A network share right of what is printed for the "
            "whole is impossible.",
        .kind = ChartKind::dots,
        .x = {"latency", Measure::time, Scale::linear},
        .y = {"figure", Measure::count, {}}};
    ChartSeries printed{.name = "printed for the whole", .points = {}, .correlation = {}};
    std::array<ChartSeries, 2> readings{ChartSeries{"network alone, input at the upload rate", {}, {}},
                                        ChartSeries{"network alone, input at the download rate", {}, {}}};
    for (const ShareCheck& check : checks.shares) {
        const std::string title = fmt::format("{} to the {}, {}", check.link, check.server, name(check.aggregate));
        auto at = std::ranges::find(shares.categories, title);
        const bool is_new = at == shares.categories.end();
        if (is_new) at = shares.categories.insert(at, title);
        const double y = static_cast<double>(at - shares.categories.begin());
        if (is_new)
            printed.points.push_back(
                {.x = check.printed.count(), .y = y, .size = {}, .label = title, .origin = Origin::published});
        readings[check.reading == Reading::upload_rate ? 0 : 1].points.push_back(
            {.x = check.network.count(), .y = y, .size = {}, .label = title, .origin = Origin::modelled});
    }
    shares.series = {printed, readings[0], readings[1]};
    out.push_back(std::move(shares));

    Chart energies{.id = "energies",
                   .group = {},
                   .choice = {},
                   .figure = "Tables 4.3 and 4.4, equation 2.5",
                   .title = "The thesis' energies from its latencies",
                   .lead = "With the idle powers of the radio/CPU row alone. The line is where both are equal.",
                   .kind = ChartKind::scatter,
                   .x = {"printed", Measure::energy, Scale::linear},
                   .y = {"predicted", Measure::energy, Scale::linear}};
    for (const NetworkEnergy network : {NetworkEnergy::counted, NetworkEnergy::left_out}) {
        ChartSeries series{
            .name = network == NetworkEnergy::counted ? "network's energy counted" : "network's energy left out",
            .points = {},
            .correlation = {}};
        for (const EnergyCheck& check : checks.energies) {
            if (check.network != network) continue;
            series.points.push_back({.x = check.printed.in(joules),
                                     .y = check.predicted.in(joules),
                                     .size = {},
                                     .label = fmt::format("{} to the {}, {}, {} idle", check.link, check.server,
                                                          name(check.aggregate), name(check.idle)),
                                     .origin = Origin::modelled});
        }
        energies.series.push_back(std::move(series));
    }
    out.push_back(std::move(energies));
}

}  // namespace

std::vector<Chart> charts(const Results& results, const ThesisChecks& checks) {
    std::vector<Chart> out;
    add_thresholds(results, out);
    if (std::ranges::any_of(results.rows, any_row)) {
        add_platforms(results, out);
        add_contributions(results, out);
        add_predictions(results, out);
        add_energies(results, out);
        add_relations(results, out);
        add_counters(results, out);
        add_five_g(results, out);
        add_gains(results, out);
    } else {
        add_contributions(results, out);
    }
    add_checks(checks, out);
    return out;
}

}  // namespace breakeven
