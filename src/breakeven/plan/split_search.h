// The split search: which nodes run on the device and which across a link, exactly, for what is asked.
// Times are sums over nodes, so the fused parts should be measured before a cut is believed; the search says where to
// look. Transfers cost bytes over rate here; where they do not (TCP's slow start), weigh the cuts of SplitTable.
//
// What is exact, on any graph:
//   latency, energy, bytes    one minimum cut (after Hu et al. 2019, DADS, and Zhang et al. 2020, QDMP);
//   energy-delay product      the product of two such sums is least at a vertex of the lower left hull of all cuts'
//                             (latency, energy): beyond the curve latency * energy = c lies a convex set, so if it
//                             holds all vertices it holds all cuts. The vertices are found one by one, each by a
//                             minimum cut (Eisner & Severance 1976);
//   period, and any goal under limits on memory, latency or energy
//                             NP-hard in general (a knapsack with precedences), so: all prefix cuts of the running
//                             order, then branch and bound with Lagrangian bounds, until proved or `searches_max` is
//                             spent. The answer says which, and how far from the best it can be at most.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "breakeven/plan/boundary_search.h"
#include "breakeven/plan/split_graph.h"
#include "breakeven/plan/split_prices.h"

namespace breakeven {

enum class SplitGoal : std::uint8_t { latency, energy, energy_delay, bytes, period };

/// The world around the graph. Rates must be positive; an endless one costs nothing.
struct SplitConditions {
    BytesPerSecond up;
    BytesPerSecond down;
    Seconds round_trip{};
    Seconds queue{};               ///< before the server begins
    double server_slowdown = 1;    ///< times the nodes' server times
    std::size_t server_lanes = 1;  ///< inferences that the server runs side by side, for the period
    Watts device_idle{};           ///< while the link or the server works
    JoulesPerByte up_energy{};
    JoulesPerByte down_energy{};
    Joules radio_tail{};  ///< once an offload
};

/// A part's weights must fit where it runs (activations are the caller's to subtract).
struct SplitLimits {
    std::optional<Bytes> device_memory = {};
    std::optional<Bytes> server_memory = {};
    std::optional<Seconds> deadline = {};
    std::optional<Joules> energy = {};
    SplitUse use = SplitUse::any;
};

/// How many minimum cuts of the whole graph a question without a polynomial answer may take: a larger number proves
/// more and takes longer; at 1,000 nodes one takes about 0.1 ms.
inline constexpr std::size_t split_searches_max = 3000;

struct SplitQuestion {
    SplitGoal goal = SplitGoal::latency;
    SplitConditions conditions = {};
    SplitLimits limits = {};
    std::size_t searches_max = split_searches_max;
};

struct SplitFigures {
    Seconds latency;
    Joules energy;   ///< the device's
    Seconds period;  ///< between inferences that follow one another through device, link and server
    Bytes up;
    Bytes down;
    JouleSeconds energy_delay() const { return energy * latency; }
};

/// Latency  D + f S + up / B_up + down / B_down + [offload] (RTT + queue)
/// Energy   E_D + P_idle * (latency - D) + up * e_up + down * e_down + [offload] tail
/// Period   max(D, up / B_up, down / B_down, f S / lanes)
SplitFigures figures_of(const SplitSums& sums, const SplitConditions& conditions);
SplitPrices latency_prices(const SplitConditions& conditions);
SplitPrices energy_prices(const SplitConditions& conditions);
/// Device, uplink, downlink, server: the period is the largest of the four.
std::vector<SplitPrices> stage_prices(const SplitConditions& conditions);
/// Throws Error{usage} for a rate that is not positive, or a time or factor that is negative or not a number.
void check(const SplitConditions& conditions);

struct SplitAnswer {
    SplitCut cut;
    SplitSums sums;
    SplitFigures figures;
    /// At most this share of its figure could be saved by a better cut. 0: proved to be the best.
    double gap = 0;
    bool is_exact() const { return gap == 0; }
};

struct SplitResult {
    std::optional<SplitAnswer> answer;
    /// Without an answer: whether it is proved that no cut keeps pins and limits.
    bool is_complete = true;
    SplitEffort effort;
};

SplitResult find_split(const SplitGraph& graph, const SplitQuestion& question);

}  // namespace breakeven
