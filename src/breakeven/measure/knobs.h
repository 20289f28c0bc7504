// Knobs: what an engine can be told that may make a network faster here, each as options of its platform
// (plan/platform.h), so that a choice of settings is a platform like any other.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "breakeven/measure/core_kinds.h"
#include "breakeven/plan/platform.h"

namespace breakeven {

struct Knob {
    std::string words;  ///< for people: "threads do not spin"
    std::vector<std::pair<std::string, std::string>> options;
};

/// Whether some layers of the network do not wait for each other.
enum class GraphShape { chain, branching };

/// What may help `platform`, leaving out what cannot: settings of threads where there is one, pinning where all cores
/// are alike. Empty for engines whose settings we do not know.
std::vector<Knob> knobs_of(const Platform& platform, GraphShape shape, const CoreKinds& cores);

/// `platform` with these options too; one it has already takes the new value.
Platform with(Platform platform, const Knob& knob);

}  // namespace breakeven
