// Page: see page.h. The words and tables are written here, so that they are there without JavaScript too;
// page.html is the frame, page.css the looks, page.js draws the charts from the JSON that the page carries.
#include "breakeven/report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "breakeven/report/advice_json.h"
#include "breakeven/report/html.h"
#include "breakeven/report/map_svg.h"
#include "breakeven/report/map_text.h"
#include "breakeven/report/trade_off_svg.h"
#include "breakeven/report/words.h"
#include "breakeven/units/text.h"

// Put into the library by breakeven_embed (cmake/embed.cmake).
extern "C" {
extern const char breakeven_page_html_start[], breakeven_page_html_end[];
extern const char breakeven_page_css_start[], breakeven_page_css_end[];
extern const char breakeven_page_js_start[], breakeven_page_js_end[];
extern const char breakeven_echarts_min_js_start[], breakeven_echarts_min_js_end[];
}

namespace breakeven {
namespace {

std::string_view between(const char* start, const char* end) {
    return {start, static_cast<std::size_t>(end - start)};
}

std::string capitalised(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}

/// A figure in a table: the value, and its origin as a small mark beside it.
template <class T>
std::string cell(const std::optional<Figure<T>>& figure) {
    if (!figure) return "<td class=\"number unknown\">unknown</td>";
    return fmt::format("<td class=\"number\">{} <span class=\"origin {}\">{}</span></td>", to_text(figure->value),
                       name(figure->origin), name(figure->origin));
}

std::string number_cell(const std::string& text) {
    return fmt::format("<td class=\"number\">{}</td>", text.empty() ? "&ndash;" : html_text(text));
}

std::string verdict_cards(const Advice& advice) {
    std::string out;
    for (const LinkVerdict& verdict : link_verdicts(advice)) {
        const LinkUse& use = advice.links[verdict.link];
        const std::string_view mood =
            verdict.decision.starts_with("offload") || verdict.decision.starts_with("split") ? "offload" : "local";
        out += fmt::format(
            "<li class=\"card {}\"><h3>{} <span class=\"how\">{}</span></h3><p class=\"verdict\">{}</p><p>{}</p>", mood,
            html_text(use.profile.name), name(use.how), html_text(capitalised(verdict.decision)),
            html_sentence(verdict.reason));
        if (verdict.break_even) {
            out += fmt::format("<p class=\"threshold\">Break-even: <strong>{}</strong>{} on the device alone</p>",
                               to_text(verdict.break_even->latency.value),
                               verdict.break_even->energy ? ", " + to_text(verdict.break_even->energy->value) : "");
        }
        out += fmt::format("<p class=\"link\">RTT {}, {} up, {} down; {}</p></li>\n",
                           to_text(2 * use.profile.one_way_latency), to_text(use.profile.up), to_text(use.profile.down),
                           html_text(link_use_text(use)));
    }
    return out;
}

constexpr StageKind stage_kinds[] = {StageKind::encode,  StageKind::round_trip, StageKind::upload,
                                     StageKind::tcp,     StageKind::queue,      StageKind::decode,
                                     StageKind::compute, StageKind::download,   StageKind::overhead};

/// The time that a plan spends on stages of one kind, with its origin as an underline and in words for who listens.
std::string part_cell(const Plan& plan, StageKind kind) {
    std::optional<Figure<Seconds>> sum;
    for (const Stage& stage : plan.stages) {
        if (stage.kind == kind) sum = sum ? *sum + stage.latency : stage.latency;
    }
    if (!sum) return number_cell("");
    return fmt::format(
        "<td class=\"number\"><span class=\"figure {0}\" title=\"{0}\">{1}<span class=\"spoken\">, {0}"
        "</span></span></td>",
        name(sum->origin), to_text(sum->value));
}

std::string part_rows(const Advice& advice) {
    std::string out;
    for (std::size_t i = 0; i < advice.plans.size(); ++i) {
        const Plan& plan = advice.plans[i];
        out += fmt::format("<tr{}><th scope=\"row\">{}. {}</th>", advice.best == i ? " class=\"best\"" : "", i + 1,
                           html_text(plan.title()));
        for (const StageKind kind : stage_kinds) out += part_cell(plan, kind);
        std::string where;
        for (const Stage& stage : plan.stages) {
            if (stage.kind == StageKind::compute) where += (where.empty() ? "" : ", ") + stage.where;
        }
        out += "<td>" + html_text(where) + "</td></tr>\n";
    }
    return out;
}

std::string plan_rows(const Advice& advice) {
    std::string out;
    for (std::size_t i = 0; i < advice.plans.size(); ++i) {
        const Plan& plan = advice.plans[i];
        const bool crosses = plan.kind != PlanKind::local;
        out += fmt::format("<tr{}><th scope=\"row\">{}. {}{}</th>", advice.best == i ? " class=\"best\"" : "", i + 1,
                           html_text(plan.title()), advice.best == i ? " <span class=\"chosen\">best</span>" : "");
        out += cell(std::optional(plan.cost.latency));
        out += number_cell(plan.latency_p99 ? to_text(*plan.latency_p99) : "");
        out += number_cell(plan.predicted_latency ? to_text(*plan.predicted_latency) : "");
        out += number_cell(prediction_error_text(plan));
        out += cell(plan.cost.energy) + cell(plan.cost.energy_delay());
        out += number_cell(crosses ? to_text(plan.cost.up) : "") + number_cell(crosses ? to_text(plan.cost.down) : "");
        out += number_cell(
            plan.deploy ? fmt::format("{}, {}", to_text(plan.deploy->size), to_text(plan.deploy->time.value)) : "");
        out += fmt::format("<td>{}{}</td></tr>\n", html_text(plan.variant),
                           plan.cut.empty() ? "" : html_text(fmt::format(", cut at {}", plan.cut.front())));
    }
    return out;
}

/// Lines as a list; the same line once. Nothing for none.
std::string list(std::vector<std::string> lines) {
    std::vector<std::string> seen;
    std::string out;
    for (std::string& line : lines) {
        if (line.empty() || std::ranges::find(seen, line) != seen.end()) continue;
        out += "<li>" + html_text(line) + "</li>\n";
        seen.push_back(std::move(line));
    }
    return out.empty() ? out : "<ul>" + out + "</ul>";
}

/// The section's body where some energy is known: a chart; and why figures are missing where they are.
std::string energy_section(const Advice& advice) {
    std::vector<std::string> reasons;
    bool known = false;
    for (const Plan& plan : advice.plans) {
        known = known || plan.cost.energy.has_value();
        if (!plan.cost.energy) reasons.push_back(plan.cost.energy_reason);
    }
    std::string out;
    if (known) {
        out +=
            "<p class=\"lead\">Energy is the device's own, for one inference: computing, waiting and sending. "
            "The energy-delay product weighs it with the latency.</p>"
            "<div class=\"pair\"><div id=\"energy\" class=\"chart\"></div><div id=\"edp\" class=\"chart\"></div></div>";
    }
    if (!reasons.empty()) out += (known ? "<p>Not known for every plan:</p>" : "<p>Not known:</p>") + list(reasons);
    return out;
}

std::string prediction_section(const Advice& advice) {
    const bool any = std::ranges::any_of(advice.plans, [](const Plan& p) { return !prediction_error_text(p).empty(); });
    if (!any) {
        return "<p>No plan was both predicted and measured: nothing here tells how good the predictions are.</p>";
    }
    return "<p class=\"lead\">Where a plan could be measured, the model predicted it too, from the link's profile and "
           "the "
           "server's own times. The distance between the marks is the model's error.</p>"
           "<div id=\"prediction\" class=\"chart\"></div>";
}

std::string map_section(const Advice& advice) {
    if (!advice.map) return {};
    return fmt::format(
        "<h3>The break-even map</h3><p class=\"lead\">{}, at every round-trip time and uplink rate (the downlink as "
        "fast), "
        "by the model; the marks are links.</p>{}",
        html_text(capitalised(map_subject(advice.map->goal))), map_svg(*advice.map));
}

/// A section of its own, or nothing where no variant's accuracy is known.
std::string trade_off_section(const Advice& advice) {
    const std::string pictures = trade_off_svg(advice);
    if (pictures.empty()) return pictures;
    const bool is_agreement =
        std::ranges::any_of(advice.plans, [](const Plan& p) { return p.accuracy && p.accuracy->is_agreement; });
    return fmt::format(
        "<section aria-labelledby=\"variants\"><h2 id=\"variants\">What compressing costs and buys</h2>"
        "<p class=\"lead\">{} Better is up and to the left; latency and energy are those of its best plans. "
        "Filled marks are forms that no other beats in both.</p>"
        "{}</section>\n",
        is_agreement ? "How often each form puts the same class first as the network as given: agreement, not accuracy."
                     : "How often each form of the network is right on the labelled samples.",
        pictures);
}

/// The table of codecs, or nothing where none was tried.
std::string codec_section(const Advice& advice) {
    if (advice.codecs.empty()) return {};
    std::string rows;
    for (const CodecTrial& trial : advice.codecs) {
        const std::string form = trial.variant == as_given ? std::string() : trial.variant + ", ";
        rows += fmt::format("<tr><th scope=\"row\">{}{}</th><td>{}</td>", html_text(form),
                            trial.cut.empty() ? "input" : html_text(cut_title(trial.cut)), html_text(trial.codec));
        for (const std::string& cell :
             {to_text(trial.up_p50), to_text(trial.up_p90), to_text(trial.encode), to_text(trial.decode),
              trial.accuracy ? fmt::format("{:+.1f}", -100.0 * trial.accuracy->drop + 0.0) : std::string()}) {
            rows += number_cell(cell);
        }
        rows += "</tr>\n";
    }
    return fmt::format(
        "<section aria-labelledby=\"codecs\"><h2 id=\"codecs\">How tensors may cross</h2>"
        "<p class=\"lead\">What each codec makes of the samples where they would cross: bytes, of half and of nine "
        "tenths of them, time on both sides, and points of accuracy gained or lost, where a link would have chosen "
        "it.</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"codecs\"><table><thead><tr>"
        "<th scope=\"col\">What crosses</th><th scope=\"col\">Codec</th><th scope=\"col\">Bytes</th>"
        "<th scope=\"col\">90&nbsp;%</th><th scope=\"col\">Encode</th><th scope=\"col\">Decode</th>"
        "<th scope=\"col\">Points</th></tr></thead><tbody>{}</tbody></table></div></section>\n",
        rows);
}

std::string notes(const Advice& advice) {
    std::vector<std::string> lines = advice.warnings;
    for (const Plan& plan : advice.plans) {
        lines.insert(lines.end(), plan.remarks.begin(), plan.remarks.end());
        if (plan.accuracy) lines.push_back(accuracy_text(plan));
    }
    const std::string items = list(std::move(lines));
    if (items.empty()) return items;
    return "<section class=\"notes\" aria-labelledby=\"notes\"><h2 id=\"notes\">To be taken with care</h2>" + items +
           "</section>";
}

std::string objective_text(const Objective& objective) {
    std::string text = fmt::format(
        "minimise {}", objective.goal == Goal::energy_delay ? "energy-delay product" : name(objective.goal));
    if (objective.deadline) text += ", within " + to_text(*objective.deadline);
    return text;
}

}  // namespace

std::string advice_page(const Advice& advice) {
    const Answer words = answer(advice);
    const std::string model = html_text(advice.model_name);
    const std::string title = html_text(capitalised(words.decision));
    const std::string decision = html_sentence(capitalised(words.decision));
    const std::string reason = html_sentence(capitalised(words.reason));
    const std::string objective = html_text(objective_text(advice.objective));
    const std::string cards = verdict_cards(advice), rows = plan_rows(advice), parts = part_rows(advice);
    const std::string care = notes(advice);
    const std::string energy = energy_section(advice), prediction = prediction_section(advice);
    const std::string circumstances = list(advice.circumstances);
    // Bad UTF-8 in a name must not stop the report: it becomes the replacement character.
    const std::string json =
        script_json(advice_json(advice).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return filled(between(breakeven_page_html_start, breakeven_page_html_end),
                  {{"model", model},
                   {"title", title},
                   {"decision", decision},
                   {"reason", reason},
                   {"objective", objective},
                   {"sha256", html_text(advice.model_sha256)},
                   {"cards", cards},
                   {"notes", care},
                   {"map", map_section(advice)},
                   {"trade-off", trade_off_section(advice)},
                   {"codecs", codec_section(advice)},
                   {"prediction", prediction},
                   {"energy", energy},
                   {"rows", rows},
                   {"parts", parts},
                   {"circumstances", circumstances},
                   {"json", json},
                   {"style", between(breakeven_page_css_start, breakeven_page_css_end)},
                   {"echarts", between(breakeven_echarts_min_js_start, breakeven_echarts_min_js_end)},
                   {"script", between(breakeven_page_js_start, breakeven_page_js_end)}});
}

}  // namespace breakeven
