// The minimum-cut network of one block. Source side: near. A tensor is paid once however many consumers it has (a
// joint: an arc of the tensor's cost into it, endless arcs out of it), and an endless arc from each consumer back to
// the producer lets nothing return. Hu et al. 2019 (DADS) build such a network; joints are Picard & Ratliff's.
#include "breakeven/plan/boundary_search.h"

namespace breakeven {

bool BoundarySearch::passes(SplitOrder::Block block, std::size_t tensor) const {
    return order_.made_at()[tensor] <= block.after && order_.last_at()[tensor] >= block.before;
}

double BoundarySearch::fill_network(SplitOrder::Block block, MinCut& network) {
    double paid = 0;
    local_.resize(order_.end() + 1);
    uses_.resize(graph_.tensor_count());
    touched_.clear();
    const auto touch = [&](std::size_t tensor) -> Use& {
        Use& use = uses_[tensor];
        if (!use.touched) {
            use = {.touched = true, .served = order_.last_at()[tensor] >= block.before};
            touched_.push_back(static_cast<std::uint32_t>(tensor));
        }
        return use;
    };
    for (std::uint32_t k = block.after + 1; k < block.before; ++k) {
        const SplitNodeId node{order_.node_at(k)};
        if (sides_[k] == Side::open) {
            local_[k] = static_cast<std::uint32_t>(network.add_node());
            network.pay_on_source_side(local_[k], near(k));
            network.pay_on_sink_side(local_[k], far(k));
        } else {
            paid += sides_[k] == Side::near ? near(k) : far(k);
        }
        for (const SplitTensorId need : graph_.needs(node)) {
            if (sides_[k] == Side::near || passes(block, index(need))) continue;
            Use& use = touch(index(need));
            if (sides_[k] == Side::far) use.served = true;
            if (sides_[k] == Side::open) ++use.open_consumers;
        }
        if (sides_[k] == Side::far) continue;
        const std::size_t made = index(graph_.made_first(node));
        for (std::size_t t = made; t < made + graph_.made_count(node); ++t) {
            if (order_.last_at()[t] >= block.before) touch(t);
        }
    }
    for (const std::uint32_t t : touched_) {
        Use& use = uses_[t];
        const std::uint32_t made = order_.made_at()[t];
        const Side maker = side_of(block, made);
        if (maker == Side::far || costs_->tensor[t] <= 0) continue;
        if (use.served) {
            if (maker == Side::near) paid += costs_->tensor[t];
            if (maker == Side::open) network.pay_on_source_side(local_[made], costs_->tensor[t]);
        } else if (use.open_consumers > 1) {
            use.joint = static_cast<std::uint32_t>(network.add_node());
            if (maker == Side::near) network.pay_on_sink_side(use.joint, costs_->tensor[t]);
            if (maker == Side::open) network.add_arc({local_[made], use.joint, costs_->tensor[t], 0.0});
        }
    }
    join(block, network);
    for (const std::uint32_t t : touched_) uses_[t].touched = false;
    return paid;
}

/// Arcs between the open nodes and the tensors that they need.
void BoundarySearch::join(SplitOrder::Block block, MinCut& network) {
    for (std::uint32_t k = block.after + 1; k < block.before; ++k) {
        if (sides_[k] != Side::open) continue;
        for (const SplitTensorId need : graph_.needs(SplitNodeId(order_.node_at(k)))) {
            const std::size_t t = index(need);
            if (passes(block, t)) continue;
            const Use& use = uses_[t];
            const std::uint32_t made = order_.made_at()[t];
            const Side maker = side_of(block, made);
            if (use.joint != SplitOrder::none) network.add_arc({use.joint, local_[k], MinCut::unlimited, 0.0});
            const bool alone = !use.served && use.open_consumers == 1;
            const double cost = alone ? costs_->tensor[t] : 0.0;
            if (maker == Side::near && alone) network.pay_on_sink_side(local_[k], cost);
            if (maker == Side::open) network.add_arc({local_[made], local_[k], cost, MinCut::unlimited});
        }
    }
}

double BoundarySearch::add_layer(const BoundaryCosts& costs, MinCut& network) {
    costs_ = &costs;
    const SplitOrder::Block everything{.after = 0, .before = order_.end()};
    sides_.assign(order_.end() + 1, Side::open);
    double paid = fill_network(everything, network);
    for (std::size_t t = 0; t < graph_.tensor_count(); ++t) {
        if (passes(everything, t)) paid += costs.tensor[t];
    }
    const std::span<const std::uint32_t> nodes = order_.nodes();
    for (std::size_t i = 0; i < order_.device_count(); ++i) paid += costs.near[nodes[i]];
    for (std::size_t i = order_.device_count() + order_.free_count(); i < nodes.size(); ++i) paid += costs.far[nodes[i]];
    return paid;
}

}  // namespace breakeven
