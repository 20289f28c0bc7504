// norm_refresh: batch norms whose statistics are those of the changed network, so that what a recipe did to the layers
// before them does not shift or shrink what they give (free accuracy after pruning, where norms are not folded).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "breakeven/compress/gram.h"
#include "breakeven/compress/network.h"

namespace breakeven {

struct NormRefreshOptions {
    /// Norms are done in so many groups at most, in the order of the graph, each on what the groups before it give.
    std::size_t passes_max = 16;
};

struct NormRefreshReport {
    std::size_t refreshed = 0;
    std::vector<std::string> left_alone;  ///< norms without stored statistics, or with fewer channels than before
};

/// Moves and scales each norm's stored statistics as its input moved and scaled, channel by channel, from `before` to
/// the network as it is: exact for a channel that was only shifted and scaled, and steadier than the samples' statistics.
/// Throws Error{usage} without samples.
NormRefreshReport refresh_norms(Network& network, const Model& before, const Calibration& calibration,
                                const NormRefreshOptions& options = {});

}  // namespace breakeven
