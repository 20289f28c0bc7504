// Pins spread to ancestors and descendants; what is bound moves to the ends; pivots by two running extremes.
#include "breakeven/plan/split_order.h"

#include <algorithm>

#include "breakeven/error.h"

namespace breakeven {

SplitOrder::SplitOrder(const SplitGraph& graph, std::span<const Pin> pins) : graph_(graph) {
    BREAKEVEN_ASSERT(pins.size() == graph.node_count());
    const bool any_pin = std::any_of(pins.begin(), pins.end(), [](Pin pin) { return pin != Pin::none; });
    if (any_pin) {
        number(spread(pins));
    } else {
        number(pins);
    }
    if (!is_possible_) return;
    place_tensors();
    find_blocks();
}

/// What a node on the device needs is on the device; what needs a node on the server is on the server.
std::vector<Pin> SplitOrder::spread(std::span<const Pin> pins) {
    std::vector<Pin> sides(pins.begin(), pins.end());
    const std::span<const std::uint32_t> producers = graph_.producers();
    for (std::size_t node = sides.size(); node-- > 0;) {
        if (sides[node] != Pin::device) continue;
        for (const SplitTensorId need : graph_.needs(SplitNodeId(node))) {
            const std::uint32_t producer = producers[index(need)];
            if (producer == SplitGraph::no_producer) continue;
            if (sides[producer] == Pin::server) is_possible_ = false;
            sides[producer] = Pin::device;
        }
    }
    for (std::size_t node = 0; node < sides.size(); ++node) {
        for (const SplitTensorId need : graph_.needs(SplitNodeId(node))) {
            const std::uint32_t producer = producers[index(need)];
            if (producer == SplitGraph::no_producer || sides[producer] != Pin::server) continue;
            if (sides[node] == Pin::device) is_possible_ = false;
            sides[node] = Pin::server;
        }
    }
    return sides;
}

/// Still an order in which the nodes could run, for both ends are closed.
void SplitOrder::number(std::span<const Pin> sides) {
    nodes_.reserve(sides.size());
    position_.assign(sides.size(), 0);
    for (const Pin wanted : {Pin::device, Pin::none, Pin::server}) {
        if (wanted == Pin::none) device_count_ = nodes_.size();
        for (std::uint32_t node = 0; node < sides.size(); ++node) {
            if (sides[node] != wanted) continue;
            nodes_.push_back(node);
            if (wanted == Pin::none) position_[node] = ++free_count_;
        }
    }
    for (std::size_t i = device_count_ + free_count_; i < nodes_.size(); ++i) position_[nodes_[i]] = end();
}

void SplitOrder::place_tensors() {
    const std::size_t tensors = graph_.tensor_count();
    const std::span<const std::uint32_t> producers = graph_.producers();
    made_at_.resize(tensors);
    last_at_.assign(tensors, 0);
    for (std::size_t t = 0; t < tensors; ++t) {
        made_at_[t] = producers[t] == SplitGraph::no_producer ? 0 : position_[producers[t]];
    }
    first_need_.assign(end() + 1, none);
    last_maker_.assign(end() + 1, 0);
    for (std::uint32_t node = 0; node < graph_.node_count(); ++node) {
        const std::uint32_t at = position_[node];
        if (at == 0) continue;
        std::uint32_t last_maker = 0;
        for (const SplitTensorId need : graph_.needs(SplitNodeId(node))) {
            const std::size_t t = index(need);
            const std::uint32_t maker = made_at_[t];
            last_at_[t] = std::max(last_at_[t], at);
            last_maker = std::max(last_maker, maker);
            first_need_[maker] = std::min(first_need_[maker], at);
        }
        last_maker_[at] = last_maker;
    }
}

/// k is a pivot iff every earlier node has a consumer no later than k (so, by induction, leads to k) and every later
/// one a producer no earlier than k (so comes from k).
void SplitOrder::find_blocks() {
    const std::uint32_t n = free_count_;
    block_of_.assign(n + 2, none);
    block_after_.assign(n + 2, none);
    // Right to left, the earliest among the last producers of all later nodes; kept in block_of_ until it is needed.
    std::uint32_t earliest = n + 1;
    for (std::uint32_t k = n; k >= 1; --k) {
        block_of_[k] = earliest;
        earliest = std::min(earliest, last_maker_[k]);
    }
    std::uint32_t latest = 0;
    std::uint32_t pivot = 0;
    for (std::uint32_t k = 1; k <= n + 1; ++k) {
        const bool is_pivot = k == n + 1 || (latest <= k && block_of_[k] >= k);
        if (k <= n) {
            latest = std::max(latest, first_need_[k]);
            block_of_[k] = none;
        }
        if (!is_pivot) continue;
        if (k - pivot > 2) {
            const auto block = static_cast<std::uint32_t>(blocks_.size());
            blocks_.push_back({.after = pivot, .before = k});
            block_after_[pivot] = block;
            std::fill(block_of_.begin() + pivot + 1, block_of_.begin() + k, block);
        }
        pivot = k;
    }
}

}  // namespace breakeven
