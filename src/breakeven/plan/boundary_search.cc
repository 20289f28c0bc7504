// Prefix scan, block bounds, and the minimum cut of what remains.
#include "breakeven/plan/boundary_search.h"

#include <algorithm>
#include <limits>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
/// Bounds and costs are sums of the same numbers in another order; a bound must lose by more than that to be dropped
/// early, so that rounding never drops the best cut for one that is worse by more than this share.
constexpr double rounding = 1e-12;

}  // namespace

BoundarySearch::BoundarySearch(const SplitGraph& graph, std::span<const Pin> pins)
    : graph_(graph), order_(graph, pins) {}

std::optional<BoundaryCut> BoundarySearch::solve(const BoundaryCosts& costs, SplitUse use, SplitEffort& effort) {
    ++effort.searches;
    if (!order_.is_possible()) return std::nullopt;
    costs_ = &costs;
    found_ = false;
    best_ = infinity;
    best_block_.reset();
    add_up(costs);
    scan_prefixes(use);
    effort.blocks += order_.blocks().size();
    for (const Candidate& candidate : promising_blocks()) {
        if (candidate.bound >= best_) break;
        solve_block(candidate.block, use, {}, effort);
    }
    return best_cut();
}

void BoundarySearch::add_up(const BoundaryCosts& costs) {
    const std::uint32_t n = order_.free_count();
    near_sum_.resize(n + 1);
    far_sum_.resize(n + 1);
    least_sum_.resize(n + 1);
    crossing_.assign(n + 2, 0.0);
    near_base_ = far_base_ = 0;
    for (std::size_t i = 0; i < order_.device_count(); ++i) near_base_ += costs.near[order_.nodes()[i]];
    for (std::size_t i = order_.device_count() + n; i < order_.nodes().size(); ++i) {
        far_base_ += costs.far[order_.nodes()[i]];
    }
    near_sum_[0] = far_sum_[0] = least_sum_[0] = 0;
    for (std::uint32_t k = 1; k <= n; ++k) {
        const std::uint32_t node = order_.node_at(k);
        near_sum_[k] = near_sum_[k - 1] + costs.near[node];
        far_sum_[k] = far_sum_[k - 1] + costs.far[node];
        least_sum_[k] = least_sum_[k - 1] + std::min(costs.near[node], costs.far[node]);
    }
    const std::span<const SplitOrder::Block> blocks = order_.blocks();
    ending_.assign(blocks.size(), 0.0);
    least_tensor_.assign(blocks.size(), infinity);
    const std::span<const std::uint32_t> made_at = order_.made_at();
    const std::span<const std::uint32_t> last_at = order_.last_at();
    for (std::size_t t = 0; t < made_at.size(); ++t) {
        const std::uint32_t made = made_at[t];
        const std::uint32_t last = last_at[t];
        if (last <= made) continue;
        const double cost = costs.tensor[t];
        crossing_[made] += cost;
        crossing_[last] -= cost;
        const std::uint32_t inside = order_.block_of(made);
        if (inside != SplitOrder::none) least_tensor_[inside] = std::min(least_tensor_[inside], cost);
        const std::uint32_t begins = order_.block_after(made);
        if (begins != SplitOrder::none) {
            // A tensor that passes the whole block is paid for already.
            least_tensor_[begins] = std::min(least_tensor_[begins], last >= blocks[begins].before ? 0.0 : cost);
        }
        const std::uint32_t ends = order_.block_of(last);
        if (ends != SplitOrder::none && made <= blocks[ends].after) ending_[ends] += cost;
    }
    // Extended precision, for what has been added is taken off again; doubles would keep the error of the largest.
    long double live = 0;
    for (double& crossing : crossing_) {
        live += static_cast<long double>(crossing);
        crossing = static_cast<double>(live);
    }
}

void BoundarySearch::scan_prefixes(SplitUse use) {
    const std::uint32_t n = order_.free_count();
    const std::uint32_t first = use == SplitUse::split && order_.device_count() == 0 ? 1 : 0;
    const bool may_stay = use == SplitUse::any || order_.server_count() > 0;
    const double base = near_base_ + far_base_ + costs_->offload + far_sum_[n];
    for (std::uint32_t k = first; k <= n; ++k) {
        if (k == n && !may_stay) break;
        double cost = base + near_sum_[k] - far_sum_[k] + crossing_[k];
        if (k == n && order_.server_count() == 0) cost = near_base_ + near_sum_[n];
        if (found_ && cost >= best_) continue;
        found_ = true;
        best_ = cost;
        best_prefix_ = k;
    }
}

/// What every cut inside the block pays outside it: nodes, tensors that pass it, the round trip.
double BoundarySearch::fixed_floor(std::uint32_t number) const {
    const SplitOrder::Block block = order_.blocks()[number];
    return near_base_ + far_base_ + costs_->offload + near_sum_[block.after] +
           (far_sum_[order_.free_count()] - far_sum_[block.before - 1]) + crossing_[block.after] - ending_[number];
}

std::vector<BoundarySearch::Candidate> BoundarySearch::promising_blocks() const {
    std::vector<Candidate> candidates;
    const std::span<const SplitOrder::Block> blocks = order_.blocks();
    for (std::uint32_t number = 0; number < blocks.size(); ++number) {
        const SplitOrder::Block block = blocks[number];
        double bound = fixed_floor(number) + least_sum_[block.before - 1] - least_sum_[block.after];
        // The pivots on either side are joined by a path that a cut inside crosses at least once.
        if (block.after > 0 && block.before < order_.end() && least_tensor_[number] < infinity) {
            bound += least_tensor_[number];
        }
        if (bound < best_) candidates.push_back({.bound = bound, .block = number});
    }
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.bound < b.bound; });
    return candidates;
}

BoundarySearch::Side BoundarySearch::side_of(SplitOrder::Block block, std::uint32_t position) const {
    if (position <= block.after) return Side::near;
    if (position >= block.before) return Side::far;
    return sides_[position];
}

/// Settles nodes that cannot be on one side in any cut that beats the best: on the device, a node brings the dearest
/// path that leads to it; on the server, the dearest that follows. False when no cut can beat the best.
bool BoundarySearch::settle_sides(SplitOrder::Block block, double floor) {
    near_extra_.resize(order_.end() + 1);
    far_extra_.resize(order_.end() + 1);
    constexpr int passes_max = 4;  // each pass raises the floor for the next; the first two do nearly all of it
    for (int pass = 0; pass < passes_max; ++pass) {
        double least = floor;
        for (std::uint32_t k = block.after + 1; k < block.before; ++k) {
            const double cheaper = std::min(near(k), far(k));
            least += sides_[k] == Side::open ? cheaper : sides_[k] == Side::near ? near(k) : far(k);
            near_extra_[k] = sides_[k] == Side::far ? infinity : sides_[k] == Side::near ? 0.0 : near(k) - cheaper;
            far_extra_[k] = sides_[k] == Side::near ? infinity : sides_[k] == Side::far ? 0.0 : far(k) - cheaper;
        }
        const double slack = best_ - least + rounding * (best_ < infinity ? best_ : 0.0);
        if (slack < 0) return false;
        for (std::uint32_t k = block.after + 1; k < block.before; ++k) {
            double dearest = 0;
            for (const SplitTensorId need : graph_.needs(SplitNodeId(order_.node_at(k)))) {
                const std::uint32_t made = order_.made_at()[index(need)];
                if (made > block.after) dearest = std::max(dearest, near_extra_[made]);
            }
            near_extra_[k] += dearest;
        }
        for (std::uint32_t k = block.before - 1; k > block.after; --k) {
            const double extra = far_extra_[k];
            for (const SplitTensorId need : graph_.needs(SplitNodeId(order_.node_at(k)))) {
                const std::uint32_t made = order_.made_at()[index(need)];
                if (made <= block.after) continue;
                // Collected here, added to the producer's own when its turn comes: it comes later, going down.
                const double own = sides_[made] == Side::near  ? infinity
                                   : sides_[made] == Side::far ? 0.0
                                                               : far(made) - std::min(near(made), far(made));
                far_extra_[made] = std::max(far_extra_[made], own + extra);
            }
        }
        bool changed = false;
        for (std::uint32_t k = block.after + 1; k < block.before; ++k) {
            if (sides_[k] != Side::open) continue;
            const bool not_near = near_extra_[k] > slack;
            const bool not_far = far_extra_[k] > slack;
            if (not_near && not_far) return false;
            if (not_near || not_far) {
                sides_[k] = not_near ? Side::far : Side::near;
                changed = true;
            }
        }
        if (!changed) break;
    }
    return true;
}

void BoundarySearch::solve_block(std::uint32_t number, SplitUse use, Forced forced, SplitEffort& effort) {
    const SplitOrder::Block block = order_.blocks()[number];
    sides_.resize(order_.end() + 1);
    std::fill(sides_.begin() + block.after + 1, sides_.begin() + block.before, Side::open);
    if (forced.near != SplitOrder::none) sides_[forced.near] = Side::near;
    if (forced.far != SplitOrder::none) {
        if (forced.far == forced.near) return;
        sides_[forced.far] = Side::far;
    }
    const double floor = fixed_floor(number);
    if (!settle_sides(block, floor)) return;
    network_.clear(0);
    double cost = floor + fill_network(block, network_);
    ++effort.blocks_solved;
    effort.nodes_solved += network_.node_count();
    cost += network_.solve();
    bool all_near = true;
    bool all_far = true;
    for (std::uint32_t k = block.after + 1; k < block.before; ++k) {
        if (sides_[k] == Side::open) sides_[k] = network_.is_source_side(local_[k]) ? Side::near : Side::far;
        (sides_[k] == Side::near ? all_far : all_near) = false;
    }
    // Where the cheapest leaves a side empty that may not be, some source (or sink) of the graph is on that side.
    const bool lacks_near = all_far && use == SplitUse::split && block.after == 0 && order_.device_count() == 0;
    const bool lacks_far = all_near && use != SplitUse::any && block.before == order_.end() && order_.server_count() == 0;
    if (lacks_near || lacks_far) {
        for (std::uint32_t k = block.after + 1; k < block.before; ++k) {
            if (lacks_near && order_.is_source(k)) solve_block(number, use, {.near = k, .far = forced.far}, effort);
            if (lacks_far && order_.is_sink(k)) solve_block(number, use, {.near = forced.near, .far = k}, effort);
        }
        return;
    }
    // All on the device is the last prefix, which pays no round trip and so costs no more than this.
    if (cost >= best_ || (all_near && block.before == order_.end())) return;
    found_ = true;
    best_ = cost;
    best_block_ = block;
    best_sides_.assign(sides_.begin() + block.after + 1, sides_.begin() + block.before);
}

std::optional<BoundaryCut> BoundarySearch::best_cut() const {
    if (!found_) return std::nullopt;
    BoundaryCut cut{.tiers = std::vector<Tier>(graph_.node_count(), Tier::server), .cost = best_};
    const std::span<const std::uint32_t> nodes = order_.nodes();
    const std::size_t prefix = order_.device_count() + (best_block_ ? best_block_->after : best_prefix_);
    for (std::size_t i = 0; i < prefix; ++i) cut.tiers[nodes[i]] = Tier::device;
    if (best_block_) {
        for (std::size_t i = 0; i < best_sides_.size(); ++i) {
            if (best_sides_[i] == Side::near) cut.tiers[nodes[prefix + i]] = Tier::device;
        }
    }
    return cut;
}

}  // namespace breakeven
