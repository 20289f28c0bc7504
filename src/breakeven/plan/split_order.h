// SplitOrder: which nodes of a graph pins have bound to a side, and the running order of those left free.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "breakeven/plan/split_graph.h"

namespace breakeven {

/// Positions: free nodes are 1 .. free_count in running order; 0 is all that is bound to the device (graph inputs
/// too), free_count + 1 all that is bound to the server.
class SplitOrder final {
   public:
    /// `pins`, by node, may ask for more than the graph's own. The graph must outlive the order.
    SplitOrder(const SplitGraph& graph, std::span<const Pin> pins);

    /// Whether any choice of tiers keeps the pins.
    bool is_possible() const { return is_possible_; }
    std::uint32_t free_count() const { return free_count_; }
    std::uint32_t end() const { return free_count_ + 1; }
    std::size_t device_count() const { return device_count_; }
    std::size_t server_count() const { return nodes_.size() - device_count_ - free_count_; }
    /// Bound to the device, free in running order, bound to the server.
    std::span<const std::uint32_t> nodes() const { return nodes_; }
    std::uint32_t node_at(std::uint32_t position) const { return nodes_[device_count_ + position - 1]; }
    std::uint32_t position(std::size_t node) const { return position_[node]; }

    /// By tensor: position of its producer, and of its last consumer; a tensor crosses a cut after position k if
    /// made_at <= k < last_at. last_at is 0 where nobody beyond the device could want it.
    std::span<const std::uint32_t> made_at() const { return made_at_; }
    std::span<const std::uint32_t> last_at() const { return last_at_; }

    static constexpr std::uint32_t none = ~std::uint32_t{0};
    /// Needs nothing that a free node makes; makes nothing that any node needs.
    bool is_source(std::uint32_t position) const { return last_maker_[position] == 0; }
    bool is_sink(std::uint32_t position) const { return first_need_[position] == none; }

    /// Whether each free node needs the one before it: then prefix cuts are all there are.
    bool is_chain() const;

   private:
    std::vector<Pin> spread(std::span<const Pin> pins);
    void number(std::span<const Pin> sides);
    void place_tensors();

    const SplitGraph& graph_;
    bool is_possible_ = true;
    std::uint32_t free_count_ = 0;
    std::size_t device_count_ = 0;
    std::vector<std::uint32_t> nodes_, position_, made_at_, last_at_, first_need_, last_maker_;
};

}  // namespace breakeven
