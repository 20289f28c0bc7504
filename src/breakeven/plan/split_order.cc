// Pins spread to ancestors and descendants; what is bound moves to the ends.
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

bool SplitOrder::is_chain() const {
    for (std::uint32_t k = 2; k <= free_count_; ++k) {
        if (last_maker_[k] != k - 1) return false;
    }
    return true;
}

}  // namespace breakeven
