// Splits over three tiers: device, server at the edge, cloud behind it. A tensor from the device that the cloud needs
// crosses both links. Exact on any graph for latency and energy: one minimum cut over two stacked copies of the graph,
// one a boundary (Ishikawa 2003, "Exact optimization for Markov random fields with convex priors", for two labels more
// than a cut has); on a chain, prefix cuts in linear time.
#pragma once

#include "breakeven/plan/split_search.h"

namespace breakeven {

/// From the edge to the cloud. What the edge sends on, it sends as it has it.
struct CloudConditions {
    BytesPerSecond up;
    BytesPerSecond down;
    Seconds round_trip{};
    Seconds queue{};
    double slowdown = 1;  ///< times the nodes' cloud times
};

enum class TiersGoal : std::uint8_t { latency, energy };

struct TiersQuestion {
    TiersGoal goal = TiersGoal::latency;
    SplitConditions edge;  ///< device to edge, as for two tiers
    CloudConditions cloud;
};

struct TiersAnswer {
    SplitCut cut;
    Seconds latency;
    Joules energy;  ///< the device's
};

/// Latency  D + f1 E + f2 C + up1 / B1 + up2 / B2 + down1 / B1' + down2 / B2' + [edge] (RTT1 + queue1) + [cloud] (...)
/// Energy   E_D + P_idle * (latency - D) + up1 * e_up + down1 * e_down + [edge] tail
TiersAnswer cost_of_tiers(const SplitGraph& graph, const TiersQuestion& question, std::vector<Tier> tiers);

/// Nothing if no cut keeps the pins (a node pinned to the server may run at the edge or in the cloud). Without limits
/// on memory: those are for two tiers.
std::optional<TiersAnswer> find_split_over_three_tiers(const SplitGraph& graph, const TiersQuestion& question);

}  // namespace breakeven
