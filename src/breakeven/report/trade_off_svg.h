// What compressing costs and buys, as pictures: accuracy against file size, latency and energy, a mark for each
// variant. SVG that needs no script, its colours the page's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/plan/advice.h"

namespace breakeven {

/// A variant as the pictures show it; a figure that is not known has no mark.
struct TradeOff {
    std::string variant;
    double top1 = 0.0;  ///< or agreement, 0 to 1
    std::optional<Bytes> size;
    std::optional<Seconds> latency;  ///< of its best plan
    std::optional<Joules> energy;    ///< the least of its plans
};

/// The network as given first. Empty where no variant's accuracy is known.
std::vector<TradeOff> trade_offs(const Advice& advice);

/// The pictures side by side, as many as there are figures, and their legend. Empty for fewer than two variants.
std::string trade_off_svg(const Advice& advice);

}  // namespace breakeven
