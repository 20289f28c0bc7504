// SplitTable: the few cuts worth knowing of a network, so that deciding again for a new link or load is a look-up.
// Two sets of cuts, found once:
//   the envelope  every cut that is the fastest somewhere in the range of uplink rates and server slow-downs, found by
//                 asking the exact search at each corner of the cuts' regions until no answer is new (Eisner &
//                 Severance 1976 for one parameter, here two). Where is_exact(), decide() equals the search everywhere
//                 in the range, for any round trip and queue, at the table's downlink rate; at any downlink rate if
//                 all offloading cuts bring back the same bytes.
//   the frontier  of all prefix cuts, those that the envelope does not make needless: each is the fastest, or takes the
//                 device's least energy, at some slow-down in the range under some transfer time that grows with bytes.
//                 They are the cuts to measure, and to weigh by a transfer model that is not linear. On a chain nothing
//                 else can win; elsewhere a cut that is neither a prefix nor on the envelope might.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "breakeven/plan/split_search.h"

namespace breakeven {

struct SplitRange {
    BytesPerSecond up_min = megabits_per_second(0.05);
    BytesPerSecond up_max = megabits_per_second(10'000);
    double slowdown_min = 1;
    double slowdown_max = 16;
};

class SplitTable final {
   public:
    /// `question`: the conditions (of which uplink, round trip, queue and slow-down may change later), and limits on
    /// memory and use; its goal is latency. The table keeps no reference to the graph.
    SplitTable(const SplitGraph& graph, const SplitQuestion& question, const SplitRange& range);

    struct Entry {
        SplitSums sums;
        SplitCut cut;
    };
    /// Cuts on the envelope come first, then the rest of the frontier.
    std::span<const Entry> entries() const { return entries_; }
    std::size_t envelope_size() const { return envelope_size_; }
    bool is_exact() const { return is_exact_; }

    /// The entry with the least latency; nothing if no cut keeps pins and limits. Under a microsecond.
    std::optional<std::size_t> decide(const SplitConditions& conditions) const;

   private:
    void add_envelope(const SplitGraph& graph, const SplitQuestion& question, const SplitRange& range);
    void add_frontier(const SplitGraph& graph, const SplitQuestion& question, const SplitRange& range);
    bool add(const SplitGraph& graph, const std::vector<Tier>& tiers);
    void lay_out();

    std::vector<Entry> entries_;
    std::size_t envelope_size_ = 0;
    bool is_exact_ = true;
    /// The envelope's offloading cuts, side by side for the look-up; all on the device apart, for it has no round trip.
    struct Line {
        double device;
        double server;
        double up;
        double down;
    };
    std::vector<Line> lines_;
    std::vector<std::uint32_t> line_entries_;
    std::optional<std::uint32_t> local_entry_;
};

}  // namespace breakeven
