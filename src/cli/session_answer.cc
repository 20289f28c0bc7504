// What `breakeven session replay` prints: see session.h.
#include <fmt/format.h>

#include "breakeven/units/text.h"
#include "cli/session.h"

namespace breakeven::cli {
namespace {

Json shares_json(const std::vector<double>& shares, const PlanTable& plans) {
    Json object = Json::object();
    for (std::size_t i = 0; i < shares.size(); ++i) object[plans.points[i].name] = shares[i];
    return object;
}

Json policy_json(const PolicyResult& policy, const ReplayQuestion& question) {
    Json object{
        {"name", name(policy.kind)},
        {"mean_latency_s", policy.mean_latency.count()},
        {"p50_latency_s", policy.p50_latency.count()},
        {"p99_latency_s", policy.p99_latency.count()},
        {"regret", policy.regret},
        {"regret_best_fixed", policy.regret_best_fixed},
        {"regret_current_rate", policy.regret_current_rate},
        {"deadline_missed", question.deadline ? Json(policy.deadline_missed) : Json(nullptr)},
        {"duplicated", policy.duplicated},
        {"energy_j", policy.energy ? Json{{"value", policy.energy->in(joules)}, {"origin", name(Origin::modelled)}}
                                   : Json(nullptr)}};
    if (!policy.energy) object["energy_reason"] = policy.energy_reason;
    object["bytes_up"] = policy.up.count();
    object["bytes_down"] = policy.down.count();
    object["probes"] = policy.probes;
    object["chosen"] = shares_json(policy.shares, question.plans);
    return object;
}

Json policies_json(const std::vector<PolicyResult>& policies, const ReplayQuestion& question) {
    Json array = Json::array();
    for (const PolicyResult& policy : policies) array.push_back(policy_json(policy, question));
    return array;
}

Json trace_json(const TraceResult& trace, const ReplayQuestion& question) {
    return {{"file", trace.name},
            {"duration_s", trace.duration.count()},
            {"requests", trace.requests},
            {"filled", trace.filled},
            {"burstiness", trace.burstiness},
            {"kind", trace.is_bursty() ? "bursty" : "slow"},
            {"best", shares_json(trace.best_shares, question.plans)},
            {"counts", trace.counts},
            {"policies", policies_json(trace.policies, question)}};
}

Json plans_json(const PlanTable& plans) {
    Json array = Json::array();
    for (const PlanPoint& point : plans.points) {
        array.push_back(
            {{"name", point.name},
             {"device_s", point.device.count()},
             {"server_s", point.server.count()},
             {"bytes_up", point.payload.up.count()},
             {"bytes_down", point.payload.down.count()},
             {"rest_on_device_s", point.rest_on_device ? Json(point.rest_on_device->count()) : Json(nullptr)}});
    }
    return array;
}

std::string percent(double share) {
    return fmt::format("{:.1f} %", 100.0 * share);
}

std::string policies_table(const std::vector<PolicyResult>& policies, const ReplayQuestion& question) {
    std::vector<std::string> header{"policy", "mean", "p99", "regret", "vs fixed", "twice", "sent each"};
    if (question.deadline) header.push_back("missed");
    std::vector<std::vector<std::string>> rows;
    for (const PolicyResult& policy : policies) {
        rows.push_back({std::string(name(policy.kind)), to_text(policy.mean_latency), to_text(policy.p99_latency),
                        percent(policy.regret), percent(policy.regret_best_fixed), percent(policy.duplicated),
                        to_text(Bytes(policy.up.count() / std::max<std::int64_t>(1, policy.requests)))});
        if (question.deadline) rows.back().push_back(percent(policy.deadline_missed));
    }
    return table(header, rows);
}

std::string best_text(const TraceResult& trace, const PlanTable& plans) {
    std::string text;
    for (std::size_t i = 0; i < trace.best_shares.size(); ++i) {
        if (trace.best_shares[i] < 0.005) continue;
        text +=
            fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ", plans.points[i].name, 100.0 * trace.best_shares[i]);
    }
    return text;
}

std::string trace_text(const TraceResult& trace, const ReplayQuestion& question) {
    std::string text = fmt::format("\n{}: {}, {} requests, {}\n", trace.name, to_text(trace.duration), trace.requests,
                                   trace.is_bursty() ? "bursty" : "slow");
    for (const std::string& filled : trace.filled) text += fmt::format("  {}\n", filled);
    text += fmt::format("  best plan: {}{}\n", best_text(trace, question.plans),
                        trace.counts ? "" : " (nothing to decide: left out of the pool)");
    return text + policies_table(trace.policies, question);
}

/// The decision first: how the first policy asked for fared over all traces that count.
std::string verdict(const ReplayAnswer& answer, const std::vector<PolicyResult>& pool) {
    const auto counting =
        std::count_if(answer.traces.begin(), answer.traces.end(), [](const TraceResult& t) { return t.counts; });
    if (pool.empty()) {
        return fmt::format("nothing to decide: on none of {} trace{} each of two plans is best for 1 of 10 requests\n",
                           answer.traces.size(), answer.traces.size() == 1 ? "" : "s");
    }
    const PolicyResult& first = pool.front();
    return fmt::format(
        "{}: {} slower than the oracle over {} trace{}, {} requests (against the best fixed plan: {}{})\n",
        name(first.kind), percent(first.regret), counting, counting == 1 ? "" : "s", first.requests,
        first.regret_best_fixed > 0.0 ? "+" : "", percent(first.regret_best_fixed));
}

}  // namespace

Json replay_json(const ReplayAnswer& answer) {
    const ReplayQuestion& question = answer.question;
    Json traces = Json::array();
    for (const TraceResult& trace : answer.traces) traces.push_back(trace_json(trace, question));
    const auto pool = [&](Burstiness which) { return policies_json(pooled(answer.traces, which, question), question); };
    return {{"seed", question.world.seed},
            {"period_s", question.world.period.count()},
            {"deadline_s", question.deadline ? Json(question.deadline->count()) : Json(nullptr)},
            {"connection", name(question.world.window)},
            {"plans", plans_json(question.plans)},
            {"traces", traces},
            {"pooled",
             {{"all", pool(Burstiness::any)}, {"slow", pool(Burstiness::slow)}, {"bursty", pool(Burstiness::bursty)}}}};
}

std::string replay_text(const ReplayAnswer& answer) {
    const std::vector<PolicyResult> pool = pooled(answer.traces, Burstiness::any, answer.question);
    std::string text = verdict(answer, pool);
    if (!pool.empty() && answer.traces.size() > 1) text += policies_table(pool, answer.question);
    for (const TraceResult& trace : answer.traces) text += trace_text(trace, answer.question);
    return text +
           "regret: against the oracle; vs fixed: against the best fixed plan in hindsight;\n"
           "twice: requests that the device ran beside the server; sent each: bytes up\n";
}

Json replay_series(const ReplayAnswer& answer) {
    Json plans = Json::array();
    for (const PlanPoint& point : answer.question.plans.points) plans.push_back(point.name);
    Json traces = Json::array();
    for (std::size_t i = 0; i < answer.traces.size(); ++i) {
        const TraceResult& trace = answer.traces[i];
        Json entry{{"file", trace.name},
                   {"time_s", Json::array()},
                   {"up_bytes_per_s", Json::array()},
                   {"policies", Json::array()}};
        for (const Replayed& request : trace.courses.front()) {
            const Capacity::Span second{.from = request.at, .to = request.at + Seconds(1.0)};
            entry["time_s"].push_back(request.at.count());
            entry["up_bytes_per_s"].push_back(answer.links[i].up.mean_rate(second).in(bytes_per_second));
        }
        for (std::size_t k = 0; k < trace.courses.size(); ++k) {
            Json policy{{"name", name(trace.policies[k].kind)},
                        {"plan", Json::array()},
                        {"latency_s", Json::array()},
                        {"hedged_s", Json::array()}};
            for (const Replayed& request : trace.courses[k]) {
                policy["plan"].push_back(request.plan);
                policy["latency_s"].push_back(request.latency.count());
                policy["hedged_s"].push_back(request.hedged_at ? Json(request.hedged_at->count()) : Json(nullptr));
            }
            entry["policies"].push_back(std::move(policy));
        }
        traces.push_back(std::move(entry));
    }
    return {{"schema", 1}, {"plans", plans}, {"traces", traces}};
}

}  // namespace breakeven::cli
