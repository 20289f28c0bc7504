// Quantities: what can be set against each other in a figure or a correlation: a variant's size, its fit, a row's
// counters.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/thesis/results.h"

namespace breakeven {

/// How a number is shown on an axis.
enum class Measure { time, energy, energy_delay, size, count, percent, ratio, mass };
std::string_view name(Measure measure);

struct RowQuantity {
    std::string id;      ///< "parameters"
    std::string name;    ///< "parameters"
    std::string figure;  ///< which of the thesis' figures sets it against the latency
    Measure measure = Measure::count;
    std::function<std::optional<double>(const Results&, const Row&)> of;
};

/// Input size, parameters, layers, multiply-adds, energies; then every level and counter that the table has.
std::vector<RowQuantity> row_quantities(const Results& results);

}  // namespace breakeven
