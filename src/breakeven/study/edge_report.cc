// The edge study as a page, JSON and CSV: see edge.h.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "breakeven/study/edge.h"
#include "breakeven/thesis/documents.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;
using Value = std::function<std::optional<double>(const EdgeFigure&)>;

Chart chart_of(const EdgeStudy& study, Chart chart, const Value& value, const std::string& missing) {
    chart.kind = ChartKind::dots;
    for (const EdgeFigure& figure : study.figures) {
        const std::optional<double> at = value(figure);
        if (!at) continue;
        auto place = std::ranges::find(chart.categories, figure.network);
        if (place == chart.categories.end()) place = chart.categories.insert(place, figure.network);
        const auto y = static_cast<double>(place - chart.categories.begin());
        const std::string name = fmt::format("{} ({})", figure.platform, breakeven::name(figure.latency.origin));
        auto series = std::ranges::find(chart.series, name, &ChartSeries::name);
        if (series == chart.series.end())
            series = chart.series.insert(series, ChartSeries{.name = name, .points = {}, .correlation = {}});
        series->points.push_back(
            {.x = *at, .y = y, .size = {}, .label = figure.network, .origin = figure.latency.origin});
    }
    if (chart.series.empty()) chart.reason = missing;
    return chart;
}

std::vector<Chart> charts_of(const EdgeStudy& study) {
    const ChartAxis network{"network", Measure::count, {}};
    std::vector<Chart> charts;
    charts.push_back(chart_of(
        study,
        {.id = "throughput",
         .group = {},
         .choice = {},
         .figure = {},
         .title = "Inferences per second",
         .lead = "One after the other.",
         .x = {"inferences per second", Measure::count, Scale::log},
         .y = network},
        [](const EdgeFigure& f) { return std::optional(f.per_second()); }, "Nothing is known."));
    charts.push_back(chart_of(
        study,
        {.id = "throughput-per-watt",
         .group = {},
         .choice = {},
         .figure = {},
         .title = "Inferences per second and watt",
         .lead = "Which is inferences per joule.",
         .x = {"inferences per joule", Measure::count, Scale::log},
         .y = network},
        [](const EdgeFigure& f) { return f.per_second_and_watt(); }, "No power is known."));
    charts.push_back(chart_of(
        study,
        {.id = "throughput-per-dollar",
         .group = {},
         .choice = {},
         .figure = {},
         .title = "Inferences per second and dollar",
         .lead = "What the device costs, not what runs it.",
         .x = {"inferences per second and dollar", Measure::count, Scale::log},
         .y = network},
        [](const EdgeFigure& f) { return f.per_second_and_dollar(); }, "No price is known."));
    return charts;
}

std::string number(const std::optional<double>& value) {
    return value ? fmt::format("{:.3g}", *value) : "";
}

/// The best platform of each network by a figure.
Finding best(const EdgeStudy& study, const std::string& id, const std::string& title, const Value& value,
             const std::string& unit) {
    Finding finding{id, title, {}};
    std::vector<std::string> networks;
    for (const EdgeFigure& f : study.figures) {
        if (std::ranges::find(networks, f.network) == networks.end()) networks.push_back(f.network);
    }
    for (const std::string& network : networks) {
        const EdgeFigure* first = nullptr;
        for (const EdgeFigure& f : study.figures) {
            if (f.network == network && value(f) && (first == nullptr || *value(f) > *value(*first))) first = &f;
        }
        if (first == nullptr) continue;
        finding.lines.push_back(fmt::format("{}: {} with {} {} ({}).", network, first->platform, number(value(*first)),
                                            unit, name(first->latency.origin)));
    }
    return finding;
}

StudyAnswer answer_of(const EdgeStudy& study) {
    const Value speed = [](const EdgeFigure& f) { return std::optional(f.per_second()); };
    const Value per_watt = [](const EdgeFigure& f) { return f.per_second_and_watt(); };
    const Value per_dollar = [](const EdgeFigure& f) { return f.per_second_and_dollar(); };
    StudyAnswer answer;
    const EdgeFigure* most = nullptr;
    for (const EdgeFigure& f : study.figures) {
        if (per_watt(f) && (most == nullptr || *per_watt(f) > *per_watt(*most))) most = &f;
    }
    answer.headline = most != nullptr ? fmt::format("{} does most with a joule: {} inferences of {}", most->platform,
                                                    number(per_watt(*most)), most->network)
                                      : "Throughput of the platforms at hand";
    const auto measured =
        std::ranges::count_if(study.figures, [](const EdgeFigure& f) { return f.latency.origin == Origin::measured; });
    answer.lead = fmt::format("{} figures were measured here, {} are published by others and marked so.", measured,
                              static_cast<std::ptrdiff_t>(study.figures.size()) - measured);
    for (Finding& finding : std::vector<Finding>{
             best(study, "throughput", "Most inferences per second", speed, "inferences/s"),
             best(study, "energy", "Most inferences per second and watt", per_watt, "inferences/s/W"),
             best(study, "price", "Most inferences per second and dollar", per_dollar, "inferences/s/$")}) {
        if (!finding.lines.empty()) answer.findings.push_back(std::move(finding));
    }
    return answer;
}

}  // namespace

Report write_edge_report(const EdgeStudy& study, const std::filesystem::path& folder) {
    const StudyAnswer words = answer_of(study);
    std::string csv =
        "platform,network,latency_s,origin,inferences_per_s,power_w,power_origin,price_usd,inferences_per_s_per_w,"
        "inferences_per_s_per_usd,source\n";
    Json figures = Json::array(), devices = Json::array();
    std::vector<std::vector<std::string>> rows;
    const auto maybe = [](const std::optional<double>& v) { return v ? Json(*v) : Json(nullptr); };
    const auto exact = [](const std::optional<double>& v) { return v ? fmt::format("{}", *v) : std::string(); };
    for (const EdgeFigure& f : study.figures) {
        const std::optional<double> power = f.power ? std::optional(f.power->value.in(watts)) : std::nullopt;
        const std::optional<double> price = f.price ? std::optional(f.price->in(dollars)) : std::nullopt;
        const std::string origin(name(f.latency.origin)), power_origin(f.power ? name(f.power->origin) : "");
        csv += fmt::format("{},{},{},{},{},{},{},{},{},{},{}\n", csv_field(f.platform), csv_field(f.network),
                           f.latency.value.count(), origin, f.per_second(), exact(power), power_origin, exact(price),
                           exact(f.per_second_and_watt()), exact(f.per_second_and_dollar()), csv_field(f.source));
        figures.push_back({{"platform", f.platform},
                           {"network", f.network},
                           {"latency_s", {{"value", f.latency.value.count()}, {"origin", origin}}},
                           {"inferences_per_s", f.per_second()},
                           {"power_w", power ? Json{{"value", *power}, {"origin", power_origin}} : Json(nullptr)},
                           {"price_usd", maybe(price)},
                           {"inferences_per_s_per_w", maybe(f.per_second_and_watt())},
                           {"inferences_per_s_per_usd", maybe(f.per_second_and_dollar())},
                           {"source", f.source}});
        rows.push_back({f.platform, f.network, origin, to_text(f.latency.value), number(f.per_second()),
                        power ? fmt::format("{:.3g} W", *power) : "", price ? fmt::format("${:.0f}", *price) : "",
                        number(f.per_second_and_watt()), number(f.per_second_and_dollar()), f.source});
    }
    std::vector<std::vector<std::string>> known;
    for (const EdgeDevice& d : study.catalogue.devices) {
        const auto in_watts = [](const std::optional<Watts>& p) { return p ? Json(p->in(watts)) : Json(nullptr); };
        devices.push_back({{"name", d.name},
                           {"power_low_w", in_watts(d.power_low)},
                           {"power_high_w", in_watts(d.power_high)},
                           {"price_usd", d.price ? Json(d.price->in(dollars)) : Json(nullptr)},
                           {"memory", d.memory},
                           {"source", d.source}});
        known.push_back(
            {d.name,
             d.power_low ? fmt::format("{:.4g} to {:.4g} W", d.power_low->in(watts), d.power_high->in(watts)) : "",
             d.price ? fmt::format("${:.0f}", d.price->in(dollars)) : "", d.memory, d.source});
    }
    Json findings = Json::array();
    for (const Finding& finding : words.findings)
        findings.push_back({{"id", finding.id}, {"title", finding.title}, {"lines", finding.lines}});
    const Json document{{"schema", 1},
                        {"study", "edge"},
                        {"answer", {{"headline", words.headline}, {"lead", words.lead}, {"findings", findings}}},
                        {"figures", figures},
                        {"devices", devices},
                        {"notes", study.notes},
                        {"circumstances", study.circumstances}};
    const PageContent content{
        .question = "AI on the edge: price, performance, energy",
        .title = {},
        .answer = words,
        .notes = study.notes,
        .charts = charts_of(study),
        .tables = html_table("Every figure",
                             {"Platform", "Network", "Origin", "Latency", "Inferences/s", "Power", "Price",
                              "Inferences/s/W", "Inferences/s/$", "Source"},
                             rows) +
                  html_table("The catalogue's devices", {"Device", "Power", "Price", "Memory", "Source"}, known),
        .circumstances = study.circumstances};
    return write_page(content, csv, document.dump(2, ' ', false, Json::error_handler_t::replace), folder);
}

}  // namespace breakeven
