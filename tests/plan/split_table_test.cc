// The table against the search: deciding again must give what searching again would.
#include "breakeven/plan/split_table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "breakeven/error.h"
#include "tests/plan/split_cases.h"
#include "tests/plan/split_oracle.h"

namespace breakeven {
namespace {

using namespace literals;
using oracle::Network;

constexpr double rate_min = 0.1;
constexpr double rate_max = 1e5;

SplitRange wide() {
    return {.up_min = bytes_per_second(rate_min),
            .up_max = bytes_per_second(rate_max),
            .slowdown_min = 0.25,
            .slowdown_max = 8};
}

/// Another uplink, load and distance within the range; the downlink stays.
SplitConditions changed(SplitConditions conditions, Random& random) {
    conditions.up = bytes_per_second(rate_min * std::pow(rate_max / rate_min, random.uniform()));
    conditions.server_slowdown = 0.25 * std::pow(32.0, random.uniform());
    conditions.round_trip = Seconds(3 * random.uniform());
    conditions.queue = Seconds(random.uniform());
    return conditions;
}

TEST(SplitTable, DecidingEqualsSearchingEverywhereInItsRange) {
    cases::on_random_networks(4, {.nodes_max = 14}, [](const Network& network, Random& random) {
        SplitQuestion question{.conditions = oracle::random_conditions(random)};
        question.limits.use = static_cast<SplitUse>(random.below(3));
        const SplitTable table(network.graph, question, wide());
        EXPECT_TRUE(table.is_exact());
        for (int i = 0; i < 20; ++i) {
            question.conditions = changed(question.conditions, random);
            const SplitResult searched = find_split(network.graph, question);
            const std::optional<std::size_t> decided = table.decide(question.conditions);
            ASSERT_EQ(decided.has_value(), searched.answer.has_value());
            if (!decided) continue;
            ASSERT_LT(*decided, table.envelope_size());
            const double latency = oracle::latency(table.entries()[*decided].sums, question.conditions);
            const double least = searched.answer->figures.latency.count();
            EXPECT_NEAR(latency, least, 1e-9 * std::max(least, 1e-3));
        }
    });
}

TEST(SplitTable, DecidingUnderMemoryLimitsEqualsEveryCut) {
    cases::on_random_networks(20, {.nodes_max = 9}, [](const Network& network, Random& random) {
        SplitQuestion question{.conditions = oracle::random_conditions(random)};
        question.limits.device_memory = Bytes(static_cast<std::int64_t>(random.below(12)));
        const SplitTable table(network.graph, question, wide());
        EXPECT_TRUE(table.is_exact());
        for (int i = 0; i < 10; ++i) {
            question.conditions = changed(question.conditions, random);
            const std::optional<double> least = oracle::least(network, question);
            const std::optional<std::size_t> decided = table.decide(question.conditions);
            ASSERT_EQ(decided.has_value(), least.has_value());
            if (!decided) continue;
            EXPECT_LE(table.entries()[*decided].sums.device_weights, *question.limits.device_memory);
            const double latency = oracle::latency(table.entries()[*decided].sums, question.conditions);
            EXPECT_NEAR(latency, *least, 1e-9 * std::max(*least, 1e-3));
        }
    });
}

/// On a chain every cut is a prefix, so whatever the transfer costs by its bytes, the frontier holds the best.
TEST(SplitTable, FrontierHoldsTheBestOfAChainForAnyTransferTimeThatGrowsWithBytes) {
    std::size_t entries = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const SplitGraph graph = cases::chain(40, seed, Pin::none);
        Random random(seed);
        const SplitQuestion question{.conditions = oracle::random_conditions(random)};
        const SplitTable table(graph, question, wide());
        const double step = 50 + 500 * random.uniform();
        const double slowdown = 0.25 + 7 * random.uniform();
        const auto cost = [&](const SplitSums& sums) {  // rounds of a window that doubles, as slow start does
            const double rounds = std::ceil(std::log2(static_cast<double>(sums.up.count()) / step + 1));
            return sums.device.count() + slowdown * sums.server.count() +
                   (sums.offloads() ? 0.02 + 0.03 * rounds : 0.0);
        };
        double best = 1e300, best_known = 1e300;
        for (std::size_t prefix = 0; prefix <= graph.node_count(); ++prefix) {
            std::vector<Tier> tiers(graph.node_count(), Tier::server);
            std::fill_n(tiers.begin(), prefix, Tier::device);
            best = std::min(best, cost(sums_of(graph, tiers)));
        }
        for (const SplitTable::Entry& entry : table.entries()) best_known = std::min(best_known, cost(entry.sums));
        EXPECT_NEAR(best_known, best, 1e-12) << seed;
        entries += table.entries().size();
    }
    EXPECT_LT(entries, 200u * 15u) << "a frontier that holds most cuts is none";
}

TEST(SplitTable, EntriesSayWhatTheyAre) {
    const SplitGraph graph = cases::chain(12, 3, Pin::none);
    Random random(1);
    const SplitTable table(graph, {.conditions = oracle::random_conditions(random)}, wide());
    ASSERT_GT(table.envelope_size(), 2u);
    for (const SplitTable::Entry& entry : table.entries()) {
        EXPECT_TRUE(is_forward(graph, entry.cut.tiers));
        EXPECT_EQ(entry.sums, sums_of(graph, entry.cut.tiers));
        EXPECT_EQ(entry.cut.up.size(), entry.sums.offloads() ? 1u : 0u);
    }
}

TEST(SplitTable, RefusesLimitsThatMoveWithTheLinkAndRangesThatEndEarly) {
    const SplitGraph graph = cases::chain(5, 1, Pin::none);
    Random random(1);
    SplitQuestion question{.conditions = oracle::random_conditions(random)};
    EXPECT_THROW(SplitTable(graph, question, {.up_min = bytes_per_second(2), .up_max = bytes_per_second(1)}), Error);
    EXPECT_THROW(SplitTable(graph, question, {.up_min = bytes_per_second(0)}), Error);
    question.limits.deadline = 1_s;
    EXPECT_THROW(SplitTable(graph, question, wide()), Error);
}

}  // namespace
}  // namespace breakeven
