// The envelope by corners of regions, the frontier by elimination.
#include "breakeven/plan/split_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>

#include "breakeven/error.h"
#include "breakeven/plan/split_prefixes.h"

namespace breakeven {
namespace {

/// More cuts than this make no look-up; networks have tens. Beyond it the table says that it is not exact.
constexpr std::size_t envelope_max = 512;
constexpr std::size_t frontier_max = 2048;
/// Costs this close are the same cost.
constexpr double rounding = 1e-11;

/// A condition as the envelope sees it: slow-down and seconds per byte.
struct Point {
    double slowdown;
    double per_byte;
};

/// Latency without what all offloading cuts pay alike: offset + slowdown * server + per_byte * up.
struct Plane {
    double offset;
    double server;
    double up;
    double at(Point point) const { return offset + point.slowdown * server + point.per_byte * up; }
};

Plane plane_of(const SplitSums& sums, const SplitConditions& conditions) {
    return {.offset = sums.device.count() + (sums.down / conditions.down).count(),
            .server = sums.server.count(),
            .up = static_cast<double>(sums.up.count())};
}

/// Cuts a polygon down to where `plane` is no dearer than `other` (Sutherland & Hodgman 1974, one edge).
std::vector<Point> clip(const std::vector<Point>& polygon, const Plane& plane, const Plane& other) {
    std::vector<Point> inside;
    for (std::size_t i = 0; i < polygon.size(); ++i) {
        const Point here = polygon[i];
        const Point next = polygon[(i + 1) % polygon.size()];
        const double excess_here = plane.at(here) - other.at(here);
        const double excess_next = plane.at(next) - other.at(next);
        if (excess_here <= 0) inside.push_back(here);
        if ((excess_here < 0 && excess_next > 0) || (excess_here > 0 && excess_next < 0)) {
            const double share = excess_here / (excess_here - excess_next);
            inside.push_back({.slowdown = here.slowdown + share * (next.slowdown - here.slowdown),
                              .per_byte = here.per_byte + share * (next.per_byte - here.per_byte)});
        }
    }
    return inside;
}

/// Finds the fastest offloading cut at a point; keeps count of what it may spend.
class Oracle {
   public:
    Oracle(const SplitGraph& graph, const SplitQuestion& question)
        : graph_(graph), question_(question), search_(graph, graph.pins()) {
        question_.goal = SplitGoal::latency;
        question_.limits.use = std::max(question_.limits.use, SplitUse::offload);
        is_limited_ = question.limits.device_memory || question.limits.server_memory;
    }
    bool is_exact = true;

    std::optional<std::vector<Tier>> fastest(Point point) {
        question_.conditions.server_slowdown = point.slowdown;
        question_.conditions.up = bytes_per_second(1 / point.per_byte);
        if (++asked_ > question_.searches_max) {
            is_exact = false;
            return std::nullopt;
        }
        if (is_limited_) {
            SplitResult result = find_split(graph_, question_);
            is_exact = is_exact && result.is_complete && (!result.answer || result.answer->is_exact());
            if (!result.answer) return std::nullopt;
            return std::move(result.answer->cut.tiers);
        }
        SplitEffort effort;
        boundary_costs(graph_, latency_prices(question_.conditions), costs_);
        std::optional<BoundaryCut> cut = search_.solve(costs_, question_.limits.use, effort);
        if (!cut) return std::nullopt;
        return std::move(cut->tiers);
    }

   private:
    const SplitGraph& graph_;
    SplitQuestion question_;
    BoundarySearch search_;
    BoundaryCosts costs_;
    std::size_t asked_ = 0;
    bool is_limited_ = false;
};

bool fits(const SplitSums& sums, const SplitLimits& limits) {
    return is_used(sums, limits.use) && (!limits.device_memory || sums.device_weights <= *limits.device_memory) &&
           (!limits.server_memory || sums.server_weights <= *limits.server_memory);
}

/// Slow-downs, from one to another.
struct Span {
    double from;
    double to;
    void keep_below(double offset, double slope) {  // where offset + slope * slowdown < 0
        if (slope > 0) to = std::min(to, -offset / slope);
        if (slope < 0) from = std::max(from, -offset / slope);
        if (slope == 0 && offset >= 0) to = from;
    }
    bool is_empty() const { return from >= to; }
};

/// Whether a cut is less than all `others` that send no more than it, in time or in energy without the link's share,
/// at some slow-down they share. If not, one of them is at least as good whatever its bytes cost.
bool is_worth_knowing(const SplitSums& sums, std::span<const SplitSums> others, const SplitRange& range, Watts idle) {
    Span time{range.slowdown_min, range.slowdown_max * (1 + rounding) + rounding};
    Span energy = time;
    for (const SplitSums& other : others) {
        if (other.up > sums.up || other.down > sums.down || (other.offloads() && !sums.offloads())) continue;
        const double server = (sums.server - other.server).count();
        time.keep_below((sums.device - other.device).count(), server);
        energy.keep_below((sums.device_energy - other.device_energy).in(joules), idle.in(watts)*server);
        if (time.is_empty() && energy.is_empty()) return false;
    }
    return true;
}

}  // namespace

SplitTable::SplitTable(const SplitGraph& graph, const SplitQuestion& question, const SplitRange& range) {
    check(question.conditions);
    if (question.limits.deadline || question.limits.energy) {
        throw Error(ErrorKind::usage, "tabulate the splits of a network",
                    "limits on latency or energy change with the link; hold them against the decision instead");
    }
    for (const BytesPerSecond rate : {range.up_min, range.up_max}) {
        SplitConditions edge = question.conditions;
        edge.up = rate;
        edge.server_slowdown = rate == range.up_min ? range.slowdown_min : range.slowdown_max;
        check(edge);
    }
    if (range.up_max < range.up_min || range.slowdown_max < range.slowdown_min || !std::isfinite(range.slowdown_max)) {
        throw Error(ErrorKind::usage, "tabulate the splits of a network", "a range ends before it begins");
    }
    add_envelope(graph, question, range);
    envelope_size_ = entries_.size();
    lay_out();
    add_frontier(graph, question, range);
}

bool SplitTable::add(const SplitGraph& graph, const std::vector<Tier>& tiers) {
    const SplitSums sums = sums_of(graph, tiers);
    const bool is_known =
        std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.sums == sums; });
    if (!is_known) entries_.push_back({.sums = sums, .cut = cut_of(graph, tiers)});
    return !is_known;
}

void SplitTable::add_envelope(const SplitGraph& graph, const SplitQuestion& question, const SplitRange& range) {
    const std::vector<Tier> local(graph.node_count(), Tier::device);
    if (is_forward(graph, local) && fits(sums_of(graph, local), question.limits)) add(graph, local);
    const std::size_t offloading = entries_.size();
    const double dear = 1 / range.up_min.in(bytes_per_second);
    const double cheap = 1 / range.up_max.in(bytes_per_second);
    const std::vector<Point> box = {{range.slowdown_min, cheap},
                                    {range.slowdown_max, cheap},
                                    {range.slowdown_max, dear},
                                    {range.slowdown_min, dear}};
    Oracle oracle(graph, question);
    std::vector<Plane> planes;
    const auto learn = [&](Point point) {
        const std::optional<std::vector<Tier>> tiers = oracle.fastest(point);
        if (!tiers || !add(graph, *tiers)) return false;
        planes.push_back(plane_of(entries_.back().sums, question.conditions));
        return true;
    };
    for (const Point corner : box) learn(corner);
    // The least of all cuts' planes lies nowhere above the known ones' and is concave between the corners of their
    // regions; so where it agrees at every corner, it agrees everywhere. A corner belongs to several regions and is
    // asked for when the last of their planes has its turn, all others known.
    for (std::size_t k = 0; k < planes.size() && oracle.is_exact && entries_.size() < envelope_max; ++k) {
        std::vector<Point> region = box;
        for (std::size_t other = 0; other < planes.size() && !region.empty(); ++other) {
            if (other != k) region = clip(region, planes[k], planes[other]);
        }
        for (const Point corner : region) learn(corner);
    }
    is_exact_ = oracle.is_exact && entries_.size() < envelope_max && entries_.size() >= offloading;
}

void SplitTable::lay_out() {
    for (std::uint32_t i = 0; i < envelope_size_; ++i) {
        const SplitSums& sums = entries_[i].sums;
        if (!sums.offloads()) {
            local_entry_ = i;
            continue;
        }
        lines_.push_back({.device = sums.device.count(),
                          .server = sums.server.count(),
                          .up = static_cast<double>(sums.up.count()),
                          .down = static_cast<double>(sums.down.count())});
        line_entries_.push_back(i);
    }
}

std::optional<std::size_t> SplitTable::decide(const SplitConditions& conditions) const {
    const double slowdown = conditions.server_slowdown;
    const double up = 1 / conditions.up.in(bytes_per_second);
    const double down = 1 / conditions.down.in(bytes_per_second);
    double least = std::numeric_limits<double>::infinity();
    std::size_t best = lines_.size();
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        const Line& line = lines_[i];
        const double cost = line.device + slowdown * line.server + up * line.up + down * line.down;
        best = cost < least ? i : best;
        least = cost < least ? cost : least;
    }
    least += (conditions.round_trip + conditions.queue).count();
    if (local_entry_ && entries_[*local_entry_].sums.device.count() <= least) return *local_entry_;
    if (best == lines_.size()) return std::nullopt;
    return line_entries_[best];
}

void SplitTable::add_frontier(const SplitGraph& graph, const SplitQuestion& question, const SplitRange& range) {
    const SplitOrder order(graph, graph.pins());
    if (!order.is_possible()) return;
    const std::vector<SplitSums> sums = prefix_sums(graph, order);
    std::vector<std::size_t> prefixes;
    for (std::size_t k = 0; k < sums.size(); ++k) {
        if (fits(sums[k], question.limits)) prefixes.push_back(k);
    }
    // Fewest bytes first: what sends more must be better in another way.
    const auto key = [&](std::size_t k) { return std::tuple(sums[k].up, sums[k].down, sums[k].device, k); };
    std::sort(prefixes.begin(), prefixes.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    std::vector<SplitSums> known;
    for (const Entry& entry : entries_) known.push_back(entry.sums);
    for (const std::size_t k : prefixes) {
        if (known.size() >= frontier_max) break;
        if (!is_worth_knowing(sums[k], known, range, question.conditions.device_idle)) continue;
        known.push_back(sums[k]);
        add(graph, prefix_tiers(order, k));
    }
}

}  // namespace breakeven
