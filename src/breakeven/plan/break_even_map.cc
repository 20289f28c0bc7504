// Break-even map: see break_even_map.h.
#include "breakeven/plan/break_even_map.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "breakeven/error.h"
#include "breakeven/plan/deploy.h"

namespace breakeven {
namespace {

constexpr double unknown = std::numeric_limits<double>::infinity();

/// Evenly spaced on a logarithmic axis.
double step(double low, double high, double at, std::size_t count) {
    return count < 2 ? low : low * std::pow(high / low, at / static_cast<double>(count - 1));
}

double place_on(double low, double high, double value, std::size_t count) {
    if (count < 2 || value <= low) return 0.0;
    const double at = std::log(value / low) / std::log(high / low) * static_cast<double>(count - 1);
    return std::min(at, static_cast<double>(count - 1));
}

Plan plan_on(const MapPlan& plan, const Way& way, const MapQuestion& question) {
    Plan result;
    result.kind = plan.kind;
    if (!plan.shares.server) {
        result.stages = stages_here(*plan.shares.device);
        result.cost = plan_cost(result.stages, std::nullopt, question.power);
        return result;
    }
    result.stages = modelled_stages(plan.shares, way);
    result.cost = plan_cost(result.stages, Crossing{way.link, plan.shares.payload}, question.power);
    if (plan.deploy) {
        result.deploy = deploy_over(way.link, *plan.deploy, question.power, question.inferences);
    }
    return result;
}

/// Plans that win somewhere, the one with the most places first; `places` then name them by their new index.
void keep_winners(BreakEvenMap& map, const std::vector<MapPlan>& plans) {
    std::vector<std::size_t> wins(plans.size(), 0);
    for (const BreakEvenMap::Place& place : map.places) ++wins[place.plan];
    std::vector<std::size_t> order(plans.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return wins[a] > wins[b]; });
    std::vector<std::size_t> fresh(plans.size(), 0);
    for (const std::size_t index : order) {
        if (wins[index] == 0) break;
        fresh[index] = map.titles.size();
        map.titles.push_back(plans[index].title);
        map.kinds.push_back(plans[index].kind);
    }
    for (BreakEvenMap::Place& place : map.places) place.plan = fresh[place.plan];
}

}  // namespace

Seconds MapAxes::round_trip(std::size_t column) const {
    return Seconds(step(round_trip_min.count(), round_trip_max.count(), static_cast<double>(column), columns));
}

BytesPerSecond MapAxes::up(std::size_t row) const {
    return bytes_per_second(
        step(up_min.in(bytes_per_second), up_max.in(bytes_per_second), static_cast<double>(row), rows));
}

double MapAxes::column_of(Seconds round_trip) const {
    return place_on(round_trip_min.count(), round_trip_max.count(), round_trip.count(), columns);
}

double MapAxes::row_of(BytesPerSecond up) const {
    return place_on(up_min.in(bytes_per_second), up_max.in(bytes_per_second), up.in(bytes_per_second), rows);
}

std::optional<BreakEvenMap> map_of(const std::vector<MapPlan>& plans, const MapQuestion& question,
                                   const std::vector<LinkProfile>& marks) {
    BreakEvenMap map{.goal = question.goal, .axes = question.axes};
    for (std::size_t row = 0; row < map.axes.rows; ++row) {
        for (std::size_t column = 0; column < map.axes.columns; ++column) {
            const BytesPerSecond rate = map.axes.up(row);
            const Way way{.link = {.name = "map",
                                   .one_way_latency = map.axes.round_trip(column) / 2.0,
                                   .up = rate,
                                   .down = rate,
                                   .up_energy = question.up_energy,
                                   .down_energy = question.down_energy},
                          .tcp = question.tcp};
            BreakEvenMap::Place place{.plan = 0, .figure = unknown};
            for (std::size_t i = 0; i < plans.size(); ++i) {
                const double figure = goal_figure(plan_on(plans[i], way, question), question.goal).value_or(unknown);
                if (figure < place.figure) place = {.plan = i, .figure = figure};
            }
            if (place.figure == unknown) return std::nullopt;
            map.places.push_back(place);
        }
    }
    keep_winners(map, plans);
    for (const LinkProfile& link : marks) {
        map.marks.push_back({.link = link.name,
                             .column = map.axes.column_of(link.one_way_latency * 2.0),
                             .row = map.axes.row_of(link.up)});
    }
    return map;
}

}  // namespace breakeven
