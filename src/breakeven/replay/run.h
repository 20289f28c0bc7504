// Run: one policy through one World, event by event in virtual time: requests come, waits are reviewed, answers arrive.
// The policy learns what a device would learn, when it would learn it.
#pragma once

#include <vector>

#include "breakeven/plan/policy.h"
#include "breakeven/replay/world.h"

namespace breakeven {

/// How one request went.
struct Replayed {
    Seconds at{0.0};
    std::size_t plan = 0;  ///< as chosen
    Seconds latency{0.0};
    Seconds device_busy{0.0};            ///< computing here
    std::optional<Seconds> hedged_at{};  ///< from its begin: the local run started beside the plan
    Bytes up;                            ///< probes included
    Bytes down;
    bool probed = false;
};

/// In the order of arrival.
std::vector<Replayed> run(const World& world, Policy& policy, std::optional<Seconds> deadline);

}  // namespace breakeven
