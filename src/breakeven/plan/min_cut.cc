// Push-relabel, highest label first, with gaps and global relabelling.
#include "breakeven/plan/min_cut.h"

#include <algorithm>
#include <utility>

namespace breakeven {

void MinCut::clear(std::size_t nodes) {
    excess_.assign(nodes, 0.0);
    drain_.assign(nodes, 0.0);
    arcs_.clear();
}

std::size_t MinCut::add_node() {
    excess_.push_back(0.0);
    drain_.push_back(0.0);
    return excess_.size() - 1;
}

void MinCut::lay_out_arcs() {
    const std::size_t n = excess_.size();
    begin_.assign(n + 1, 0);
    for (const Arc& arc : arcs_) {
        ++begin_[arc.from];
        ++begin_[arc.to];
    }
    std::uint32_t total = 0;
    for (std::uint32_t& begin : begin_) total += std::exchange(begin, total);
    head_.resize(total);
    twin_.resize(total);
    room_.resize(total);
    current_.assign(begin_.begin(), begin_.end());
    for (const Arc& arc : arcs_) {
        const std::uint32_t forward = current_[arc.from]++;
        const std::uint32_t backward = current_[arc.to]++;
        head_[forward] = arc.to;
        head_[backward] = arc.from;
        twin_[forward] = backward;
        twin_[backward] = forward;
        room_[forward] = arc.cost;
        room_[backward] = arc.back_cost;
    }
}

void MinCut::enlist(std::uint32_t node) {
    const std::uint32_t label = label_[node];
    if (excess_[node] > 0) {
        next_[node] = busy_head_[label];
        busy_head_[label] = node;
        highest_ = std::max(highest_, label);
        return;
    }
    next_[node] = idle_head_[label];
    previous_[node] = none;
    if (next_[node] != none) previous_[next_[node]] = node;
    idle_head_[label] = node;
}

void MinCut::delist_idle(std::uint32_t node) {
    if (previous_[node] != none) {
        next_[previous_[node]] = next_[node];
    } else {
        idle_head_[label_[node]] = next_[node];
    }
    if (next_[node] != none) previous_[next_[node]] = previous_[node];
}

/// Exact distances from the sink, breadth first along what can still be pushed.
void MinCut::relabel_all() {
    const std::uint32_t n = static_cast<std::uint32_t>(excess_.size());
    dead_ = n + 1;
    highest_ = 0;
    work_ = 0;
    label_.assign(n, dead_);
    busy_head_.assign(n + 2, none);
    idle_head_.assign(n + 2, none);
    next_.resize(n);
    previous_.resize(n);
    queue_.clear();
    for (std::uint32_t node = 0; node < n; ++node) {
        current_[node] = begin_[node];
        if (drain_[node] <= 0) continue;
        label_[node] = 1;
        queue_.push_back(node);
    }
    for (std::size_t done = 0; done < queue_.size(); ++done) {
        const std::uint32_t node = queue_[done];
        for (std::uint32_t arc = begin_[node]; arc < begin_[node + 1]; ++arc) {
            const std::uint32_t other = head_[arc];
            if (label_[other] != dead_ || room_[twin_[arc]] <= 0) continue;
            label_[other] = label_[node] + 1;
            queue_.push_back(other);
        }
    }
    for (const std::uint32_t node : queue_) enlist(node);
}

/// No node has this label any more, so none above it can reach the sink.
void MinCut::close_gap(std::uint32_t label) {
    // Labels in use are at most the highest busy one or follow on from it without a gap of their own.
    for (std::uint32_t above = label + 1; above < dead_; ++above) {
        if (busy_head_[above] == none && idle_head_[above] == none && above > highest_) break;
        for (std::uint32_t* list : {&busy_head_[above], &idle_head_[above]}) {
            for (std::uint32_t node = *list; node != none; node = next_[node]) label_[node] = dead_;
            *list = none;
        }
    }
    highest_ = std::min(highest_, label);
}

/// Pushes what it can one step down; true when nothing is left.
bool MinCut::push_from(std::uint32_t node) {
    if (drain_[node] > 0) {
        const double amount = std::min(excess_[node], drain_[node]);
        drain_[node] -= amount;
        excess_[node] -= amount;
        flow_ += amount;
        if (excess_[node] <= 0) return true;
    }
    const std::uint32_t below = label_[node] - 1;
    for (std::uint32_t& arc = current_[node]; arc < begin_[node + 1]; ++arc) {
        const std::uint32_t other = head_[arc];
        if (room_[arc] <= 0 || label_[other] != below) continue;
        const double amount = std::min(excess_[node], room_[arc]);
        if (excess_[other] <= 0) {
            delist_idle(other);
            excess_[other] = amount;
            enlist(other);
        } else {
            excess_[other] += amount;
        }
        room_[arc] -= amount;
        room_[twin_[arc]] += amount;
        excess_[node] -= amount;
        if (excess_[node] <= 0) return true;
    }
    return false;
}

/// False when the node cannot reach the sink any more.
bool MinCut::relabel(std::uint32_t node) {
    const std::uint32_t old = label_[node];
    if (busy_head_[old] == none && idle_head_[old] == none) {
        label_[node] = dead_;
        close_gap(old);
        return false;
    }
    std::uint32_t lowest = dead_;
    for (std::uint32_t arc = begin_[node]; arc < begin_[node + 1]; ++arc) {
        if (room_[arc] > 0 && label_[head_[arc]] + 1 < lowest) lowest = label_[head_[arc]] + 1;
    }
    work_ += begin_[node + 1] - begin_[node] + 4;
    label_[node] = lowest;
    current_[node] = begin_[node];
    return lowest < dead_;
}

void MinCut::discharge(std::uint32_t node) {
    while (!push_from(node)) {
        if (!relabel(node)) return;
    }
    enlist(node);
}

double MinCut::solve() {
    flow_ = 0.0;
    lay_out_arcs();
    for (std::size_t node = 0; node < excess_.size(); ++node) {
        const double both = std::min(excess_[node], drain_[node]);
        excess_[node] -= both;
        drain_[node] -= both;
        flow_ += both;
    }
    relabel_all();
    // Relabelling everything costs about a pass over the arcs; do it when as much has been spent on single nodes.
    const std::size_t work_max = 6 * excess_.size() + head_.size();
    while (true) {
        while (highest_ > 0 && busy_head_[highest_] == none) --highest_;
        if (highest_ == 0) break;
        const std::uint32_t node = busy_head_[highest_];
        busy_head_[highest_] = next_[node];
        discharge(node);
        if (work_ > work_max) relabel_all();
    }
    relabel_all();
    return flow_;
}

}  // namespace breakeven
