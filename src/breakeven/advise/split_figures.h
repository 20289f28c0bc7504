// Split figures: what an inference in two timed parts costs over a link, and what of it a goal compares.
#pragma once

#include "breakeven/advise/split_times.h"

namespace breakeven {

/// One inference, in the order things happen.
struct SplitLatency {
    Seconds head{0.0};      ///< on the device
    Seconds transfer{0.0};  ///< both ways
    Seconds tail{0.0};      ///< on the server
    Seconds total() const { return head + transfer + tail; }
};
SplitLatency latency_over(const Way& way, const PartTimes& times, const Payload& payload, double slowdown);

/// What a goal weighs, of parts as they were timed. Energy is 0 where a power or the link's energies are unknown.
SplitFigures figures_over(const Way& way, const PartTimes& times, const Payload& payload,
                          const SplitTimesRequest& request);
/// The one figure that the request's goal compares: seconds, joules, joule-seconds or bytes.
double goal_figure(const SplitFigures& figures, SplitGoal goal);

}  // namespace breakeven
