// The split search against every cut of small random networks, and by what must hold of any answer.
#include "breakeven/plan/split_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "breakeven/error.h"
#include "tests/plan/split_cases.h"
#include "tests/plan/split_oracle.h"

namespace breakeven {
namespace {

using namespace literals;
using oracle::Network;

void expect_equal_to_every_cut(const Network& network, const SplitQuestion& question) {
    const std::optional<double> least = oracle::least(network, question);
    const SplitResult result = find_split(network.graph, question);
    ASSERT_EQ(result.answer.has_value(), least.has_value());
    EXPECT_TRUE(result.is_complete);
    if (!least) return;
    const SplitAnswer& answer = *result.answer;
    EXPECT_TRUE(answer.is_exact());
    EXPECT_TRUE(is_forward(network.graph, answer.cut.tiers));
    std::uint32_t device = 0;
    for (std::size_t v = 0; v < network.nodes.size(); ++v) {
        if (answer.cut.tiers[v] == Tier::device) device |= 1u << v;
    }
    const SplitSums sums = oracle::sums_of_mask(network, device);
    EXPECT_EQ(sums.up, answer.sums.up);
    EXPECT_EQ(sums.down, answer.sums.down);
    EXPECT_NEAR(sums.device.count(), answer.sums.device.count(), 1e-9 * (1 + sums.device.count()));
    EXPECT_TRUE(oracle::allowed(sums, question, 1e-9));
    EXPECT_NEAR(oracle::figure(sums, question), *least, 1e-9 * std::max(*least, 1e-3));
}

TEST(SplitSearch, LatencyEqualsTheBestOfEveryCut) {
    cases::on_random_networks(1, {.nodes_max = 14}, [](const Network& network, Random& random) {
        expect_equal_to_every_cut(network,
                                  {.goal = SplitGoal::latency, .conditions = oracle::random_conditions(random)});
    });
}

/// Blocks this small are cut whole; here they go the way of large ones.
TEST(SplitSearch, MergingLosesNothing) {
    cases::on_random_networks(1, {.nodes_max = 14}, [](const Network& network, Random& random) {
        const SplitConditions conditions = oracle::random_conditions(random);
        const SplitUse use = static_cast<SplitUse>(random.below(3));
        const SplitQuestion question{.conditions = conditions, .limits = {.use = use}};
        const std::optional<double> least = oracle::least(network, question);
        SplitEffort effort;
        BoundarySearch search(network.graph, network.graph.pins(), 0);
        const std::optional<BoundaryCut> cut =
            search.solve(boundary_costs(network.graph, latency_prices(conditions)), use, effort);
        ASSERT_EQ(cut.has_value(), least.has_value());
        if (!least) return;
        const double found = latency_prices(conditions).of(sums_of(network.graph, cut->tiers));
        EXPECT_NEAR(found, *least, 1e-9 * std::max(*least, 1e-3));
        EXPECT_NEAR(cut->cost, *least, 1e-9 * (1 + *least));
    });
}

TEST(SplitSearch, EnergyBytesAndForcedUseEqualTheBestOfEveryCut) {
    cases::on_random_networks(2, {.nodes_max = 12}, [](const Network& network, Random& random) {
        const SplitConditions conditions = oracle::random_conditions(random);
        for (const SplitGoal goal : {SplitGoal::latency, SplitGoal::energy, SplitGoal::bytes}) {
            for (const SplitUse use : {SplitUse::any, SplitUse::offload, SplitUse::split}) {
                expect_equal_to_every_cut(network, {.goal = goal, .conditions = conditions, .limits = {.use = use}});
            }
        }
    });
}

TEST(SplitSearch, EnergyDelayEqualsTheBestOfEveryCut) {
    cases::on_random_networks(2, {.nodes_max = 13}, [](const Network& network, Random& random) {
        expect_equal_to_every_cut(network,
                                  {.goal = SplitGoal::energy_delay, .conditions = oracle::random_conditions(random)});
    });
}

/// Nodes that depend on nothing: every set of them is a cut, and many lie on the hull of latency and energy.
TEST(SplitSearch, EnergyDelayIsExactWhereTheHullIsDense) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        Random random(seed);
        Network network;
        for (int v = 0; v < 11; ++v) {
            network.nodes.push_back({.device = Seconds(random.uniform()),
                                     .server = Seconds(random.uniform()),
                                     .device_energy = joules(2 * random.uniform())});
            network.needs.push_back(0);
            network.down.emplace_back();
            network.private_user.push_back(false);
            network.graph.add_node(network.nodes.back(), {}, {});
        }
        SplitConditions conditions{.up = bytes_per_second(1), .down = bytes_per_second(1)};
        conditions.device_idle = watts(random.uniform());
        expect_equal_to_every_cut(network, {.goal = SplitGoal::energy_delay, .conditions = conditions});
    }
}

TEST(SplitSearch, PeriodEqualsTheBestOfEveryCut) {
    cases::on_random_networks(4, {.nodes_max = 10}, [](const Network& network, Random& random) {
        expect_equal_to_every_cut(network,
                                  {.goal = SplitGoal::period, .conditions = oracle::random_conditions(random)});
    });
}

TEST(SplitSearch, EveryGoalUnderEveryLimitEqualsTheBestOfEveryCut) {
    cases::on_random_networks(2, {.nodes_max = 10}, [](const Network& network, Random& random) {
        SplitQuestion question{.goal = static_cast<SplitGoal>(random.below(5)),
                               .conditions = oracle::random_conditions(random)};
        std::int64_t weights = 0;
        for (const SplitNode& node : network.nodes) weights += node.weights.count();
        const auto share = [&] {
            return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(weights + 1)));
        };
        if (random.below(2) == 0) question.limits.device_memory = Bytes(share());
        if (random.below(3) == 0) question.limits.server_memory = Bytes(share());
        if (random.below(3) == 0) question.limits.deadline = Seconds(10 * random.exponential());
        if (random.below(4) == 0) question.limits.energy = joules(10 * random.exponential());
        question.limits.use = static_cast<SplitUse>(random.below(3));
        expect_equal_to_every_cut(network, question);
    });
}

}  // namespace
}  // namespace breakeven
