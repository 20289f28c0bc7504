// A replay as a picture over time: the uplink's rate, what each request took, and which plan each policy chose.
#pragma once

#include <string>

#include "breakeven/replay/replay.h"

namespace breakeven {

/// Static: no script. Its colours are page.css's and replay.css's, so that it follows the theme. Long recordings are
/// drawn column by column: the range of rates, the median latency, the plan chosen most often.
std::string course_svg(const RecordedLink& link, const TraceResult& trace, const PlanTable& plans);

/// The class of a plan's colour, for the picture and its legend.
std::string plan_colour(const PlanTable& plans, std::size_t plan);

}  // namespace breakeven
