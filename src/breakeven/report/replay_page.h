// Replay page: policies over recorded links as one self-contained HTML page, with a picture over time for each link.
#pragma once

#include <span>
#include <string>

#include "breakeven/replay/replay.h"

namespace breakeven {

/// `links` and `traces` belong together. No script, nothing fetched.
std::string replay_page(const ReplayQuestion& question, std::span<const RecordedLink> links,
                        std::span<const TraceResult> traces);

}  // namespace breakeven
