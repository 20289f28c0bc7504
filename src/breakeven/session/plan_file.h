// Plans for a session, from JSON text: what `breakeven advise --json` prints, or a list of plans with their figures:
//   {"plans": [{"name": "local", "device": "300ms"},
//              {"name": "offload", "server": "20ms", "up": "150kB", "down": "4kB"},
//              {"name": "split", "cut": ["relu5"], "device": "90ms", "server": "12ms", "up": "40kB", "down": "4kB",
//               "rest_on_device": "210ms"}]}
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/plan/plan_table.h"

namespace breakeven {

/// A plan and where the network is cut for it; no cut: all of it on one side.
struct SessionPlan {
    PlanPoint point;
    std::vector<std::string> cut;
};

/// Throws Error{input}. Of an advice: the plans of the network as given, each once, with tensors as they are (`raw`).
std::vector<SessionPlan> parse_session_plans(std::string_view text, std::string_view origin);

/// The text that it reads back as the same plans.
std::string session_plans_text(std::span<const SessionPlan> plans);

}  // namespace breakeven
