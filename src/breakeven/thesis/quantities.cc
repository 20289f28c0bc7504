// Quantities: see quantities.h.
#include "breakeven/thesis/quantities.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace breakeven {
namespace {

const Variant& variant_of(const Results& results, const Row& row) {
    return results.variants[row.variant];
}

std::optional<double> number(const std::optional<std::int64_t>& value) {
    return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}

RowQuantity energy_quantity(Idle idle) {
    return {fmt::format("energy_{}", name(idle)), idle == Idle::high ? "energy" : "energy, suspended",
            "4.8, A.5 to A.10", Measure::energy, [idle](const Results&, const Row& row) -> std::optional<double> {
                const auto& energy = row.energy(idle);
                return energy ? std::optional(energy->value.in(joules)) : std::nullopt;
            }};
}

std::string counter_figure(const std::string& counter) {
    if (counter == "instructions") return "5.8, A.17 to A.20";
    if (counter == "L1-dcache-loads") return "5.9, A.21 to A.24";
    if (counter == "L1-dcache-load-misses") return "5.10, A.25 to A.28";
    if (counter == "page-faults") return "A.29 to A.31";
    return "";
}

}  // namespace

std::string_view name(Measure measure) {
    switch (measure) {
        case Measure::time: return "s";
        case Measure::energy: return "J";
        case Measure::energy_delay: return "Js";
        case Measure::size: return "B";
        case Measure::count: return "count";
        case Measure::percent: return "%";
        case Measure::ratio: return "x";
        case Measure::mass: return "g";
    }
    return "count";
}

std::vector<RowQuantity> row_quantities(const Results& results) {
    std::vector<RowQuantity> all;
    all.push_back({"input", "input size", "5.1, A.1, A.2", Measure::size, [](const Results& r, const Row& row) {
                       return std::optional(static_cast<double>(variant_of(r, row).input.count()));
                   }});
    all.push_back({"parameters", "parameters", "5.3", Measure::count, [](const Results& r, const Row& row) {
                       return std::optional(static_cast<double>(variant_of(r, row).parameters));
                   }});
    all.push_back({"layers", "depth", "5.4", Measure::count,
                   [](const Results& r, const Row& row) { return number(variant_of(r, row).layers); }});
    all.push_back({"macs", "multiply-adds", "", Measure::count,
                   [](const Results& r, const Row& row) { return number(variant_of(r, row).macs); }});
    for (const Idle idle : idles) all.push_back(energy_quantity(idle));
    std::vector<std::string> levels;
    for (const Variant& variant : results.variants) {
        for (const LevelFit& fit : variant.fits) {
            if (std::ranges::find(levels, fit.level) == levels.end()) levels.push_back(fit.level);
        }
    }
    for (std::size_t i = 0; i < levels.size(); ++i) {
        const std::string& level = levels[i];
        all.push_back({"fit_" + level, "layers that fit " + level, i < 3 ? fmt::format("5.{}", 5 + i) : "",
                       Measure::percent, [level](const Results& r, const Row& row) -> std::optional<double> {
                           for (const LevelFit& fit : variant_of(r, row).fits) {
                               if (fit.level == level) return fit.fitting_percent;
                           }
                           return std::nullopt;
                       }});
    }
    std::set<std::string> counters;
    for (const Row& row : results.rows) {
        for (const auto& [counter, value] : row.counters) counters.insert(counter);
    }
    for (const std::string& counter : counters) {
        all.push_back({counter, counter, counter_figure(counter), Measure::count,
                       [counter](const Results&, const Row& row) -> std::optional<double> {
                           const auto found = row.counters.find(counter);
                           return found == row.counters.end() ? std::nullopt : std::optional(found->second);
                       }});
    }
    return all;
}

}  // namespace breakeven
