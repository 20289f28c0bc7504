// Three tiers against every labelling of small random networks, and by what must hold of any answer.
#include "breakeven/plan/split_tiers.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/plan/split_cases.h"
#include "tests/plan/split_oracle.h"

namespace breakeven {
namespace {

using namespace literals;
using oracle::Network;

TiersQuestion random_question(Random& random) {
    const SplitConditions second = oracle::random_conditions(random);
    return {.goal = random.below(2) == 0 ? TiersGoal::latency : TiersGoal::energy,
            .edge = oracle::random_conditions(random),
            .cloud = {.up = second.up,
                      .down = second.down,
                      .round_trip = second.round_trip,
                      .queue = second.queue,
                      .slowdown = second.server_slowdown}};
}

/// Both figures of a labelling (0 device, 1 edge, 2 cloud), written out.
struct Figures {
    double latency = 0;
    double energy = 0;
};

Figures figures_of_labels(const Network& network, const TiersQuestion& question, const std::vector<int>& labels) {
    const SplitConditions& edge = question.edge;
    const CloudConditions& cloud = question.cloud;
    double device = 0, joule = 0, waiting = 0, up = 0, down = 0;
    int farthest = 0;
    for (std::size_t v = 0; v < labels.size(); ++v) {
        const SplitNode& node = network.nodes[v];
        const double bytes = static_cast<double>(network.down[v].count());
        farthest = std::max(farthest, labels[v]);
        if (labels[v] == 0) device += node.device.count();
        if (labels[v] == 0) joule += node.device_energy.in(joules);
        if (labels[v] == 1) waiting += edge.server_slowdown * node.server.count();
        if (labels[v] == 2) waiting += cloud.slowdown * node.cloud.count() + bytes / cloud.down.in(bytes_per_second);
        if (labels[v] > 0) down += bytes;
    }
    for (const Network::Tensor& tensor : network.tensors) {
        const int from = tensor.producer < 0 ? 0 : labels[static_cast<std::size_t>(tensor.producer)];
        int to = from;
        for (std::size_t v = 0; v < labels.size(); ++v) {
            if ((tensor.consumers >> v & 1) != 0) to = std::max(to, labels[v]);
        }
        const double bytes = static_cast<double>(tensor.numbers.size.count());
        if (from < 1 && to >= 1) {
            up += bytes;
            device += tensor.numbers.encode.count();
            joule += tensor.numbers.encode_energy.in(joules);
            waiting += edge.server_slowdown * tensor.numbers.decode.count();
        }
        if (from < 2 && to >= 2) waiting += bytes / cloud.up.in(bytes_per_second);
    }
    waiting += up / edge.up.in(bytes_per_second) + down / edge.down.in(bytes_per_second);
    if (farthest >= 1) waiting += (edge.round_trip + edge.queue).count();
    if (farthest >= 2) waiting += (cloud.round_trip + cloud.queue).count();
    joule += edge.device_idle.in(watts)*waiting + up * edge.up_energy.in(joules_per_byte) +
             down * edge.down_energy.in(joules_per_byte) + (farthest > 0 ? edge.radio_tail.in(joules) : 0.0);
    return {.latency = device + waiting, .energy = joule};
}

/// Every labelling in which nothing returns and pins hold.
std::optional<double> least_of_labels(const Network& network, const TiersQuestion& question) {
    std::optional<double> best;
    std::vector<int> labels(network.nodes.size());
    const auto extend = [&](auto&& self, std::size_t v) -> void {
        if (v == labels.size()) {
            const Figures figures = figures_of_labels(network, question, labels);
            const double cost = question.goal == TiersGoal::latency ? figures.latency : figures.energy;
            if (!best || cost < *best) best = cost;
            return;
        }
        int lowest = network.nodes[v].pin == Pin::server ? 1 : 0;
        const int highest = network.nodes[v].pin == Pin::device || network.private_user[v] ? 0 : 2;
        for (std::size_t u = 0; u < v; ++u) {
            if ((network.needs[v] >> u & 1) != 0) lowest = std::max(lowest, labels[u]);
        }
        for (labels[v] = lowest; labels[v] <= highest; ++labels[v]) self(self, v + 1);
    };
    extend(extend, 0);
    return best;
}

TEST(SplitTiers, EqualTheBestOfEveryLabelling) {
    cases::on_random_networks(2, {.nodes_max = 8}, [](const Network& network, Random& random) {
        const TiersQuestion question = random_question(random);
        const std::optional<double> least = least_of_labels(network, question);
        const std::optional<TiersAnswer> answer = find_split_over_three_tiers(network.graph, question);
        ASSERT_EQ(answer.has_value(), least.has_value());
        if (!least) return;
        ASSERT_TRUE(is_forward(network.graph, answer->cut.tiers));
        std::vector<int> labels;
        for (const Tier tier : answer->cut.tiers) labels.push_back(static_cast<int>(tier));
        const Figures figures = figures_of_labels(network, question, labels);
        EXPECT_NEAR(answer->latency.count(), figures.latency, 1e-9 * (1 + figures.latency));
        EXPECT_NEAR(answer->energy.in(joules), figures.energy, 1e-9 * (1 + figures.energy));
        const double found = question.goal == TiersGoal::latency ? figures.latency : figures.energy;
        EXPECT_NEAR(found, *least, 1e-9 * std::max(1e-3, *least));
    });
}

/// A chain has the linear form, but with a node pinned to where it runs anyway it goes through the stacked cut.
TEST(SplitTiers, PrefixFormAndStackedCutAgreeOnChains) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SplitGraph plain = cases::chain(30, seed, Pin::none);
        SplitGraph pinned = cases::chain(30, seed, Pin::server);
        Random random(seed);
        TiersQuestion question = random_question(random);
        question.goal = TiersGoal::latency;
        const std::optional<TiersAnswer> linear = find_split_over_three_tiers(plain, question);
        const std::optional<TiersAnswer> stacked = find_split_over_three_tiers(pinned, question);
        ASSERT_TRUE(linear && stacked) << seed;
        if (linear->cut.tiers.back() == Tier::device) {
            EXPECT_LE(linear->latency, stacked->latency) << seed;
        } else {
            EXPECT_NEAR(linear->latency.count(), stacked->latency.count(), 1e-9 * linear->latency.count()) << seed;
        }
    }
}

TEST(SplitTiers, NeverWorseThanTwo) {
    cases::on_random_networks(8, {.nodes_max = 30}, [](const Network& network, Random& random) {
        TiersQuestion question = random_question(random);
        question.goal = TiersGoal::latency;
        const std::optional<TiersAnswer> three = find_split_over_three_tiers(network.graph, question);
        const SplitResult two = find_split(network.graph, {.goal = SplitGoal::latency, .conditions = question.edge});
        ASSERT_EQ(three.has_value(), two.answer.has_value());
        if (!three) return;
        EXPECT_LE(three->latency.count(), two.answer->figures.latency.count() * (1 + 1e-12));
    });
}

}  // namespace
}  // namespace breakeven
