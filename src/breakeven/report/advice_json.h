// Advice as JSON, the way docs/contract.md writes it down: SI units, every figure {"value", "origin"}, unknown is null.
#pragma once

#include <nlohmann/json.hpp>

#include "breakeven/plan/advice.h"

namespace breakeven {

nlohmann::ordered_json advice_json(const Advice& advice);

}  // namespace breakeven
