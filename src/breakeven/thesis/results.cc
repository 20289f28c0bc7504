// Results: see results.h.
#include "breakeven/thesis/results.h"

#include <fmt/format.h>

#include <algorithm>

namespace breakeven {
namespace {

template <class T>
std::optional<Spread<T>> spread_of(const std::vector<double>& values, Unit<T> unit) {
    const std::optional<Distribution<double>> summary = summarize(std::span<const double>(values));
    if (!summary) return std::nullopt;
    return Spread<T>{.mean = unit(summary->mean),
                     .sd = unit(summary->sd.value_or(0.0)),
                     .max = unit(summary->max),
                     .min = unit(summary->min)};
}

}  // namespace

std::string Variant::title() const {
    return recipe.empty() ? fmt::format("{} {}", network, side) : fmt::format("{} {} {}", network, recipe, side);
}

std::string_view name(Idle idle) {
    return idle == Idle::high ? "high" : "low";
}

std::optional<JouleSeconds> Row::energy_delay(Idle idle) const {
    const std::optional<Figure<Joules>>& spent = energy(idle);
    if (!spent) return std::nullopt;
    return spent->value * latency.value;
}

std::string Row::series() const {
    if (kind == PlanKind::local) return platform;
    return fmt::format("{} to {}{}", link, platform, latency.origin == Origin::measured ? "" : " (modelled)");
}

Seconds Row::time_in(StageKind wanted) const {
    Seconds total{0.0};
    for (const Stage& stage : stages) {
        if (stage.kind == wanted) total += stage.latency.value;
    }
    return total;
}

std::vector<Scenario> scenarios_of(const Results& results) {
    std::vector<std::pair<std::string, std::vector<const Row*>>> groups;
    for (const Row& row : results.rows) {
        if (row.kind != PlanKind::offload) continue;
        const std::string key = row.series();
        auto group = std::ranges::find(groups, key, &decltype(groups)::value_type::first);
        if (group == groups.end()) group = groups.insert(groups.end(), {key, {}});
        group->second.push_back(&row);
    }
    std::vector<Scenario> scenarios;
    for (const auto& [key, rows] : groups) {
        Scenario scenario{.link = rows.front()->link,
                          .server = rows.front()->platform,
                          .origin = rows.front()->latency.origin,
                          .n = rows.size()};
        std::vector<double> seconds;
        std::array<std::vector<double>, idles.size()> energies;
        for (const Row* row : rows) {
            seconds.push_back(row->latency.value.count());
            for (std::size_t i = 0; i < idles.size(); ++i) {
                if (const auto& energy = row->energy(idles[i])) energies[i].push_back(energy->value.in(joules));
            }
        }
        const auto latency = *summarize(std::span<const double>(seconds));
        scenario.latency = {.mean = Seconds(latency.mean),
                            .sd = Seconds(latency.sd.value_or(0.0)),
                            .max = Seconds(latency.max),
                            .min = Seconds(latency.min)};
        // A mean over some variants only would compare what cannot be compared.
        if (energies[0].size() == rows.size()) scenario.high_idle = spread_of(energies[0], joules);
        if (energies[1].size() == rows.size()) scenario.low_idle = spread_of(energies[1], joules);
        scenarios.push_back(scenario);
    }
    return scenarios;
}

}  // namespace breakeven
