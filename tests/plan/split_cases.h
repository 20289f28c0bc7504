// How the split tests run: over many seeds, each of which can be come back to; and a chain made to measure.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "tests/plan/split_oracle.h"

namespace breakeven::cases {

inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// One in `share` of all random networks: BREAKEVEN_SPLIT_GRAPHS=100000 for the long run.
template <class Check>
void on_random_networks(std::uint64_t share, const oracle::Shape& shape, Check check) {
    const std::uint64_t graphs = std::max<std::uint64_t>(1, from_environment("BREAKEVEN_SPLIT_GRAPHS", 4000) / share);
    const std::uint64_t first = from_environment("BREAKEVEN_SEED", 1);
    for (std::uint64_t seed = first; seed < first + graphs; ++seed) {
        Random random(seed);
        const oracle::Network network = oracle::random_network(random, shape);
        SCOPED_TRACE("re-run with BREAKEVEN_SEED=" + std::to_string(seed));
        check(network, random);
        if (::testing::Test::HasFailure()) return;
    }
}

/// Times around a second on the device, the last node pinned as told.
inline SplitGraph chain(std::size_t nodes, std::uint64_t seed, Pin last) {
    Random random(seed);
    SplitGraph graph;
    SplitTensorId tensor = graph.add_input({.size = Bytes(500)});
    for (std::size_t v = 0; v < nodes; ++v) {
        const SplitNode node{.device = Seconds(random.exponential() / 10),
                             .server = Seconds(random.exponential() / 40),
                             .cloud = Seconds(random.exponential() / 80),
                             .pin = v + 1 == nodes ? last : Pin::none};
        const SplitTensor makes{.size = Bytes(static_cast<std::int64_t>(1 + 400 * random.exponential()))};
        graph.add_node(node, {{tensor}}, {{makes}});
        tensor = SplitTensorId(v + 1);
    }
    graph.mark_output(tensor);
    return graph;
}

}  // namespace breakeven::cases
