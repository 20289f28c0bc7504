// Figures as the contract writes them in JSON: a distribution, a cost with its origin. SI base units; unknown is null.
#pragma once

#include <optional>

#include "breakeven/stats/summary.h"
#include "breakeven/units/origin.h"
#include "breakeven/units/units.h"
#include "cli/shell.h"

namespace breakeven::cli {

/// {"n", "mean_s", "sd_s", "min_s", "p50_s", "p90_s", "p99_s", "max_s", "ci95_s": [low, high]}
Json to_json(const Summary& summary);
Json to_json(const std::optional<Summary>& summary);

/// {"value", "origin"}
Json to_json(const Figure<Joules>& energy);
Json to_json(const std::optional<Figure<Joules>>& energy);

}  // namespace breakeven::cli
