// Advice for the terminal, 80 columns wide: the decision first, the reason second, the figures with their origin third.
// Without the warnings: those belong on stderr.
#pragma once

#include <string>

#include "breakeven/plan/advice.h"

namespace breakeven {

std::string advice_text(const Advice& advice);

}  // namespace breakeven
