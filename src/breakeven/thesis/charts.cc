// Charts: see charts.h. Here what compares platforms and links; what sets rows against quantities is in
// charts_relations.cc, the thesis' own in charts_checks.cc.
#include "breakeven/thesis/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "breakeven/thesis/chart_parts.h"
#include "breakeven/thesis/findings.h"

namespace breakeven {
namespace {

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
    if (std::ranges::any_of(results.rows, [](const Row& row) { return row.above_idle.has_value(); })) {
        out.push_back(dots(
            results,
            {.id = "energy-above-idle",
             .group = "energy",
             .choice = "above idle, metered",
             .figure = "",
             .title = "Energy of one inference",
             .lead = "What was metered, less what the machine draws at rest.",
             .x = {"energy above idle", Measure::energy, Scale::log},
             .y = {"variant", Measure::count, {}}},
            any_row,
            [](const Row& row) {
                return row.above_idle ? std::optional(row.above_idle->value.in(joules)) : std::nullopt;
            },
            why));
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

}  // namespace

std::vector<Chart> charts(const Results& results, const ThesisChecks& checks) {
    std::vector<Chart> out;
    add_thresholds(results, out);
    if (std::ranges::any_of(results.rows, any_row)) {
        add_platforms(results, out);
        add_contributions(results, out);
        add_predictions(results, out);
        add_energies(results, out);
        add_system(results, out);
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
