// The prefix cuts of a running order: after each free node, all that ran is on the device. On a chain there are no
// other cuts; elsewhere they are good ones to start from.
#pragma once

#include <cstddef>
#include <vector>

#include "breakeven/plan/boundary_search.h"
#include "breakeven/plan/split_order.h"

namespace breakeven {

/// The sums of every prefix, by the number of free nodes in it, in time linear in the graph. Up to rounding in the
/// encoding times, which come and go; exact otherwise. The order must be possible.
std::vector<SplitSums> prefix_sums(const SplitGraph& graph, const SplitOrder& order);
std::vector<Tier> prefix_tiers(const SplitOrder& order, std::size_t free_nodes);
/// Whether a cut with these sums has the nodes that `use` asks for.
bool is_used(const SplitSums& sums, SplitUse use);

}  // namespace breakeven
