// The answer in words: what an Advice says, and why, for the terminal and for the page alike.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/plan/advice.h"

namespace breakeven {

struct Answer {
    std::string decision;  ///< "offload over ethernet as u8: 35.1 ms"
    std::string reason;    ///< "local on cpu:4 takes 58.0 ms, 1.65 times as much"
};
Answer answer(const Advice& advice);

/// What to do if this link is the one at hand.
struct LinkVerdict {
    std::size_t link = 0;  ///< index into advice.links
    std::optional<BreakEven> break_even;
    std::string decision;  ///< "offload as u8", "stay local"
    std::string reason;    ///< "35.1 ms against 58.0 ms on cpu:4"
};
/// One for each link of the advice, in its order.
std::vector<LinkVerdict> link_verdicts(const Advice& advice);

/// A plan's figure that the goal compares, as text; "unknown" without one.
std::string goal_text(const Plan& plan, Goal goal);

/// Relative error of what the model predicts for a measured plan: (predicted - measured) / measured, in percent,
/// "+4.2 %". Empty where there is nothing to compare.
std::string prediction_error_text(const Plan& plan);

/// "pq: top-1 86.9 %, 0.3 points less (500 samples)". Requires that the plan has one.
std::string accuracy_text(const Plan& plan);

/// How the link was treated, in one phrase: "emulated packet by packet", "modelled (reason)".
std::string link_use_text(const LinkUse& use);

}  // namespace breakeven
