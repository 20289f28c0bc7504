// Words and tables around the pictures: see replay_page.h. replay.html is the frame, page.css the looks.
#include "breakeven/report/replay_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "breakeven/report/course_svg.h"
#include "breakeven/report/html.h"
#include "breakeven/units/text.h"

// Put into the library by breakeven_embed (cmake/embed.cmake).
extern "C" {
extern const char breakeven_replay_html_start[], breakeven_replay_html_end[];
extern const char breakeven_page_css_start[], breakeven_page_css_end[];
}

namespace breakeven {
namespace {

std::string_view between(const char* start, const char* end) {
    return {start, static_cast<std::size_t>(end - start)};
}

std::string percent(double share) {
    return fmt::format("{:.1f} %", std::abs(share) < 0.0005 ? 0.0 : 100.0 * share);
}

std::string cell(const std::string& text) {
    return fmt::format("<td class=\"number\">{}</td>", html_text(text));
}

std::string policies_table(const std::vector<PolicyResult>& policies, const ReplayQuestion& question) {
    std::string out = "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th>policy</th>";
    for (const char* title : {"mean", "p50", "p99", "regret", "against best fixed", "run twice", "sent each"}) {
        out += fmt::format("<th class=\"number\">{}</th>", title);
    }
    if (question.deadline) out += "<th class=\"number\">missed</th>";
    const bool energy =
        std::any_of(policies.begin(), policies.end(), [](const auto& p) { return p.energy.has_value(); });
    if (energy) out += "<th class=\"number\">energy each</th>";
    out += "</tr></thead><tbody>";
    for (const PolicyResult& policy : policies) {
        out += fmt::format("<tr><th>{}</th>", name(policy.kind)) + cell(to_text(policy.mean_latency)) +
               cell(to_text(policy.p50_latency)) + cell(to_text(policy.p99_latency)) + cell(percent(policy.regret)) +
               cell(percent(policy.regret_best_fixed)) + cell(percent(policy.duplicated)) +
               cell(to_text(Bytes(policy.up.count() / std::max<std::int64_t>(1, policy.requests))));
        if (question.deadline) out += cell(percent(policy.deadline_missed));
        if (energy) out += cell(policy.energy ? to_text(*policy.energy) : "unknown");
        out += "</tr>";
    }
    return out + "</tbody></table></div>";
}

std::string legend(const PlanTable& plans) {
    std::string out = "<ul class=\"legend\">";
    for (std::size_t i = 0; i < plans.points.size(); ++i) {
        out += fmt::format(
            "<li><svg class=\"swatch\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"{}\" width=\"10\" "
            "height=\"10\"/></svg> {}</li>",
            plan_colour(plans, i), html_text(plans.points[i].name));
    }
    return out + "</ul>";
}

std::string trace_section(const RecordedLink& link, const TraceResult& trace, const ReplayQuestion& question) {
    std::string out =
        fmt::format("<section><h2>{}</h2><p class=\"lead\">{}, {} requests, {}{}.</p>", html_text(trace.name),
                    to_text(trace.duration), trace.requests, trace.is_bursty() ? "bursty" : "slow",
                    trace.counts ? "" : "; one plan is nearly always best, so it is left out of the pool");
    for (const std::string& filled : trace.filled) out += fmt::format("<p class=\"filled\">{}</p>", html_text(filled));
    out += fmt::format("<div class=\"scroll\" tabindex=\"0\">{}</div>", course_svg(link, trace, question.plans));
    return out + policies_table(trace.policies, question) + "</section>";
}

}  // namespace

std::string replay_page(const ReplayQuestion& question, std::span<const RecordedLink> links,
                        std::span<const TraceResult> traces) {
    const std::vector<PolicyResult> pool = pooled(traces, Burstiness::any, question);
    std::string decision = "Nothing to decide: one plan is nearly always best";
    std::string reason = "On none of the links is each of two plans best for one of ten requests.";
    std::string pool_section;
    if (!pool.empty()) {
        const PolicyResult& first = pool.front();
        decision = fmt::format("{}: {} slower than the oracle", name(first.kind), percent(first.regret));
        reason = fmt::format("{} against the best fixed plan in hindsight; {} requests; {} of them run twice.",
                             (first.regret_best_fixed > 0.0 ? "+" : "") + percent(first.regret_best_fixed),
                             first.requests, percent(first.duplicated));
        pool_section = "<section><h2>All links as one</h2>" + policies_table(pool, question) + "</section>";
    }
    std::string sections;
    for (std::size_t i = 0; i < traces.size(); ++i) sections += trace_section(links[i], traces[i], question);
    const std::string conditions =
        fmt::format("A request every {}{}; connection {}; seed {}", to_text(question.world.period),
                    question.deadline ? fmt::format(", each within {}", to_text(*question.deadline)) : std::string(),
                    name(question.world.window), question.world.seed);
    return filled(between(breakeven_replay_html_start, breakeven_replay_html_end),
                  {{"title", html_text(decision)},
                   {"style", between(breakeven_page_css_start, breakeven_page_css_end)},
                   {"conditions", html_text(conditions)},
                   {"decision", html_text(decision)},
                   {"reason", html_text(reason)},
                   {"pool", pool_section},
                   {"legend", "<h2>Over time</h2><p class=\"lead\">The strips show which plan each policy chose.</p>" +
                                  legend(question.plans)},
                   {"traces", sections}});
}

}  // namespace breakeven
