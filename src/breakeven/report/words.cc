// Words: see words.h.
#include "breakeven/report/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "breakeven/units/text.h"

namespace breakeven {
namespace {

std::string_view goal_noun(Goal goal) {
    switch (goal) {
        case Goal::latency: return "latency";
        case Goal::energy: return "energy";
        case Goal::energy_delay: return "energy-delay product";
    }
    return "";
}

/// Plans come ranked: the first that fits is the best of its sort.
template <class Fits>
const Plan* first(const Advice& advice, Fits fits) {
    const auto found = std::find_if(advice.plans.begin(), advice.plans.end(), fits);
    return found == advice.plans.end() ? nullptr : &*found;
}

const Plan* best_local(const Advice& advice) {
    return first(advice, [](const Plan& plan) { return plan.kind == PlanKind::local; });
}

/// "1.65 times", "13 times"; nothing where the figures are unknown or equal to the printed digits.
std::string times(double larger, double smaller) {
    if (smaller <= 0.0 || larger / smaller < 1.005) return {};
    const double ratio = larger / smaller;
    return ratio < 9.95 ? fmt::format("{:.2f} times", ratio) : fmt::format("{:.0f} times", ratio);
}

Answer no_answer(const Advice& advice) {
    if (advice.plans.empty())
        return {.decision = "no plan could be made", .reason = "nothing here can run this network"};
    const Plan& nearest = advice.plans.front();
    if (!goal_figure(nearest, advice.objective.goal)) {
        return {.decision = fmt::format("no plan has a known {}", goal_noun(advice.objective.goal)),
                .reason = nearest.cost.energy_reason};
    }
    const std::string deadline = advice.objective.deadline ? to_text(*advice.objective.deadline) : std::string("?");
    const auto quickest = std::min_element(advice.plans.begin(), advice.plans.end(), [](const Plan& a, const Plan& b) {
        return a.latency_p99.value_or(a.cost.latency.value) < b.latency_p99.value_or(b.cost.latency.value);
    });
    const bool tail = quickest->latency_p99.has_value();
    return {.decision = fmt::format("no plan meets the deadline of {}", deadline),
            .reason = fmt::format("the quickest is {}: {}{}", quickest->title(), tail ? "99 % within " : "",
                                  to_text(quickest->latency_p99.value_or(quickest->cost.latency.value)))};
}

/// Why the best is the best: the best of the other side, and by how much it falls behind.
std::string reason(const Advice& advice, const Plan& best) {
    const bool is_local = best.kind == PlanKind::local;
    const Plan* rival = first(advice, [&](const Plan& plan) { return (plan.kind == PlanKind::local) != is_local; });
    if (rival == nullptr) return is_local ? "nothing to offload to" : "nothing runs it here";
    const auto mine = goal_figure(best, advice.objective.goal);
    const auto theirs = goal_figure(*rival, advice.objective.goal);
    const std::string against = fmt::format("{}: {}", rival->title(), goal_text(*rival, advice.objective.goal));
    if (!mine || !theirs) return against;
    if (*theirs < *mine) return against + ", which misses the deadline";
    const std::string factor = times(*theirs, *mine);
    return factor.empty() ? against + ", as good as equal" : fmt::format("{}, {} as much", against, factor);
}

/// What to do with a plan that leaves the device: "offload as u8", "split at pool1".
std::string leaving(const Plan& plan) {
    const std::string what =
        plan.kind == PlanKind::split ? "split at " + cut_title(plan.cut) : "offload as " + plan.codec;
    return plan.variant == as_given ? what : fmt::format("{}, {}", what, plan.variant);
}

void compare(const Advice& advice, const Plan& local, const Plan& remote, LinkVerdict& verdict) {
    const auto here = goal_figure(local, advice.objective.goal);
    const auto there = goal_figure(remote, advice.objective.goal);
    if (!here || !there) {
        verdict.decision = "unknown";
        verdict.reason = (here ? remote : local).cost.energy_reason;
        return;
    }
    const bool offloads = *there < *here;
    const std::string factor = offloads ? times(*here, *there) : times(*there, *here);
    verdict.decision = factor.empty() ? "as good as equal" : offloads ? leaving(remote) : "stay local";
    const std::string mine = fmt::format("{}: {}", local.title(), goal_text(local, advice.objective.goal));
    const std::string theirs = fmt::format("{}: {}", remote.kind == PlanKind::split ? "split" : "offloaded",
                                           goal_text(remote, advice.objective.goal));
    verdict.reason = offloads ? theirs + "; " + mine : mine + "; " + theirs;
    if (!factor.empty()) verdict.reason += fmt::format(" ({} as much)", factor);
}

}  // namespace

std::string goal_text(const Plan& plan, Goal goal) {
    const auto figure = goal_figure(plan, goal);
    if (!figure) return "unknown";
    switch (goal) {
        case Goal::latency: return to_text(Seconds(*figure));
        case Goal::energy: return to_text(joules(*figure));
        case Goal::energy_delay: return to_text(joule_seconds(*figure));
    }
    return "unknown";
}

Answer answer(const Advice& advice) {
    if (!advice.best) return no_answer(advice);
    const Plan& best = advice.plans[*advice.best];
    return {.decision = fmt::format("{}: {}", best.title(), goal_text(best, advice.objective.goal)),
            .reason = reason(advice, best)};
}

std::vector<LinkVerdict> link_verdicts(const Advice& advice) {
    std::vector<LinkVerdict> verdicts;
    const Plan* local = best_local(advice);
    for (std::size_t i = 0; i < advice.links.size(); ++i) {
        const std::string& link = advice.links[i].profile.name;
        LinkVerdict verdict{.link = i, .break_even = {}, .decision = {}, .reason = {}};
        for (const BreakEven& entry : advice.break_evens) {
            if (entry.link == link) verdict.break_even = entry;
        }
        const Plan* remote =
            first(advice, [&](const Plan& plan) { return plan.kind != PlanKind::local && plan.link == link; });
        if (remote == nullptr) {
            verdict.decision = "stay local";
            verdict.reason = "nothing could be offloaded over it";
        } else if (local == nullptr) {
            verdict.decision = leaving(*remote);
            verdict.reason = "nothing runs it here alone";
        } else {
            compare(advice, *local, *remote, verdict);
        }
        verdicts.push_back(std::move(verdict));
    }
    return verdicts;
}

std::string prediction_error_text(const Plan& plan) {
    if (!plan.predicted_latency) return {};
    const double measured = plan.cost.latency.value.count();
    if (measured <= 0.0) return {};
    return fmt::format("{:+.1f} %", (plan.predicted_latency->count() - measured) / measured * 100.0);
}

std::string accuracy_text(const Plan& plan) {
    const PlanAccuracy& accuracy = *plan.accuracy;
    std::string what = plan.variant;
    if (plan.is_coded()) {
        what = fmt::format("{}{} as {}", plan.variant == as_given ? std::string() : plan.variant + " ",
                           plan.cut.empty() ? "its input" : cut_title(plan.cut), plan.codec);
    }
    if (accuracy.is_agreement) {
        return fmt::format("{}: agrees with the network as given on {:.1f} % of {} samples", what,
                           100.0 * accuracy.top1, accuracy.n);
    }
    return fmt::format("{}: top-1 {:.1f} %, {:.1f} points {} ({} samples)", what, 100.0 * accuracy.top1,
                       100.0 * std::abs(accuracy.drop), accuracy.drop < 0 ? "more" : "less", accuracy.n);
}

std::string link_use_text(const LinkUse& use) {
    switch (use.how) {
        case LinkUse::How::emulated: return "emulated packet by packet";
        case LinkUse::How::real: return "the real link";
        case LinkUse::How::modelled: break;
    }
    return use.reason.empty() ? "modelled" : fmt::format("modelled: {}", use.reason);
}

}  // namespace breakeven
