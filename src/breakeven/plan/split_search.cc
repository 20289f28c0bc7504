// Questions become prices; linear ones take one boundary search, the others go to the limited search.
#include "breakeven/plan/split_search.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "breakeven/error.h"
#include "breakeven/plan/limited_search.h"

namespace breakeven {
namespace {

/// Below a byte an hour, sums would no longer fit a double beside the times of nodes.
constexpr double rate_min = 1.0 / 3600;
constexpr double factor_max = 1e9;

void require(bool holds, const std::string& reason) {
    if (!holds) throw Error(ErrorKind::usage, "search for a split", reason);
}

bool is_sane(double number) {
    return number >= 0 && number <= factor_max;
}

double per_byte(BytesPerSecond rate) {
    return 1.0 / rate.in(bytes_per_second);
}

bool is_limited(const SplitLimits& limits) {
    return limits.device_memory || limits.server_memory || limits.deadline || limits.energy;
}

SplitPrices bytes_prices() {
    return {.byte_up = 1, .byte_down = 1};
}

LimitedProgram program_of(const SplitQuestion& question) {
    LimitedProgram program;
    program.use = question.limits.use;
    switch (question.goal) {
        case SplitGoal::latency: program.terms = {latency_prices(question.conditions)}; break;
        case SplitGoal::energy: program.terms = {energy_prices(question.conditions)}; break;
        case SplitGoal::bytes: program.terms = {bytes_prices()}; break;
        case SplitGoal::period: program.terms = stage_prices(question.conditions); break;
        case SplitGoal::energy_delay:
            program.terms = {latency_prices(question.conditions), energy_prices(question.conditions)};
            program.combine = LimitedProgram::Combine::product;
            break;
    }
    const SplitLimits& limits = question.limits;
    const auto number = [](Bytes size) { return static_cast<double>(size.count()); };
    if (limits.device_memory) program.limits.push_back({{.device_weight_byte = 1}, number(*limits.device_memory)});
    if (limits.server_memory) program.limits.push_back({{.server_weight_byte = 1}, number(*limits.server_memory)});
    if (limits.deadline) program.limits.push_back({latency_prices(question.conditions), limits.deadline->count()});
    if (limits.energy) program.limits.push_back({energy_prices(question.conditions), limits.energy->in(joules)});
    for (const LimitedProgram::Limit& limit : program.limits) {
        require(limit.most >= 0 && std::isfinite(limit.most), "a limit is negative or not finite");
    }
    return program;
}

}  // namespace

void check(const SplitConditions& conditions) {
    for (const BytesPerSecond rate : {conditions.up, conditions.down}) {
        require(rate.in(bytes_per_second) >= rate_min, "a link's rate must be positive");
    }
    for (const Seconds time : {conditions.round_trip, conditions.queue}) {
        require(is_sane(time.count()), "a round trip or queueing time is negative or not finite");
    }
    require(is_sane(conditions.server_slowdown), "the server's slow-down is negative or not finite");
    require(conditions.server_lanes > 0, "the server needs at least one lane");
    require(is_sane(conditions.device_idle.in(watts)) && is_sane(conditions.up_energy.in(joules_per_byte)) &&
                is_sane(conditions.down_energy.in(joules_per_byte)) && is_sane(conditions.radio_tail.in(joules)),
            "a power or energy is negative or not finite");
}

SplitPrices latency_prices(const SplitConditions& conditions) {
    return {.device_second = 1,
            .server_second = conditions.server_slowdown,
            .byte_up = per_byte(conditions.up),
            .byte_down = per_byte(conditions.down),
            .offload = (conditions.round_trip + conditions.queue).count()};
}

SplitPrices energy_prices(const SplitConditions& conditions) {
    const double idle = conditions.device_idle.in(watts);
    SplitPrices prices = idle * latency_prices(conditions);
    prices.device_second = 0;
    prices.device_joule = 1;
    prices.byte_up += conditions.up_energy.in(joules_per_byte);
    prices.byte_down += conditions.down_energy.in(joules_per_byte);
    prices.offload += conditions.radio_tail.in(joules);
    return prices;
}

std::vector<SplitPrices> stage_prices(const SplitConditions& conditions) {
    return {{.device_second = 1},
            {.byte_up = per_byte(conditions.up)},
            {.byte_down = per_byte(conditions.down)},
            {.server_second = conditions.server_slowdown / static_cast<double>(conditions.server_lanes)}};
}

SplitFigures figures_of(const SplitSums& sums, const SplitConditions& conditions) {
    SplitFigures figures{.latency = Seconds(latency_prices(conditions).of(sums)),
                         .energy = joules(energy_prices(conditions).of(sums)),
                         .period = Seconds(0),
                         .up = sums.up,
                         .down = sums.down};
    for (const SplitPrices& stage : stage_prices(conditions)) {
        figures.period = std::max(figures.period, Seconds(stage.of(sums)));
    }
    return figures;
}

SplitResult find_split(const SplitGraph& graph, const SplitQuestion& question) {
    check(question.conditions);
    const LimitedProgram program = program_of(question);
    SplitResult result;
    std::optional<std::vector<Tier>> tiers;
    double gap = 0;
    if (program.terms.size() == 1 && !is_limited(question.limits)) {
        BoundarySearch search(graph, graph.pins());
        std::optional<BoundaryCut> cut =
            search.solve(boundary_costs(graph, program.terms.front()), program.use, result.effort);
        if (cut) tiers = std::move(cut->tiers);
    } else {
        LimitedAnswer limited = limited_search(graph, program, question.searches_max);
        result.effort = limited.effort;
        result.is_complete = limited.is_complete;
        tiers = std::move(limited.tiers);
        gap = limited.gap;
    }
    if (!tiers) return result;
    SplitAnswer answer{.cut = cut_of(graph, std::move(*tiers)), .sums = {}, .figures = {}, .gap = gap};
    answer.sums = sums_of(graph, answer.cut);
    answer.figures = figures_of(answer.sums, question.conditions);
    result.answer = std::move(answer);
    return result;
}

}  // namespace breakeven
