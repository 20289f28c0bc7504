// Folding what pins have settled; and the problem as a minimum-cut network (Hu et al. 2019, DADS, build a like one).
#include "breakeven/plan/cut_problem.h"

#include "breakeven/error.h"

namespace breakeven {

FoldedProblem fold(const SplitGraph& graph, const SplitOrder& order, const BoundaryCosts& costs) {
    FoldedProblem folded;
    CutProblem& problem = folded.problem;
    const std::span<const std::uint32_t> nodes = order.nodes();
    const std::uint32_t n = order.free_count();
    for (std::size_t i = 0; i < order.device_count(); ++i) folded.paid += costs.near[nodes[i]];
    for (std::size_t i = order.device_count() + n; i < nodes.size(); ++i) folded.paid += costs.far[nodes[i]];
    problem.near.reserve(n);
    problem.far.reserve(n);
    for (std::uint32_t k = 1; k <= n; ++k) {
        problem.near.push_back(costs.near[order.node_at(k)]);
        problem.far.push_back(costs.far[order.node_at(k)]);
    }
    std::vector<std::uint32_t> names(graph.tensor_count(), CutProblem::bound);
    problem.cost.reserve(names.size());
    problem.maker.reserve(names.size());
    for (std::size_t t = 0; t < names.size(); ++t) {
        const std::uint32_t made = order.made_at()[t];
        const std::uint32_t last = order.last_at()[t];
        if (last <= made) continue;
        // A consumer that is far for certain: paid if the maker is near, whatever the other consumers do.
        const bool is_served = last == order.end();
        if (is_served && made == 0) folded.paid += costs.tensor[t];
        if (is_served && made == 0) continue;
        if (is_served) problem.near[made - 1] += costs.tensor[t];
        names[t] = problem.tensors();
        problem.cost.push_back(is_served ? 0.0 : costs.tensor[t]);
        problem.maker.push_back(made == 0 ? CutProblem::bound : made - 1);
    }
    problem.need_begin.reserve(n + 1);
    problem.need_begin.push_back(0);
    for (std::uint32_t k = 1; k <= n; ++k) {
        for (const SplitTensorId need : graph.needs(SplitNodeId(order.node_at(k)))) {
            if (names[index(need)] != CutProblem::bound) problem.needs.push_back(names[index(need)]);
        }
        problem.need_begin.push_back(static_cast<std::uint32_t>(problem.needs.size()));
    }
    return folded;
}

std::size_t add_to(MinCut& network, const CutProblem& problem) {
    const std::size_t first = network.node_count();
    for (std::uint32_t node = 0; node < problem.nodes(); ++node) {
        network.add_node();
        network.pay_on_source_side(first + node, problem.near[node]);
        network.pay_on_sink_side(first + node, problem.far[node]);
    }
    std::vector<std::uint32_t> consumers(problem.tensors(), 0);
    for (const std::uint32_t t : problem.needs) ++consumers[t];
    std::vector<std::uint32_t> joints(problem.tensors(), CutProblem::bound);
    for (std::uint32_t t = 0; t < problem.tensors(); ++t) {
        if (consumers[t] < 2 || problem.cost[t] <= 0) continue;
        joints[t] = static_cast<std::uint32_t>(network.add_node());
        if (problem.maker[t] == CutProblem::bound) {
            network.pay_on_sink_side(joints[t], problem.cost[t]);
        } else {
            const auto maker = static_cast<std::uint32_t>(first + problem.maker[t]);
            network.add_arc({.from = maker, .to = joints[t], .cost = problem.cost[t], .back_cost = 0});
        }
    }
    for (std::uint32_t i = 0; i < problem.nodes(); ++i) {
        const auto node = static_cast<std::uint32_t>(first + i);
        for (const std::uint32_t t : problem.needs_of(i)) {
            const bool has_joint = joints[t] != CutProblem::bound;
            const double cost = has_joint ? 0.0 : problem.cost[t];
            if (has_joint) network.add_arc({.from = joints[t], .to = node, .cost = MinCut::unlimited, .back_cost = 0});
            if (problem.maker[t] == CutProblem::bound) {
                network.pay_on_sink_side(node, cost);
            } else {
                const auto maker = static_cast<std::uint32_t>(first + problem.maker[t]);
                network.add_arc({.from = maker, .to = node, .cost = cost, .back_cost = MinCut::unlimited});
            }
        }
    }
    return first;
}

}  // namespace breakeven
