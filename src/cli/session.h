// `breakeven session`'s two: replay with what it is asked and prints, and run. Internal to cli/.
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

/// `breakeven session run`, in session_run.cc.
void add_session_run(CLI::App& session, Shell& shell);

}  // namespace breakeven::cli
