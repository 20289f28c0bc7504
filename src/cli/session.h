// `breakeven session replay`: what it is asked and what it prints. Internal to cli/.
#pragma once

#include <string>
#include <vector>

#include "breakeven/replay/replay.h"
#include "cli/shell.h"

namespace breakeven::cli {

/// All that a replay answers, before it is printed.
struct ReplayAnswer {
    ReplayQuestion question;
    std::vector<RecordedLink> links;
    std::vector<TraceResult> traces;
};

Json replay_json(const ReplayAnswer& answer);
std::string replay_text(const ReplayAnswer& answer);
/// Request by request: the rates, and each policy's plan and latency; what a plot over time needs.
Json replay_series(const ReplayAnswer& answer);

}  // namespace breakeven::cli
