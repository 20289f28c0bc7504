// The break-even map for the terminal: one letter a plan, at most 80 columns.
#pragma once

#include <string>

#include "breakeven/plan/break_even_map.h"

namespace breakeven {

std::string map_text(const BreakEvenMap& map);

/// "which plan has the least latency": what a map shows.
std::string map_subject(Goal goal);

/// A round-trip time or rate at an end of an axis, round: "0.2 ms", "500 ms", "1 Gbit/s".
std::string axis_text(Seconds round_trip);
std::string axis_text(BytesPerSecond rate);

}  // namespace breakeven
