// AdviceText: see advice_text.h.
#include "breakeven/report/advice_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "breakeven/report/map_text.h"
#include "breakeven/report/words.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

constexpr std::size_t columns = 80;

/// Names come from files: no control character reaches the terminal.
std::string printable(std::string text) {
    std::ranges::replace_if(
        text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    return text;
}

std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](unsigned char c) { return (c & 0xc0U) != 0x80U; }));
}

/// At most `limit` characters; a cut is marked.
std::string shortened(const std::string& text, std::size_t limit) {
    if (width(text) <= limit) return text;
    std::size_t shown = 0, end = 0;
    while (end < text.size()) {
        const bool starts = (static_cast<unsigned char>(text[end]) & 0xc0U) != 0x80U;
        if (starts && ++shown > limit - 2) break;
        ++end;
    }
    return text.substr(0, end) + "..";
}

/// Lines of at most 80 columns, broken at spaces; the first opens with `opening`, the others are indented as far.
std::string wrapped(const std::string& opening, const std::string& text) {
    std::string out = opening;
    std::size_t at = width(opening);
    const std::size_t indent = at;
    bool first = true;
    for (std::size_t from = 0; from < text.size();) {
        std::size_t to = text.find(' ', from);
        if (to == std::string::npos) to = text.size();
        const std::string word = text.substr(from, to - from);
        if (!first && at + 1 + width(word) > columns) {
            out += "\n" + std::string(indent, ' ');
            at = indent;
            first = true;
        }
        out += first ? word : " " + word;
        at += width(word) + (first ? 0 : 1);
        first = false;
        from = to + 1;
    }
    return out + "\n";
}

/// First column left, the others right, two spaces between.
std::string columns_of(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()), 0);
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (widths[i] == 0) continue;  // a column nobody fills
            const std::string padding(widths[i] - width(row[i]), ' ');
            line += (i == 0 ? row[i] + padding : "  " + padding + row[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

std::string verdict_lines(const Advice& advice) {
    if (advice.links.empty()) return {};
    std::string out = "\nover each link, offloading wins where the device alone takes longer than\n";
    std::vector<std::vector<std::string>> rows;
    for (const LinkVerdict& verdict : link_verdicts(advice)) {
        const LinkUse& use = advice.links[verdict.link];
        const std::string threshold = verdict.break_even ? to_text(verdict.break_even->latency.value) : "-";
        const std::string energy =
            verdict.break_even && verdict.break_even->energy ? to_text(verdict.break_even->energy->value) : "";
        rows.push_back({shortened("  " + printable(use.profile.name), 20), threshold, energy,
                        std::string(name(use.how)), verdict.decision});
    }
    return out + columns_of(rows);
}

/// The plan's title without its small words, where columns are scarce: "offload ethernet u8".
std::string terse_title(const Plan& plan) {
    if (plan.kind == PlanKind::local) return plan.title();
    const std::string form = plan.variant == as_given ? std::string() : plan.variant + " ";
    const std::string held = plan.transport == Transport::plain  ? " plain"
                             : plan.transport == Transport::warm ? " warm"
                                                                 : "";
    if (plan.kind != PlanKind::split)
        return fmt::format("{}{} {} {}{}", form, name(plan.kind), plan.link, plan.codec, held);
    return fmt::format("{}split {} {}{}", form, plan.link, cut_title(plan.cut),
                       plan.codec == "raw" ? std::string() : " " + plan.codec);
}

/// "+4 %": what the model was off by; the page has the decimals.
std::string error_text(const Plan& plan) {
    if (prediction_error_text(plan).empty()) return {};
    const double error = 100.0 * (*plan.predicted_latency / plan.cost.latency.value - 1.0);
    return fmt::format("{:+.0f} %", std::round(error) + 0.0);  // no "-0 %"
}

std::string plan_table(const Advice& advice) {
    const bool energies =
        std::ranges::any_of(advice.plans, [](const Plan& plan) { return plan.cost.energy.has_value(); });
    const bool predictions =
        std::ranges::any_of(advice.plans, [](const Plan& plan) { return plan.predicted_latency.has_value(); });
    std::vector<std::vector<std::string>> rows{{"", "latency", predictions ? "predicted" : "",
                                                predictions ? "error" : "", energies ? "energy" : "", "up", "origin"}};
    const bool is_tight = energies && predictions;
    for (std::size_t i = 0; i < advice.plans.size(); ++i) {
        const Plan& plan = advice.plans[i];
        const bool crosses = plan.kind != PlanKind::local;
        const std::string title = is_tight ? shortened(printable(terse_title(plan)), 21)
                                           : shortened(printable(plan.title()), predictions ? 30 : 36);
        rows.push_back({(advice.best == i ? "* " : "  ") + title, to_text(plan.cost.latency.value),
                        plan.predicted_latency ? to_text(*plan.predicted_latency) : "", error_text(plan),
                        energies ? (plan.cost.energy ? to_text(plan.cost.energy->value) : "-") : "",
                        crosses ? to_text(plan.cost.up) : "", std::string(name(plan.cost.latency.origin))});
    }
    return "\n" + columns_of(rows);
}

/// What was tried where tensors cross; of those that no link would have chosen how right they are was not found.
std::string codec_table(const Advice& advice) {
    if (advice.codecs.empty()) return {};
    std::vector<std::vector<std::string>> rows{{"what crosses, coded", "bytes", "90 %", "encode", "decode", "points"}};
    for (const CodecTrial& trial : advice.codecs) {
        const std::string where = trial.cut.empty() ? "the input" : cut_title(trial.cut);
        const std::string form = trial.variant == as_given ? std::string() : trial.variant + " ";
        const std::string lost = trial.accuracy ? fmt::format("{:+.1f}", -100.0 * trial.accuracy->drop + 0.0) : "";
        rows.push_back({"  " + shortened(printable(fmt::format("{}{} as {}", form, where, trial.codec)), 34),
                        to_text(trial.up_p50), to_text(trial.up_p90), to_text(trial.encode), to_text(trial.decode),
                        lost});
    }
    return "\n" + columns_of(rows);
}

std::string notes(const Advice& advice) {
    std::set<std::string> said;  // the same reason for many plans is said once
    std::string out;
    const auto say = [&](const std::string& opening, const std::string& text) {
        if (!text.empty() && said.insert(opening + text).second) out += wrapped(opening, printable(text));
    };
    for (const Plan& plan : advice.plans) {
        if (!plan.cost.energy) say("no energy: ", plan.cost.energy_reason);
    }
    for (const Plan& plan : advice.plans) {
        for (const std::string& remark : plan.remarks) say("note: ", remark);
    }
    for (const Plan& plan : advice.plans) {
        if (plan.accuracy) say("note: ", accuracy_text(plan));
    }
    for (const Plan& plan : advice.plans) {
        if (plan.deploy) {
            say("note: ",
                fmt::format("plans are ranked with their share of sending the network to the server first, over "
                            "{} inferences: {} for {}",
                            plan.deploy->inferences, to_text(plan.deploy->latency_each()), plan.title()));
            break;
        }
    }
    for (const LinkUse& use : advice.links) {
        if (use.how == LinkUse::How::modelled && !use.reason.empty()) {
            say("note: ", fmt::format("{} is modelled: {}", use.profile.name, use.reason));
        }
    }
    return out.empty() ? out : "\n" + out;
}

}  // namespace

std::string advice_text(const Advice& advice) {
    const Answer words = answer(advice);
    return wrapped("", printable(words.decision)) + wrapped("  ", printable(words.reason)) + verdict_lines(advice) +
           plan_table(advice) + codec_table(advice) + (advice.map ? "\n" + map_text(*advice.map) : "") + notes(advice);
}

}  // namespace breakeven
