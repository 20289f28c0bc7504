// Figures of the whole system: whose energy it is, its CO2 and its price.
#include <fmt/format.h>

#include <array>

#include "breakeven/thesis/chart_parts.h"
#include "breakeven/thesis/system.h"

namespace breakeven {
namespace {

/// The place that these figures share.
Chart in_place(Chart chart) {
    chart.group = "system";
    chart.title = "The whole system";
    chart.y = {"where", Measure::count, {}};
    return chart;
}

const SystemShares& shares_of(const SystemScenario& scenario, SystemBy by) {
    return by == SystemBy::attributed ? scenario.attributed : scenario.marginal;
}

Chart energies(const std::vector<SystemScenario>& scenarios, SystemBy by) {
    const bool is_share = by == SystemBy::attributed;
    Chart chart = in_place({.id = is_share ? "system-energy-attributed" : "system-energy-marginal",
                            .group = {},
                            .choice = is_share ? "energy, with its share of what runs anyway" : "energy of one more",
                            .figure = {},
                            .title = {},
                            .lead = is_share ? "Energy of one inference, the mean over the variants; network and "
                                               "server with their share of what runs anyway."
                                             : "What one inference more adds, the mean over the variants.",
                            .kind = ChartKind::stacked,
                            .x = {"energy", Measure::energy, Scale::linear},
                            .y = {}});
    std::array<ChartSeries, 4> parts{ChartSeries{"device", {}, {}}, ChartSeries{"radio", {}, {}},
                                     ChartSeries{"network", {}, {}}, ChartSeries{"server", {}, {}}};
    for (const SystemScenario& s : scenarios) {
        if (!s.is_whole()) continue;  // a bar without its largest part would deceive
        const double y = static_cast<double>(chart.categories.size());
        chart.categories.push_back(s.series);
        const SystemShares& shares = shares_of(s, by);
        const std::array values{*s.device, *s.radio, shares.network, shares.server};
        for (std::size_t i = 0; i < parts.size(); ++i) {
            parts[i].points.push_back(
                {.x = values[i].in(joules), .y = y, .size = {}, .label = s.series, .origin = Origin::modelled});
        }
    }
    chart.series.assign(parts.begin(), parts.end());
    say_if_empty(chart, "The device's powers are not known (--active-power, --idle-power or --device).");
    return chart;
}

Chart footprint(const std::vector<SystemScenario>& scenarios, Chart chart, double (*figure)(const SystemShares&)) {
    chart = in_place(std::move(chart));
    chart.kind = ChartKind::dots;
    std::array<ChartSeries, 2> series{ChartSeries{"with its share of what runs anyway", {}, {}},
                                      ChartSeries{"of one more", {}, {}}};
    constexpr std::array by{SystemBy::attributed, SystemBy::marginal};
    for (const SystemScenario& s : scenarios) {
        if (!s.is_whole()) continue;
        const double y = static_cast<double>(chart.categories.size());
        chart.categories.push_back(s.series);
        for (std::size_t i = 0; i < series.size(); ++i) {
            series[i].points.push_back(
                {.x = figure(shares_of(s, by[i])), .y = y, .size = {}, .label = s.series, .origin = Origin::modelled});
        }
    }
    chart.series.assign(series.begin(), series.end());
    say_if_empty(chart, "The device's powers are not known (--active-power, --idle-power or --device).");
    return chart;
}

}  // namespace

void add_system(const Results& results, std::vector<Chart>& out) {
    const std::vector<SystemScenario> scenarios = system_scenarios(results);
    if (scenarios.empty()) return;
    out.push_back(energies(scenarios, SystemBy::attributed));
    out.push_back(energies(scenarios, SystemBy::marginal));
    out.push_back(footprint(scenarios,
                            {.id = "system-co2",
                             .group = {},
                             .choice = "CO2",
                             .figure = {},
                             .title = {},
                             .lead = "Of one inference, from the grid's mean.",
                             .x = {"CO2", Measure::mass, Scale::log},
                             .y = {}},
                            [](const SystemShares& shares) { return shares.co2.in(kilograms)*1e3; }));
    out.push_back(footprint(
        scenarios,
        {.id = "system-cost",
         .group = {},
         .choice = "money",
         .figure = {},
         .title = {},
         .lead = "The device's electricity, the traffic and the server's hire.",
         .x = {fmt::format("{} for a million inferences", results.factors->currency), Measure::count, Scale::log},
         .y = {}},
        [](const SystemShares& shares) { return 1e6 * shares.cost.in(money); }));
}

}  // namespace breakeven
