// SplitPrices: an objective that is linear in the sums of a cut: what each second, joule and byte of it costs.
// Latency, energy, bytes and any weighted mix of them are such prices; the search needs to know no more.
#pragma once

#include <vector>

#include "breakeven/plan/split_graph.h"

namespace breakeven {

/// In the unit of the objective per unit of the sum, so bare numbers. None is negative.
struct SplitPrices {
    double device_second = 0;
    double server_second = 0;
    double device_joule = 0;
    double byte_up = 0;
    double byte_down = 0;
    double device_weight_byte = 0;
    double server_weight_byte = 0;
    double offload = 0;  ///< once, when any node runs on the server: the round trip

    double of(const SplitSums& sums) const;
    friend SplitPrices operator+(const SplitPrices& a, const SplitPrices& b);
    friend SplitPrices operator*(double factor, const SplitPrices& prices);
};

/// The cost of a boundary between two tiers, piece by piece: a node pays `near` or `far`, a tensor that crosses pays
/// once, and `offload` is paid once if any node is beyond.
struct BoundaryCosts {
    std::vector<double> near;    ///< by node
    std::vector<double> far;     ///< by node
    std::vector<double> tensor;  ///< by tensor
    double offload = 0;
};

BoundaryCosts boundary_costs(const SplitGraph& graph, const SplitPrices& prices);
/// Into memory that is there already.
void boundary_costs(const SplitGraph& graph, const SplitPrices& prices, BoundaryCosts& costs);

}  // namespace breakeven
