// The split search against a second way to the same number at 1,000 nodes: breadth-first augmenting paths (Edmonds &
// Karp 1972) over a network that is built from the graph alone, in whole numbers, every tensor with a node of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "breakeven/plan/min_cut.h"
#include "breakeven/plan/split_search.h"
#include "breakeven/time/random.h"

namespace breakeven {
namespace {

class AugmentingPaths {
   public:
    static constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max() / 4;

    explicit AugmentingPaths(std::size_t nodes) : arcs_of_(nodes) {}
    void arc(std::size_t from, std::size_t to, std::int64_t room) {
        arcs_of_[from].push_back(arcs_.size());
        arcs_.push_back({to, room});
        arcs_of_[to].push_back(arcs_.size());
        arcs_.push_back({from, 0});
    }
    std::int64_t flow(std::size_t source, std::size_t sink) {
        std::int64_t total = 0;
        while (true) {
            std::vector<std::size_t> by(arcs_of_.size(), none);
            std::vector<std::size_t> queue{source};
            for (std::size_t i = 0; i < queue.size() && by[sink] == none; ++i) {
                for (const std::size_t arc : arcs_of_[queue[i]]) {
                    if (arcs_[arc].room <= 0 || by[arcs_[arc].to] != none || arcs_[arc].to == source) continue;
                    by[arcs_[arc].to] = arc;
                    queue.push_back(arcs_[arc].to);
                }
            }
            if (by[sink] == none) return total;
            std::int64_t least = unlimited;
            for (std::size_t at = sink; at != source; at = arcs_[by[at] ^ 1].to)
                least = std::min(least, arcs_[by[at]].room);
            for (std::size_t at = sink; at != source; at = arcs_[by[at] ^ 1].to) {
                arcs_[by[at]].room -= least;
                arcs_[by[at] ^ 1].room += least;
            }
            total += least;
        }
    }

   private:
    static constexpr std::size_t none = ~std::size_t{0};
    struct Arc {
        std::size_t to;
        std::int64_t room;
    };
    std::vector<Arc> arcs_;
    std::vector<std::vector<std::size_t>> arcs_of_;
};

/// Whole seconds and bytes, a rate of a byte a second: every cost is a whole number.
SplitGraph whole_network(std::size_t nodes, Random& random) {
    SplitGraph graph;
    const std::size_t window = 2 + random.below(60);
    const bool heavy = random.below(2) == 0;
    const auto size = [&] {  // falls with depth, as in a classifier
        const double spread = heavy ? std::exp(1.5 * random.normal()) : 0.5 + random.uniform();
        const double depth = static_cast<double>(graph.node_count()) / static_cast<double>(nodes);
        return Bytes(static_cast<std::int64_t>(20'000 * spread * std::exp(-8 * depth)));
    };
    graph.add_input({.size = size()});
    for (std::size_t v = 0; v < nodes; ++v) {
        std::vector<SplitTensorId> needs;
        const std::size_t tensors = graph.tensor_count();
        for (std::uint64_t i = 1 + random.below(3); i > 0; --i) {
            const std::size_t back = random.below(20) == 0 ? tensors : std::min(tensors, window);
            needs.push_back(SplitTensorId(tensors - 1 - random.below(back)));
        }
        const SplitNode node{.device = Seconds(static_cast<double>(random.below(40))),
                             .server = Seconds(static_cast<double>(random.below(random.below(4) == 0 ? 40 : 8)))};
        std::vector<SplitTensor> makes(1 + random.below(2));
        for (SplitTensor& tensor : makes) tensor.size = size();
        graph.add_node(node, needs, makes);
    }
    graph.mark_output(SplitTensorId(graph.tensor_count() - 1));
    return graph;
}

std::int64_t whole(double number) {
    return static_cast<std::int64_t>(number);
}

std::int64_t least_latency(const SplitGraph& graph, std::int64_t round_trip) {
    const std::size_t n = graph.node_count();
    const std::size_t source = n + graph.tensor_count();
    AugmentingPaths network(source + 2);
    std::int64_t local = 0;
    for (std::size_t v = 0; v < n; ++v) {
        const SplitNode& node = graph.nodes()[v];
        local += whole(node.device.count());
        network.arc(source, v, whole(node.server.count()) + graph.downloads()[v].count());
        network.arc(v, source + 1, whole(node.device.count()));
        for (const SplitTensorId need : graph.needs(SplitNodeId(v))) {
            network.arc(n + index(need), v, AugmentingPaths::unlimited);
            if (graph.producer(need)) network.arc(v, index(*graph.producer(need)), AugmentingPaths::unlimited);
        }
    }
    for (std::size_t t = 0; t < graph.tensor_count(); ++t) {
        const std::optional<SplitNodeId> producer = graph.producer(SplitTensorId(t));
        network.arc(producer ? index(*producer) : source, n + t, graph.tensors()[t].size.count());
    }
    return std::min(local, network.flow(source, source + 1) + round_trip);
}

TEST(SplitFlow, SearchEqualsAnIndependentMaximumFlowAtAThousandNodes) {
    std::size_t inside = 0;
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
        Random random(seed);
        const SplitGraph graph = whole_network(1000, random);
        const std::int64_t round_trip = static_cast<std::int64_t>(random.below(200));
        const SplitConditions conditions{.up = bytes_per_second(1),
                                         .down = bytes_per_second(1),
                                         .round_trip = Seconds(static_cast<double>(round_trip))};
        const SplitResult result = find_split(graph, {.conditions = conditions});
        ASSERT_TRUE(result.answer);
        EXPECT_EQ(result.answer->figures.latency.count(), static_cast<double>(least_latency(graph, round_trip)))
            << "seed " << seed;
        if (result.answer->sums.device_nodes > 0 && result.answer->sums.server_nodes > 0) ++inside;
    }
    EXPECT_GT(inside, 10u) << "these networks test the ends only";
}

TEST(SplitFlow, LargeNetworksGiveTheSameMergedOrNot) {
    std::size_t smaller = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        Random random(seed);
        const SplitGraph graph = whole_network(3000, random);
        const SplitPrices prices = latency_prices({.up = bytes_per_second(1), .down = bytes_per_second(1)});
        const BoundaryCosts costs = boundary_costs(graph, prices);
        SplitEffort merged, whole;
        const std::optional<BoundaryCut> first =
            BoundarySearch(graph, graph.pins()).solve(costs, SplitUse::any, merged);
        const std::optional<BoundaryCut> second =
            BoundarySearch(graph, graph.pins(), 1'000'000).solve(costs, SplitUse::any, whole);
        ASSERT_TRUE(first && second);
        EXPECT_EQ(prices.of(sums_of(graph, first->tiers)), prices.of(sums_of(graph, second->tiers))) << "seed " << seed;
        if (merged.nodes_solved < whole.nodes_solved / 4) ++smaller;
    }
    EXPECT_GT(smaller, 30u) << "merging does not pay on these";
}

TEST(MinCut, EqualsAugmentingPathsOnRandomNetworks) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        Random random(seed);
        const std::size_t n = 2 + random.below(30);
        MinCut cut;
        cut.clear(n);
        AugmentingPaths paths(n + 2);
        std::vector<MinCut::Arc> arcs;
        std::vector<std::pair<std::int64_t, std::int64_t>> ends;
        for (std::size_t v = 0; v < n; ++v) {
            ends.emplace_back(random.below(10), random.below(10));
            cut.pay_on_sink_side(v, static_cast<double>(ends[v].first));
            cut.pay_on_source_side(v, static_cast<double>(ends[v].second));
            paths.arc(n, v, ends[v].first);
            paths.arc(v, n + 1, ends[v].second);
        }
        for (std::size_t i = 0; i < 3 * n; ++i) {
            const auto from = static_cast<std::uint32_t>(random.below(n));
            const auto to = static_cast<std::uint32_t>(random.below(n));
            if (from == to) continue;
            arcs.push_back({from, to, static_cast<double>(random.below(6)), static_cast<double>(random.below(3))});
            if (random.below(6) == 0) arcs.back().cost = MinCut::unlimited;
            cut.add_arc(arcs.back());
            const bool endless = arcs.back().cost == MinCut::unlimited;
            paths.arc(from, to, endless ? AugmentingPaths::unlimited : whole(arcs.back().cost));
            paths.arc(to, from, whole(arcs.back().back_cost));
        }
        const double cost = cut.solve();
        EXPECT_EQ(cost, static_cast<double>(paths.flow(n, n + 1))) << "seed " << seed;
        double paid = 0;
        for (std::size_t v = 0; v < n; ++v) {
            paid += static_cast<double>(cut.is_source_side(v) ? ends[v].second : ends[v].first);
        }
        for (const MinCut::Arc& arc : arcs) {
            if (cut.is_source_side(arc.from) && !cut.is_source_side(arc.to)) paid += arc.cost;
            if (!cut.is_source_side(arc.from) && cut.is_source_side(arc.to)) paid += arc.back_cost;
        }
        EXPECT_EQ(paid, cost) << "seed " << seed;
    }
}

}  // namespace
}  // namespace breakeven
