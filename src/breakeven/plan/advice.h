// Advice: the answer to "where should this network run?": plans ranked by an objective, and the break-even of each
// link.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/link/profile.h"
#include "breakeven/plan/break_even_map.h"
#include "breakeven/plan/objective.h"
#include "breakeven/plan/plan.h"

namespace breakeven {

/// The on-device latency (and energy) above which offloading over `link` wins: the cost of the best offload there.
struct BreakEven {
    std::string link;
    std::string platform;  ///< the server
    std::string codec;
    Figure<Seconds> latency;
    std::optional<Figure<Joules>> energy;
};

/// How a link was treated: emulated packet by packet, only modelled (and why), or a real one.
struct LinkUse {
    LinkProfile profile;
    enum class How { emulated, modelled, real } how = How::modelled;
    std::string reason;  ///< why modelled; empty otherwise
};
std::string_view name(LinkUse::How how);

/// A form of the network, as it lies on disk: packed where the user gave it so.
struct VariantFile {
    std::string variant;
    Bytes size;
};

/// A codec where tensors cross, tried on samples.
struct CodecTrial {
    std::string variant;
    std::vector<std::string> cut;  ///< empty: the network's input
    std::string codec;             ///< as Plan::codec
    Bytes up_p50, up_p90;          ///< of what crosses
    Seconds encode{0.0};           ///< on the device
    Seconds decode{0.0};           ///< on the server
    /// Of the network behind it; nothing where no link would have chosen it.
    std::optional<PlanAccuracy> accuracy;
};

struct Advice {
    std::string model_name;
    std::string model_sha256;
    Objective objective;
    std::vector<VariantFile> files;  ///< the network as given first
    std::vector<LinkUse> links;
    std::vector<Plan> plans;          ///< best first; plans whose figure the goal needs is unknown come last
    std::optional<std::size_t> best;  ///< index into plans; nothing when none meets the objective
    std::vector<BreakEven> break_evens;
    std::optional<BreakEvenMap> map;
    std::vector<CodecTrial> codecs;
    std::vector<std::string> warnings;       ///< a noisy machine, an engine refused, ...
    std::vector<std::string> circumstances;  ///< lines that say how this was measured: versions, host, command
};

/// Sorts the plans by the objective's goal, picks the best that meets the objective, and derives each link's break-even
/// from the best offload there.
void rank(Advice& advice);

}  // namespace breakeven
