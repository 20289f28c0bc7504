// The report of a study: see page.h. Words and tables are written here, so that they are there without JavaScript;
// study.js draws the figures from the JSON that the page carries.
#include "breakeven/study/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/report/html.h"
#include "breakeven/thesis/documents.h"
#include "breakeven/thesis/system.h"
#include "breakeven/units/text.h"

// Put into the library by breakeven_embed (cmake/embed.cmake); ECharts is report's.
extern "C" {
extern const char breakeven_study_html_start[], breakeven_study_html_end[];
extern const char breakeven_study_css_start[], breakeven_study_css_end[];
extern const char breakeven_study_js_start[], breakeven_study_js_end[];
extern const char breakeven_echarts_min_js_start[], breakeven_echarts_min_js_end[];
}

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

std::string_view between(const char* start, const char* end) {
    return {start, static_cast<std::size_t>(end - start)};
}

/// Names of models and machines may hold anything; bad UTF-8 must not stop the report.
std::string dumped(const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string findings_html(const StudyAnswer& answer) {
    std::string out;
    for (const Finding& finding : answer.findings) {
        std::string lines;
        for (const std::string& line : finding.lines) lines += "<li>" + html_sentence(line) + "</li>\n";
        out += fmt::format("<section class=\"finding\" id=\"finding-{0}\"><h3>{1}</h3><ul>{2}</ul></section>\n",
                           finding.id, html_text(finding.title), lines);
    }
    return out;
}

/// One place for each group of charts, in their order: a choice where there are several.
std::string figures_html(const std::vector<Chart>& charts) {
    std::string out;
    std::vector<std::string> done;
    for (const Chart& chart : charts) {
        const std::string place = chart.group.empty() ? chart.id : chart.group;
        if (std::ranges::find(done, place) != done.end()) continue;
        done.push_back(place);
        out += fmt::format(
            "<section class=\"figure\" data-place=\"{0}\" aria-labelledby=\"title-{0}\"><h3 id=\"title-{0}\">"
            "{1}</h3><p class=\"source\"></p><p class=\"lead\"></p><div class=\"controls\"></div>"
            "<div class=\"chart\" id=\"chart-{0}\"></div></section>\n",
            html_text(place), html_text(chart.title));
    }
    return out;
}

std::string cell(const std::string& text) {
    return "<td class=\"number\">" + html_text(text) + "</td>";
}

template <class T>
std::string spread_cells(const Spread<T>& s) {
    return cell(to_text(s.mean)) + cell(to_text(s.sd)) + cell(to_text(s.max)) + cell(to_text(s.min));
}

std::string table(const std::string& title, const std::vector<std::string>& header, const std::string& rows) {
    std::string head;
    for (const std::string& name : header) head += "<th scope=\"col\">" + html_text(name) + "</th>";
    return fmt::format(
        "<h3>{}</h3><div class=\"scroll\" tabindex=\"0\"><table><thead><tr>{}</tr></thead><tbody>{}</tbody>"
        "</table></div>\n",
        html_text(title), head, rows);
}

std::string scenario_rows(const std::vector<Scenario>& scenarios) {
    std::string rows;
    for (const Scenario& s : scenarios) {
        rows += fmt::format("<tr><th scope=\"row\">{} to {} <span class=\"origin {}\">{}</span></th>",
                            html_text(s.link), html_text(s.server), name(s.origin), name(s.origin));
        rows += spread_cells(s.latency);
        for (const Idle idle : idles) {
            rows += s.energy(idle) ? cell(to_text(s.energy(idle)->mean)) : "<td class=\"unknown\">unknown</td>";
        }
        rows += cell(std::to_string(s.n)) + "</tr>\n";
    }
    return rows;
}

std::string known_or_not(const std::optional<std::string>& text) {
    return text ? cell(*text) : "<td class=\"unknown\">unknown</td>";
}

/// Device, radio, network and server of each scenario, by one way of counting; CO2 and money.
std::string system_table(const std::vector<SystemScenario>& scenarios, SystemBy by, const std::string& currency) {
    const auto energy = [](const std::optional<Joules>& e) {
        return known_or_not(e ? std::optional(to_text(*e)) : std::nullopt);
    };
    std::string rows;
    for (const SystemScenario& s : scenarios) {
        const SystemShares& shares = by == SystemBy::attributed ? s.attributed : s.marginal;
        const auto whole = [&](const std::string& text) {
            return known_or_not(s.is_whole() ? std::optional(text) : std::nullopt);
        };
        rows += fmt::format("<tr><th scope=\"row\">{}</th>", html_text(s.series));
        rows += energy(s.device) + energy(s.radio) + cell(to_text(shares.network)) + cell(to_text(shares.server));
        rows += whole(to_text(shares.energy())) + whole(fmt::format("{:.3g} kg", 1e6 * shares.co2.in(kilograms)));
        rows += whole(fmt::format("{:.3g}", 1e6 * shares.cost.in(money)));
        rows += cell(s.network.empty() ? "-" : s.network + ", " + s.server) + "</tr>\n";
    }
    return table(by == SystemBy::attributed
                     ? "The whole system, with its share of what runs anyway (mean over the variants)"
                     : "The whole system, what one inference more adds (mean over the variants)",
                 {"Where", "Device", "Radio", "Network", "Server", "Together", "CO2 of a million",
                  currency + " of a million", "Counted as"},
                 rows);
}

/// And the factors behind it.
std::string system_tables(const Results& results) {
    if (!results.factors) return "";
    const std::vector<SystemScenario> scenarios = system_scenarios(results);
    std::string out = system_table(scenarios, SystemBy::attributed, results.factors->currency) +
                      system_table(scenarios, SystemBy::marginal, results.factors->currency);
    std::string rows;
    for (const Factor& factor : results.factors->figures) {
        const std::string range =
            factor.low && factor.high ? fmt::format("{:g} to {:g}", *factor.low, *factor.high) : std::string();
        rows += fmt::format("<tr><th scope=\"row\">{}</th>{}{}<td>{}</td></tr>\n", html_text(factor.path),
                            cell(fmt::format("{:g}", factor.value)), cell(range), html_text(factor.source));
    }
    return out + table("The factors behind it, and their sources", {"Factor", "Value", "Range", "Source"}, rows);
}

/// What Table 4.2 prints for all of an offload, and what equation 2.2 has for the network alone under both readings.
std::string shares_table(const ThesisChecks& checks) {
    std::string rows;
    for (const ShareCheck& up : checks.shares) {
        if (up.reading != Reading::upload_rate) continue;
        const auto down = std::ranges::find_if(checks.shares, [&](const ShareCheck& other) {
            return other.reading == Reading::download_rate && other.link == up.link && other.server == up.server &&
                   other.aggregate == up.aggregate;
        });
        const auto shown = [](const ShareCheck& check) {
            return cell(to_text(check.network) + (check.ruled_out() ? ", more than the whole" : ""));
        };
        rows += fmt::format("<tr><th scope=\"row\">{} to the {}, {}</th>{}{}{}</tr>\n", html_text(up.link),
                            html_text(up.server), name(up.aggregate), cell(to_text(up.printed)), shown(up),
                            down == checks.shares.end() ? cell("") : shown(*down));
    }
    return table("The network's share of Table 4.2, by equation 2.2 over the eleven inputs",
                 {"Figure", "Printed for the whole", "Network, input at the upload rate", "at the download rate"},
                 rows);
}

std::string tables_html(const Results& results, const ThesisChecks& checks) {
    std::vector<Scenario> scenarios = results.scenarios;
    const bool ours = std::ranges::any_of(scenarios, [](const Scenario& s) { return s.origin != Origin::published; });
    if (ours) scenarios.insert(scenarios.end(), published_scenarios().begin(), published_scenarios().end());
    std::string out =
        table("Offloading over all variants (Tables 4.2, 4.3, 4.4)",
              {"Scenario", "Mean", "SD", "Max", "Min", "Energy, high idle", "Energy, low idle", "Variants"},
              scenario_rows(scenarios));
    out += system_tables(results);
    std::string rows;
    for (const CountCheck& c : checks.counts) {
        rows += fmt::format("<tr><th scope=\"row\">{} {}</th>", html_text(c.network), c.side);
        rows += cell(fmt::format("{}", c.printed)) + cell(fmt::format("{}", c.counted));
        for (const FitCheck& f : checks.fits) {
            if (f.network != c.network || f.side != c.side) continue;
            rows += cell(fmt::format("{:.0f} % ({:.1f})", f.printed_percent, f.computed_percent));
        }
        rows += "</tr>\n";
    }
    out += table("Networks: Table 2.1 and Table 5.1, printed and computed",
                 {"Network", "Parameters printed", "counted", "Mean layer of L1d", "of L2", "of RAM"}, rows);
    out += shares_table(checks);
    rows.clear();
    for (const EnergyCheck& e : checks.energies) {
        if (e.network != NetworkEnergy::counted) continue;
        rows += fmt::format("<tr><th scope=\"row\">{} to the {}, {} idle, {}</th>", html_text(e.link),
                            html_text(e.server), name(e.idle), name(e.aggregate));
        rows += cell(to_text(e.printed)) + cell(to_text(e.predicted)) +
                cell(fmt::format("{:+.1f} mJ", (e.predicted - e.printed).in(millijoules))) + "</tr>\n";
    }
    out += table("The thesis' energies: printed, and by equation 2.5 from its latencies",
                 {"Figure", "Printed", "Predicted", "Difference"}, rows);
    return out;
}

std::string list(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) out += "<li>" + html_text(line) + "</li>\n";
    return out.empty() ? out : "<ul>" + out + "</ul>";
}

std::string page_of(const PageContent& content) {
    const std::string notes =
        content.notes.empty()
            ? ""
            : "<section class=\"notes\" aria-labelledby=\"notes\"><h2 id=\"notes\">To be taken with care</h2>" +
                  list(content.notes) + "</section>";
    return filled(between(breakeven_study_html_start, breakeven_study_html_end),
                  {{"question", html_text(content.question)},
                   {"title", html_text(content.title)},
                   {"headline", html_sentence(content.answer.headline)},
                   {"lead", html_sentence(content.answer.lead)},
                   {"findings", findings_html(content.answer)},
                   {"notes", notes},
                   {"figures", figures_html(content.charts)},
                   {"tables", content.tables},
                   {"circumstances", list(content.circumstances)},
                   {"json", script_json(dumped(charts_json(content.charts), -1))},
                   {"style", between(breakeven_study_css_start, breakeven_study_css_end)},
                   {"echarts", between(breakeven_echarts_min_js_start, breakeven_echarts_min_js_end)},
                   {"script", between(breakeven_study_js_start, breakeven_study_js_end)}});
}

void make_folder(const std::filesystem::path& folder) {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) {
        throw Error(failed == std::errc::no_space_on_device ? ErrorKind::unavailable : ErrorKind::usage,
                    fmt::format("make the folder '{}'", folder.string()), failed.message());
    }
}

}  // namespace

std::string html_table(const std::string& title, const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows) {
    std::string body;
    for (const std::vector<std::string>& row : rows) {
        body += "<tr><th scope=\"row\">" + html_text(row.front()) + "</th>";
        for (std::size_t i = 1; i < row.size(); ++i) body += cell(row[i]);
        body += "</tr>\n";
    }
    return table(title, header, body);
}

Report write_page(const PageContent& content, const std::string& rows, const std::string& document,
                  const std::filesystem::path& folder) {
    Report report{.page = folder / "report.html",
                  .json = folder / "results.json",
                  .rows = folder / "results.csv",
                  .headline = content.answer.headline,
                  .lead = content.answer.lead,
                  .findings = {},
                  .notes = content.notes,
                  .document = document};
    for (const Finding& finding : content.answer.findings) report.findings.emplace_back(finding.title, finding.lines);
    make_folder(folder / "figures");
    for (const Chart& chart : content.charts) {
        if (!chart.reason.empty()) continue;
        std::string file = chart.id;
        const auto is_odd = [](char c) { return !std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_'; };
        std::ranges::replace_if(file, is_odd, '-');
        write_file(folder / "figures" / (file + ".csv"), chart_csv(chart));
        ++report.figures;
    }
    write_file(report.rows, rows);
    write_file(report.json, report.document + "\n");
    write_file(report.page, page_of(content));
    return report;
}

Report write_report(const Results& results, const std::filesystem::path& folder) {
    const ThesisChecks checks = check_thesis();
    const StudyAnswer words = answer(results, checks);
    const PageContent content{.question = "Neural networks, edge computing or offloading?",
                              .title = results.title,
                              .answer = words,
                              .notes = results.notes,
                              .charts = charts(results, checks),
                              .tables = tables_html(results, checks),
                              .circumstances = results.circumstances};
    return write_page(content, rows_csv(results), dumped(results_json(results, checks, words), 2), folder);
}

}  // namespace breakeven
