// Three tiers: where a network is cut between a device, a server at the edge and a cloud behind it. Modelled: layer
// times by multiply-adds from the whole network's measured time, transfers by rate and round trip.
#pragma once

#include <string>
#include <vector>

#include "breakeven/advise/split_times.h"
#include "breakeven/link/profile.h"

namespace breakeven {

struct ThreeTiersRequest {
    LinkProfile edge;             ///< from the device to the edge server
    LinkProfile cloud;            ///< from there to the cloud
    double slowdown = 1.0;        ///< the device is this many times slower than the edge server: this machine
    double cloud_slowdown = 1.0;  ///< the cloud's times are the edge's times this; below 1 where it is faster
    Platform platform;
    std::size_t runs = 30;
    SplitGoal goal = SplitGoal::latency;  ///< or energy: the device's
    Powers power;
    std::vector<std::string> private_inputs;
};

/// One tier's share.
struct TierShare {
    std::size_t layers = 0;
    Seconds compute{0.0};
};

struct ThreeTiers {
    TierShare device, edge, cloud;
    std::vector<std::string> to_edge;   ///< tensors that leave the device
    std::vector<std::string> to_cloud;  ///< tensors that go on to the cloud
    Bytes to_edge_size, to_cloud_size;
    Seconds latency{0.0};
    Joules energy;           ///< the device's; 0 without powers
    Seconds alone{0.0};      ///< all on the device
    Seconds two_tiers{0.0};  ///< the best without the cloud
};

/// The exact best (plan/split_tiers.h). Throws Error{usage} for another goal.
ThreeTiers find_three_tiers(const ModelFile& model, const ThreeTiersRequest& request, SplitTools& tools);

}  // namespace breakeven
