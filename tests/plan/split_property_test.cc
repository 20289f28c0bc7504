// What must hold of any split: by hand on small networks, and as the world changes on random ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "breakeven/error.h"
#include "breakeven/plan/split_search.h"
#include "tests/plan/split_cases.h"
#include "tests/plan/split_oracle.h"

namespace breakeven {
namespace {

using namespace literals;
using oracle::Network;
using ::testing::ElementsAre;

SplitConditions link(BytesPerSecond rate, Seconds round_trip) {
    return {.up = rate, .down = rate, .round_trip = round_trip};
}

double least_latency(const SplitGraph& graph, const SplitConditions& conditions) {
    return find_split(graph, {.conditions = conditions}).answer->figures.latency.count();
}

constexpr oracle::Shape without_pins{.nodes_max = 30, .pins = false};

TEST(SplitProperty, ATensorWithManyConsumersCrossesOnce) {
    for (const int consumers : {1, 2, 7}) {
        SplitGraph graph;
        const SplitTensorId input = graph.add_input({.size = 1_kB * 100});
        const SplitTensor small{.size = 1_kB};
        graph.add_node({.device = 1_ms, .server = 1_ms}, {{input}}, {{small}});
        for (int i = 0; i < consumers; ++i) {
            graph.add_node({.device = 1_s, .server = 1_ms}, {{SplitTensorId{1}}}, {});
        }
        const SplitResult result = find_split(graph, {.conditions = link(megabytes_per_second(1), 1_ms)});
        ASSERT_TRUE(result.answer);
        EXPECT_THAT(result.answer->cut.up, ElementsAre(SplitTensorId{1}));
        EXPECT_EQ(result.answer->sums.up, 1_kB);
        EXPECT_NEAR(result.answer->figures.latency.count(), 0.001 + 0.001 + 0.001 + 0.001 * consumers, 1e-12);
    }
}

TEST(SplitProperty, AnEndlessLinkWithoutDelayGivesTheFasterTier) {
    cases::on_random_networks(4, without_pins, [](Network network, Random&) {
        SplitGraph graph;
        double server = 0;
        graph.add_input({.size = 1_kB});
        for (std::size_t v = 0; v < network.nodes.size(); ++v) {  // the same network, the server always faster
            SplitNode node = network.nodes[v];
            node.server = node.device / 2;
            server += node.server.count();
            const std::vector<SplitTensorId> needs{SplitTensorId(v / 2)};
            graph.add_node(node, needs, {{{.size = 1_kB}}});
        }
        const double endless = std::numeric_limits<double>::infinity();
        EXPECT_NEAR(least_latency(graph, link(bytes_per_second(endless), 0_s)), server, 1e-12 * (1 + server));
    });
}

TEST(SplitProperty, AUselessLinkGivesTheDevice) {
    cases::on_random_networks(4, without_pins, [](const Network& network, Random&) {
        const SplitResult result =
            find_split(network.graph, {.conditions = link(bytes_per_second(0.01), Seconds(1e8))});
        ASSERT_TRUE(result.answer);
        EXPECT_EQ(result.answer->sums.server_nodes, 0u);
        EXPECT_TRUE(result.answer->cut.up.empty());
        EXPECT_EQ(result.answer->sums.down, 0_B);
    });
}

TEST(SplitProperty, AWorseWorldIsNeverFaster) {
    cases::on_random_networks(2, {.nodes_max = 30}, [](const Network& network, Random& random) {
        const SplitConditions now = oracle::random_conditions(random);
        if (!find_split(network.graph, {.conditions = now}).answer) return;
        const double latency = least_latency(network.graph, now);
        const double slack = 1e-12 * (1 + latency);
        for (int what = 0; what < 5; ++what) {
            SplitConditions worse = now;
            if (what == 0) worse.up = now.up / 2;
            if (what == 1) worse.down = now.down / 2;
            if (what == 2) worse.round_trip += 1_s;
            if (what == 3) worse.queue += 1_s;
            if (what == 4) worse.server_slowdown *= 2;
            EXPECT_GE(least_latency(network.graph, worse), latency - slack) << what;
        }
    });
}

TEST(SplitProperty, LargerTensorsAreNeverFaster) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        Random first(seed), second(seed), conditions(seed);
        SplitGraph graph, larger;
        const SplitConditions now = oracle::random_conditions(conditions);
        for (SplitGraph* each : {&graph, &larger}) {
            Random& random = each == &graph ? first : second;
            const std::int64_t factor = each == &graph ? 1 : 3;
            each->add_input({.size = 50_B * factor});
            for (std::size_t v = 0; v < 40; ++v) {
                const std::vector<SplitTensorId> needs{SplitTensorId(v),
                                                       SplitTensorId(v - std::min(v, random.below(5)))};
                each->add_node({.device = Seconds(random.uniform()), .server = Seconds(random.uniform() / 3)}, needs,
                               {{{.size = Bytes(static_cast<std::int64_t>(100 * random.exponential())) * factor}}});
            }
        }
        EXPECT_LE(least_latency(graph, now), least_latency(larger, now) * (1 + 1e-12)) << "seed " << seed;
    }
}

TEST(SplitProperty, APrivateInputNeverLeaves) {
    SplitGraph graph;
    const SplitTensorId picture = graph.add_input({.size = 1_B}, Privacy::on_device);
    graph.add_node({.device = 1_s, .server = 0_s}, {{picture}}, {{{.size = 1_kB}}});
    graph.add_node({.device = 1_s, .server = 0_s}, {{SplitTensorId{1}}}, {{{.size = 1_kB}}});
    const SplitResult result = find_split(graph, {.conditions = link(megabytes_per_second(1), 1_ms)});
    ASSERT_TRUE(result.answer);
    EXPECT_THAT(result.answer->cut.tiers, ElementsAre(Tier::device, Tier::server));
    EXPECT_THAT(result.answer->cut.up, ElementsAre(SplitTensorId{1}));
}

TEST(SplitProperty, AModelTooLargeForEitherSideRunsSplit) {
    const SplitNode node{.device = 1_s, .server = 1_ms, .weights = 10_MiB};
    SplitGraph graph;
    graph.add_input({.size = 1_kB});
    for (std::uint32_t v = 0; v < 4; ++v) graph.add_node(node, {{SplitTensorId{v}}}, {{{.size = 1_kB}}});
    SplitQuestion question{.conditions = link(megabytes_per_second(1), 1_ms)};
    question.limits = {.device_memory = 30_MiB, .server_memory = 20_MiB};
    const SplitResult result = find_split(graph, question);
    ASSERT_TRUE(result.answer);
    EXPECT_EQ(result.answer->sums.device_nodes, 2u);
    EXPECT_TRUE(result.answer->is_exact());
    question.limits.device_memory = 10_MiB;
    const SplitResult impossible = find_split(graph, question);
    EXPECT_FALSE(impossible.answer);
    EXPECT_TRUE(impossible.is_complete);
}

/// Branches side by side under a memory limit are a knapsack; with few searches the answer must own up to its gap.
TEST(SplitProperty, AnAnswerThatIsNotProvedSaysHowFarItCanBeOff) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Random random(seed);
        SplitGraph graph;
        graph.add_input({.size = 10_B});
        std::int64_t weights = 0;
        for (int v = 0; v < 30; ++v) {
            const std::int64_t size = 100 + static_cast<std::int64_t>(random.below(900));
            weights += size;
            graph.add_node(
                {.device = Seconds(random.uniform() / 10), .server = Seconds(random.uniform()), .weights = Bytes(size)},
                {{SplitTensorId{0}}}, {{{.size = 1_B}}});
        }
        SplitQuestion question{.conditions = link(bytes_per_second(1000), 0_s)};
        question.limits.device_memory = Bytes(weights / 2);
        question.searches_max = 20;
        const SplitResult few = find_split(graph, question);
        question.searches_max = 20'000;
        const SplitResult many = find_split(graph, question);
        ASSERT_TRUE(few.answer && many.answer) << seed;
        const double found = few.answer->figures.latency.count();
        const double better = many.answer->figures.latency.count();
        EXPECT_LE(better, found);
        EXPECT_GE(better * (1 + 1e-9), found * (1 - few.answer->gap)) << seed;
        EXPECT_LE(few.answer->sums.device_weights, *question.limits.device_memory);
        EXPECT_LT(few.effort.searches, 100u);
    }
}

TEST(SplitProperty, EmptyAndLooseNetworksHaveAnswers) {
    const SplitConditions conditions = link(megabytes_per_second(1), 1_ms);
    EXPECT_TRUE(find_split(SplitGraph(), {.conditions = conditions}).answer);
    SplitGraph loose;
    for (int v = 0; v < 300; ++v) loose.add_node({.device = 1_s, .server = 2_s}, {}, {});
    SplitQuestion question{.conditions = conditions};
    question.limits.use = SplitUse::split;
    EXPECT_NEAR(find_split(loose, question).answer->figures.latency.count(), 301.001, 1e-9);
    question.limits.use = SplitUse::any;
    EXPECT_NEAR(find_split(loose, question).answer->figures.latency.count(), 300, 1e-9);
}

TEST(SplitProperty, RefusesWhatCannotBe) {
    SplitGraph graph;
    const SplitTensorId input = graph.add_input({.size = 1_B}, Privacy::on_device);
    EXPECT_THROW(graph.add_node({.device = Seconds(-1)}, {}, {}), Error);
    EXPECT_THROW(graph.add_node({.device = Seconds(std::nan(""))}, {}, {}), Error);
    EXPECT_THROW(graph.add_node({}, {{SplitTensorId{1}}}, {}), Error);
    EXPECT_THROW(graph.add_node({.pin = Pin::server}, {{input}}, {}), Error);
    EXPECT_THROW(graph.add_input({.size = Bytes(-1)}), Error);
    EXPECT_THROW(graph.mark_output(SplitTensorId{9}), Error);
    EXPECT_EQ(graph.node_count(), 0u);
    EXPECT_THROW(find_split(graph, {.conditions = link(bytes_per_second(0), 1_ms)}), Error);
    EXPECT_THROW(find_split(graph, {.conditions = link(bytes_per_second(1), Seconds(std::nan("")))}), Error);
}

}  // namespace
}  // namespace breakeven
