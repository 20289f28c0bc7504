// Figures of what can be checked of the thesis: its network share under both readings, its energies.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "breakeven/thesis/chart_parts.h"

namespace breakeven {

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

}  // namespace breakeven
