// Warm-up: where a series of latencies becomes steady. Found, not assumed.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "breakeven/units/units.h"

namespace breakeven {

enum class Steadiness {
    steady,    ///< from `count` on the level holds
    drifting,  ///< the level still changes after that, or only then: take more runs or mend the cause
    too_few,   ///< fewer samples than can tell (warmup.cc: ten batches)
};
std::string_view name(Steadiness steadiness);

struct Warmup {
    std::size_t count = 0;  ///< the samples to leave out, from the first; at most half of them
    Steadiness steadiness = Steadiness::too_few;
    friend bool operator==(const Warmup&, const Warmup&) = default;
};

/// MSER-5 (White 1997, "An effective truncation heuristic for bias reduction in simulation output"): batches of five;
/// leave out the first d batches, at most half of all, for which the standard error of the mean of the rest is least.
/// Three additions, as latencies have spikes and machines change pace. Samples are first clipped to five MADs around
/// the later half's median, so that one spike moves no border. The smallest d within a tenth of the least error is
/// taken. And what remains is tested for a lasting change of level (Pettitt 1979, "A non-parametric approach to the
/// change-point problem"), which counts when it is both significant and above 5 % of the median; a series that would
/// rather lose more than half is drifting when it shows one anywhere.
Warmup find_warmup(std::span<const Seconds> samples);

}  // namespace breakeven
