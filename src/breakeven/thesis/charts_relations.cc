// Figures that set a row against what its variant is: size, fit, counters, energy.
#include <fmt/format.h>

#include <algorithm>

#include "breakeven/thesis/chart_parts.h"

namespace breakeven {
namespace {

Scale scale_of(Measure measure) {
    return measure == Measure::percent ? Scale::linear : Scale::log;
}

}  // namespace

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

}  // namespace breakeven
