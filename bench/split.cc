// The split search, cold, on one thread: from a graph of measured nodes to the exact answer, over several families of
// networks and from links too slow to use to links that hardly matter; and deciding again from the table.
// Floor: one pass over the same graph that only adds up its nodes and what they need.
// Usage: bench_split [nodes...]   (10000 and 100000 unless told)
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/plan/split_search.h"
#include "breakeven/plan/split_table.h"
#include "breakeven/time/random.h"

namespace {

using namespace breakeven;
using Clock = std::chrono::steady_clock;

/// Builds a network node by node: each node makes one tensor.
class Builder {
   public:
    Builder(std::size_t nodes, std::uint64_t seed) : nodes_(nodes), random_(seed) {
        tensors_.push_back(graph_.add_input({.size = Bytes(600'000)}));
    }
    Random& random() { return random_; }
    std::size_t made() const { return graph_.node_count(); }
    bool is_done() const { return made() >= nodes_; }
    /// Newest first: 0 is what the newest node made.
    std::size_t ago(std::size_t steps) const { return tensors_.size() - 1 - std::min(steps, tensors_.size() - 1); }

    /// A node that needs these tensors and makes one; returns its place. A device is about 8 times slower than the
    /// server; sizes fall with depth, as in a classifier, and scatter by `scatter` (a lognormal's sigma).
    std::size_t add(const std::vector<std::size_t>& needs, double scatter = 0.5) {
        std::vector<SplitTensorId> ids;
        for (const std::size_t need : needs) ids.push_back(tensors_[need]);
        const double depth = static_cast<double>(made()) / static_cast<double>(nodes_);
        const double size = 800'000 * std::exp(-5 * depth + scatter * random_.normal());
        const double work = random_.exponential() / static_cast<double>(nodes_);
        const SplitTensor tensor{.size = Bytes(1 + static_cast<std::int64_t>(std::min(size, 1e9)))};
        graph_.add_node({.device = Seconds(work), .server = Seconds(work / 8 * std::exp(0.5 * random_.normal()))}, ids,
                        std::vector{tensor});
        tensors_.push_back(SplitTensorId(tensors_.size()));
        return tensors_.size() - 1;
    }
    SplitGraph finish() {
        graph_.mark_output(tensors_.back());
        return std::move(graph_);
    }

   private:
    std::size_t nodes_;
    Random random_;
    SplitGraph graph_;
    std::vector<SplitTensorId> tensors_;
};

SplitGraph chain(std::size_t nodes, std::uint64_t seed) {
    Builder build(nodes, seed);
    while (!build.is_done()) build.add({build.ago(0)});
    return build.finish();
}

SplitGraph residual(std::size_t nodes, std::uint64_t seed) {
    Builder build(nodes, seed);
    while (!build.is_done()) {
        const std::size_t entry = build.ago(0);
        const std::size_t exit = build.add({build.add({build.add({entry})})});
        const std::size_t skip = build.random().below(4) == 0 ? build.add({entry}) : entry;
        build.add({exit, skip});
    }
    return build.finish();
}

SplitGraph inception(std::size_t nodes, std::uint64_t seed) {
    Builder build(nodes, seed);
    while (!build.is_done()) {
        const std::size_t entry = build.ago(0);
        std::vector<std::size_t> ends;
        for (int branch = 0; branch < 4; ++branch) {
            std::size_t end = entry;
            for (std::uint64_t i = 1 + build.random().below(5); i > 0; --i) end = build.add({end});
            ends.push_back(end);
        }
        build.add(ends);
    }
    return build.finish();
}

/// Each node needs one to three of the last `window` tensors; sizes have a heavy tail.
SplitGraph random_sparse(std::size_t nodes, std::uint64_t seed, std::size_t window) {
    Builder build(nodes, seed);
    std::vector<bool> used{true};
    while (!build.is_done()) {
        std::vector<std::size_t> needs;
        for (std::uint64_t i = 1 + build.random().below(3); i > 0; --i) {
            needs.push_back(build.ago(build.random().below(window)));
        }
        // What leaves the window unused is used now: networks compute nothing for nobody.
        if (build.made() >= window && !used[build.ago(window - 1)]) needs.push_back(build.ago(window - 1));
        for (const std::size_t need : needs) used[need] = true;
        build.add(needs, 2.0);
        used.push_back(false);
    }
    std::vector<std::size_t> loose;
    for (std::size_t i = 0; i < used.size(); ++i) {
        if (!used[i]) loose.push_back(i);
    }
    build.add(loose);
    return build.finish();
}

/// An encoder whose every fourth tensor is needed again by the mirrored place of the decoder; dense blocks on the way.
SplitGraph skips(std::size_t nodes, std::uint64_t seed) {
    Builder build(nodes, seed);
    std::vector<std::size_t> kept;
    while (build.made() < nodes / 2) {
        std::vector<std::size_t> needs{build.ago(0)};
        for (std::size_t i = 1; i < 1 + build.made() % 6; ++i) needs.push_back(build.ago(i));
        build.add(needs);
        if (build.made() % 4 == 0) kept.push_back(build.ago(0));
    }
    while (!build.is_done()) {
        std::vector<std::size_t> needs{build.ago(0)};
        if (build.made() % 4 == 0 && !kept.empty()) {
            needs.push_back(kept.back());
            kept.pop_back();
        }
        build.add(needs);
    }
    return build.finish();
}

/// Two deep branches from one input that meet at the very end: no pivot between.
SplitGraph towers(std::size_t nodes, std::uint64_t seed) {
    Builder build(nodes, seed);
    std::size_t left = build.add({0});
    std::size_t right = build.add({0});
    while (build.made() + 2 < nodes) {
        left = build.add({left});
        right = build.add({right});
    }
    build.add({left, right});
    return build.finish();
}

SplitGraph sparse_4(std::size_t nodes, std::uint64_t seed) {
    return random_sparse(nodes, seed, 4);
}
SplitGraph sparse_16(std::size_t nodes, std::uint64_t seed) {
    return random_sparse(nodes, seed, 16);
}
SplitGraph sparse_1000(std::size_t nodes, std::uint64_t seed) {
    return random_sparse(nodes, seed, 1000);
}

struct Family {
    const char* name;
    SplitGraph (*make)(std::size_t, std::uint64_t);
};
constexpr Family families[] = {{"chain", chain},
                               {"residual", residual},
                               {"inception", inception},
                               {"sparse, 4 back", sparse_4},
                               {"sparse, 16 back", sparse_16},
                               {"sparse, 1000 back", sparse_1000},
                               {"U-Net and dense", skips},
                               {"two towers", towers}};

template <class Work>
double seconds_of(Work work) {
    const Clock::time_point start = Clock::now();
    work();
    return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

volatile double sink = 0;

double one_pass(const SplitGraph& graph) {
    return seconds_of([&] {
        double sum = 0;
        for (std::size_t v = 0; v < graph.node_count(); ++v) {
            sum += graph.nodes()[v].device.count();
            for (const SplitTensorId need : graph.needs(SplitNodeId(v))) {
                sum += static_cast<double>(graph.tensor(need).size.count());
            }
        }
        sink = sum;
    });
}

SplitConditions conditions_at(double megabits) {
    return {.up = megabits_per_second(megabits), .down = megabits_per_second(megabits), .round_trip = Seconds(0.01)};
}

void time_searches(const Family& family, std::size_t nodes) {
    std::vector<double> times, floors;
    std::size_t worst_blocks = 0, worst_nodes = 0, graphs = 0;
    double worst = 0, blocks = 0;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const SplitGraph graph = family.make(nodes, seed);
        ++graphs;
        for (double megabits = 0.5; megabits < 200; megabits *= 2) {
            SplitResult result;
            std::vector<double> repeats;
            std::vector<double> floor_repeats;
            for (int repeat = 0; repeat < 5; ++repeat) {
                floor_repeats.push_back(one_pass(graph));
                repeats.push_back(
                    seconds_of([&] { result = find_split(graph, {.conditions = conditions_at(megabits)}); }));
            }
            // Others on the machine only ever add to a time, so the least of a few is the search's own.
            times.push_back(*std::min_element(repeats.begin(), repeats.end()));
            floors.push_back(*std::min_element(floor_repeats.begin(), floor_repeats.end()));
            blocks += static_cast<double>(result.effort.blocks_solved);
            if (times.back() > worst) {
                worst = times.back();
                worst_blocks = result.effort.blocks_solved;
                worst_nodes = result.effort.nodes_solved;
            }
        }
    }
    std::printf("%-18s %7zu  %8.3f %8.3f   %5.1f   %6.1f %6zu %8zu\n", family.name, nodes, median(times) * 1e3,
                worst * 1e3, median(times) / median(floors), blocks / static_cast<double>(times.size()), worst_blocks,
                worst_nodes);
}

/// Decides for many links and loads in turn; batches, for one decision is shorter than the clock can tell.
void time_decisions(const Family& family, std::size_t nodes) {
    const SplitGraph graph = family.make(nodes, 1);
    const SplitQuestion question{.conditions = conditions_at(10)};
    std::optional<SplitTable> table;
    const double building = seconds_of([&] { table.emplace(graph, question, SplitRange()); });
    Random random(1);
    std::vector<SplitConditions> worlds;
    for (int i = 0; i < 1000; ++i) {
        worlds.push_back(conditions_at(0.05 * std::pow(2e5, random.uniform())));
        worlds.back().server_slowdown = 1 + 15 * random.uniform();
        worlds.back().round_trip = Seconds(0.1 * random.uniform());
    }
    std::vector<double> batches;
    for (int batch = 0; batch < 201; ++batch) {
        std::size_t sum = 0;
        batches.push_back(seconds_of([&] {
            for (const SplitConditions& world : worlds) sum += table->decide(world).value_or(0);
        }));
        sink = static_cast<double>(sum);
    }
    std::printf("%-18s %7zu  %8.1f  %7zu %8zu  %5s  %8.0f %8.0f\n", family.name, nodes, building * 1e3,
                table->envelope_size(), table->entries().size(), table->is_exact() ? "yes" : "no",
                median(batches) * 1e6, *std::max_element(batches.begin(), batches.end()) * 1e6);
}

}  // namespace

int main(int count, char** words) {
    std::vector<std::size_t> sizes;
    for (int i = 1; i < count; ++i) sizes.push_back(static_cast<std::size_t>(std::max(4L, std::atol(words[i]))));
    if (sizes.empty()) sizes = {10'000, 100'000};
    std::printf(
        "cold exact search, one thread; least of 5 runs; median and worst of 5 graphs x 9 links (0.5 to 128 Mbit/s)\n");
    std::printf("%-18s %7s  %8s %8s   %5s   %6s %6s %8s\n", "", "nodes", "median", "worst", "times", "blocks",
                "worst:", "nodes");
    std::printf("%-18s %7s  %8s %8s   %5s   %6s %6s %8s\n", "", "", "ms", "ms", "floor", "solved", "blocks", "in cuts");
    for (const std::size_t nodes : sizes) {
        for (const Family& family : families) time_searches(family, nodes);
    }
    std::printf("\ndeciding again: batches of 1000 worlds (0.05 to 10000 Mbit/s, slow-down 1 to 16)\n");
    std::printf("%-18s %7s  %8s  %7s %8s  %5s  %8s %8s\n", "", "nodes", "built ms", "fastest", "all cuts", "exact",
                "median", "worst ns");
    for (const std::size_t nodes : {std::size_t{100}, std::size_t{1000}}) {
        for (const Family& family : families) time_decisions(family, nodes);
    }
    return 0;
}
