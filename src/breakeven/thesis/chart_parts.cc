// What the figures are made of: see chart_parts.h.
#include "breakeven/thesis/chart_parts.h"

#include <algorithm>
#include <cctype>

#include "breakeven/thesis/findings.h"

namespace breakeven {

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

}  // namespace breakeven
