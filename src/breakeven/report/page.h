// The answer as one HTML page that needs nothing else: no network, no other file. It opens with the decision in words;
// charts show the parts, and tables hold every figure with its origin for whoever cannot see them.
#pragma once

#include <string>

#include "breakeven/plan/advice.h"

namespace breakeven {

std::string advice_page(const Advice& advice);

}  // namespace breakeven
