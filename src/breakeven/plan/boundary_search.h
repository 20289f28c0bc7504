// BoundarySearch: the cheapest place for one boundary in a graph, exactly. Prefix cuts of the running order give a cost
// to beat; a block between pivots is looked into only if its lower bound beats it, and then only those of its nodes
// whose side no bound settles go into a minimum cut.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "breakeven/plan/min_cut.h"
#include "breakeven/plan/split_order.h"
#include "breakeven/plan/split_prices.h"

namespace breakeven {

/// Which cuts count: all, those with a node on the server, or only those with a node on either side.
enum class SplitUse : std::uint8_t { any, offload, split };

/// What a search had to do.
struct SplitEffort {
    std::size_t blocks = 0;         ///< blocks of two nodes and more
    std::size_t blocks_solved = 0;  ///< of them, those that needed a minimum cut
    std::size_t nodes_solved = 0;   ///< nodes in those minimum cuts
    std::size_t searches = 0;       ///< searches of the whole graph
};

struct BoundaryCut {
    std::vector<Tier> tiers;  ///< device or server, by node
    double cost = 0;
};

class BoundarySearch final {
   public:
    BoundarySearch(const SplitGraph& graph, std::span<const Pin> pins);
    const SplitOrder& order() const { return order_; }

    /// Nothing if no cut keeps the pins and the use. Of cuts that cost the same, any.
    std::optional<BoundaryCut> solve(const BoundaryCosts& costs, SplitUse use, SplitEffort& effort);

    /// Adds all free nodes and what they need to a network, for a cut of several boundaries at once. Returns what every
    /// cut pays for bound nodes and for tensors between them, without the round trip.
    double add_layer(const BoundaryCosts& costs, MinCut& network);
    /// After add_layer: the network's node of the free node at a position.
    std::uint32_t network_node(std::uint32_t position) const { return local_[position]; }

   private:
    enum class Side : std::uint8_t { open, near, far };
    struct Candidate {
        double bound;
        std::uint32_t block;
    };
    struct Forced {
        std::uint32_t near = SplitOrder::none;  ///< positions
        std::uint32_t far = SplitOrder::none;
    };

    void add_up(const BoundaryCosts& costs);
    void scan_prefixes(SplitUse use);
    std::vector<Candidate> promising_blocks() const;
    void solve_block(std::uint32_t number, SplitUse use, Forced forced, SplitEffort& effort);
    bool settle_sides(SplitOrder::Block block, double floor);
    double fill_network(SplitOrder::Block block, MinCut& network);
    void join(SplitOrder::Block block, MinCut& network);
    double fixed_floor(std::uint32_t number) const;
    std::optional<BoundaryCut> best_cut() const;
    double near(std::uint32_t position) const { return costs_->near[order_.node_at(position)]; }
    double far(std::uint32_t position) const { return costs_->far[order_.node_at(position)]; }
    bool passes(SplitOrder::Block block, std::size_t tensor) const;
    Side side_of(SplitOrder::Block block, std::uint32_t position) const;

    const SplitGraph& graph_;
    SplitOrder order_;
    const BoundaryCosts* costs_ = nullptr;
    // Up to and with a position: cost of all nodes near, far, and on their cheaper side; and what crosses after it.
    std::vector<double> near_sum_, far_sum_, least_sum_, crossing_;
    std::vector<double> ending_, least_tensor_;  // by block
    double near_base_ = 0, far_base_ = 0;        // bound nodes
    // The best so far: a prefix, perhaps with a block that is cut inside.
    double best_ = 0;
    bool found_ = false;
    std::uint32_t best_prefix_ = 0;
    std::optional<SplitOrder::Block> best_block_;
    std::vector<Side> best_sides_;
    // Scratch of one block.
    MinCut network_;
    std::vector<Side> sides_;
    std::vector<double> near_extra_, far_extra_;
    std::vector<std::uint32_t> local_;
    struct Use {
        std::uint32_t open_consumers = 0;
        bool touched = false;
        bool served = false;  ///< has a consumer that is far for certain
        std::uint32_t joint = SplitOrder::none;
    };
    std::vector<Use> uses_;
    std::vector<std::uint32_t> touched_;
};

}  // namespace breakeven
