// The break-even map as a picture: SVG that needs no script, its colours the page's.
#pragma once

#include <string>

#include "breakeven/plan/break_even_map.h"

namespace breakeven {

/// The picture, and its legend as a list below it.
std::string map_svg(const BreakEvenMap& map);

}  // namespace breakeven
