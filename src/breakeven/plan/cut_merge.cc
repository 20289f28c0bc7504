// Ties and settled nodes from the floor, components, and the problem between them.
#include "breakeven/plan/cut_merge.h"

#include <algorithm>

namespace breakeven {
namespace {

constexpr std::uint32_t none = ~std::uint32_t{0};
enum class Side : std::uint8_t { open, near, far };

class Merging final {
   public:
    Merging(const CutProblem& problem, const CutFloor& floor, double slack)
        : problem_(problem), floor_(floor), slack_(slack), sides_(problem.nodes(), Side::open) {}

    bool settle_nodes();
    void find_ties();
    void find_components();
    bool settle_components();
    MergedProblem build() const;

   private:
    struct Frame {
        std::uint32_t node;
        std::uint32_t edge;
    };
    void enter(std::uint32_t node);
    std::uint32_t implied(std::uint32_t node, std::uint32_t edge) const;
    void close_component(std::uint32_t root);
    bool is_tied(std::uint32_t t) const { return problem_.maker[t] != CutProblem::bound && floor_.tensor[t] > slack_; }

    const CutProblem& problem_;
    const CutFloor& floor_;
    double slack_;
    std::vector<Side> sides_;                      // by node
    std::vector<std::uint32_t> tie_begin_, ties_;  // by maker: consumers that are near if it is
    std::vector<std::uint32_t> component_, entered_, lowest_, waiting_;
    std::vector<std::uint32_t> members_, member_begin_;  // by component, in an order in which they could run
    std::vector<Frame> path_;
    std::vector<Side> component_sides_;
};

bool Merging::settle_nodes() {
    for (std::uint32_t node = 0; node < problem_.nodes(); ++node) {
        const bool not_near = floor_.near[node] > slack_;
        const bool not_far = floor_.far[node] > slack_;
        if (not_near && not_far) return false;
        sides_[node] = not_near ? Side::far : not_far ? Side::near : Side::open;
    }
    return true;
}

void Merging::find_ties() {
    tie_begin_.assign(problem_.nodes() + 1, 0);
    for (const std::uint32_t t : problem_.needs) {
        if (is_tied(t)) ++tie_begin_[problem_.maker[t]];
    }
    std::uint32_t total = 0;
    for (std::uint32_t& begin : tie_begin_) begin = total += begin;
    ties_.resize(total);
    for (std::uint32_t node = 0; node < problem_.nodes(); ++node) {
        for (const std::uint32_t t : problem_.needs_of(node)) {
            if (is_tied(t)) ties_[--tie_begin_[problem_.maker[t]]] = node;
        }
    }
}

void Merging::enter(std::uint32_t node) {
    entered_[node] = lowest_[node] = static_cast<std::uint32_t>(members_.size() + waiting_.size() + 1);
    waiting_.push_back(node);
    path_.push_back({node, 0});
}

/// What is near if `node` is, by number: makers of its needs, then ties; none for an input.
std::uint32_t Merging::implied(std::uint32_t node, std::uint32_t edge) const {
    const std::uint32_t needs = problem_.need_begin[node + 1] - problem_.need_begin[node];
    if (edge < needs) return problem_.maker[problem_.needs[problem_.need_begin[node] + edge]];
    return ties_[tie_begin_[node] + edge - needs];
}

void Merging::close_component(std::uint32_t root) {
    const auto number = static_cast<std::uint32_t>(member_begin_.size() - 1);
    while (component_[root] == none) {
        component_[waiting_.back()] = number;
        members_.push_back(waiting_.back());
        waiting_.pop_back();
    }
    member_begin_.push_back(static_cast<std::uint32_t>(members_.size()));
}

/// A component closes after all it needs.
void Merging::find_components() {
    const std::uint32_t n = problem_.nodes();
    component_.assign(n, none);
    entered_.assign(n, 0);
    lowest_.assign(n, 0);
    member_begin_.assign(1, 0);
    members_.reserve(n);
    for (std::uint32_t root = 0; root < n; ++root) {
        if (entered_[root] != 0) continue;
        enter(root);
        while (!path_.empty()) {
            const std::uint32_t node = path_.back().node;
            const std::uint32_t edges =
                problem_.need_begin[node + 1] - problem_.need_begin[node] + tie_begin_[node + 1] - tie_begin_[node];
            if (path_.back().edge < edges) {
                const std::uint32_t other = implied(node, path_.back().edge++);
                if (other == CutProblem::bound) continue;
                if (entered_[other] == 0) {
                    enter(other);
                } else if (component_[other] == none) {
                    lowest_[node] = std::min(lowest_[node], entered_[other]);
                }
                continue;
            }
            path_.pop_back();
            if (!path_.empty()) lowest_[path_.back().node] = std::min(lowest_[path_.back().node], lowest_[node]);
            if (lowest_[node] == entered_[node]) close_component(node);
        }
    }
}

/// What is settled takes its component along, and what that needs (or what needs it). False when that cannot be.
bool Merging::settle_components() {
    const auto count = static_cast<std::uint32_t>(member_begin_.size() - 1);
    component_sides_.assign(count, Side::open);
    bool is_possible = true;
    const auto settle = [&](std::uint32_t component, Side side) {
        if (component_sides_[component] != Side::open && component_sides_[component] != side) is_possible = false;
        component_sides_[component] = side;
    };
    for (std::uint32_t node = 0; node < problem_.nodes(); ++node) {
        if (sides_[node] != Side::open) settle(component_[node], sides_[node]);
    }
    const auto for_each_need = [&](std::uint32_t component, auto visit) {
        for (std::uint32_t i = member_begin_[component]; i < member_begin_[component + 1]; ++i) {
            for (const std::uint32_t t : problem_.needs_of(members_[i])) {
                if (problem_.maker[t] != CutProblem::bound) visit(component_[problem_.maker[t]]);
            }
        }
    };
    for (std::uint32_t component = count; component-- > 0;) {
        if (component_sides_[component] != Side::near) continue;
        for_each_need(component, [&](std::uint32_t needed) { settle(needed, Side::near); });
    }
    const bool any_far = std::count(component_sides_.begin(), component_sides_.end(), Side::far) > 0;
    for (std::uint32_t component = 0; any_far && component < count; ++component) {
        if (component_sides_[component] == Side::far) continue;
        bool needs_far = false;
        for_each_need(component,
                      [&](std::uint32_t needed) { needs_far = needs_far || component_sides_[needed] == Side::far; });
        if (needs_far) settle(component, Side::far);
    }
    return is_possible;
}

MergedProblem Merging::build() const {
    MergedProblem merged;
    CutProblem& smaller = merged.problem;
    const auto count = static_cast<std::uint32_t>(member_begin_.size() - 1);
    std::vector<std::uint32_t> names(count);
    for (std::uint32_t component = 0, next = 0; component < count; ++component) {
        const Side side = component_sides_[component];
        names[component] = side == Side::near  ? MergedProblem::settled_near
                           : side == Side::far ? MergedProblem::settled_far
                                               : next++;
    }
    const auto name = [&](std::uint32_t node) { return names[component_[node]]; };
    merged.names.resize(problem_.nodes());
    std::vector<std::uint8_t> is_served(problem_.tensors(), 0);
    for (std::uint32_t node = 0; node < problem_.nodes(); ++node) {
        merged.names[node] = name(node);
        if (merged.names[node] == MergedProblem::settled_near) merged.paid += problem_.near[node];
        if (merged.names[node] != MergedProblem::settled_far) continue;
        merged.paid += problem_.far[node];
        for (const std::uint32_t t : problem_.needs_of(node)) is_served[t] = 1;
    }
    // What crosses if its maker is near, for it has a consumer that is far.
    std::vector<double> more(count, 0.0);
    const auto maker_of = [&](std::uint32_t t) {
        return problem_.maker[t] == CutProblem::bound ? MergedProblem::settled_near : name(problem_.maker[t]);
    };
    for (std::uint32_t t = 0; t < problem_.tensors(); ++t) {
        if (is_served[t] == 0) continue;
        if (maker_of(t) == MergedProblem::settled_near) merged.paid += problem_.cost[t];
        if (maker_of(t) < MergedProblem::settled_far) more[component_[problem_.maker[t]]] += problem_.cost[t];
    }
    std::vector<std::uint32_t> tensor_names(problem_.tensors(), none), taken_by(problem_.tensors(), none);
    smaller.need_begin.push_back(0);
    for (std::uint32_t component = 0; component < count; ++component) {
        if (component_sides_[component] != Side::open) continue;
        double near = more[component], far = 0;
        for (std::uint32_t i = member_begin_[component]; i < member_begin_[component + 1]; ++i) {
            near += problem_.near[members_[i]];
            far += problem_.far[members_[i]];
            for (const std::uint32_t t : problem_.needs_of(members_[i])) {
                const std::uint32_t maker = maker_of(t);
                const bool is_inner = maker == names[component];
                const bool is_paid = maker == MergedProblem::settled_near && is_served[t] != 0;
                if (is_inner || is_paid || taken_by[t] == component) continue;
                taken_by[t] = component;
                if (tensor_names[t] == none) {
                    tensor_names[t] = smaller.tensors();
                    smaller.cost.push_back(is_served[t] != 0 ? 0.0 : problem_.cost[t]);
                    smaller.maker.push_back(maker == MergedProblem::settled_near ? CutProblem::bound : maker);
                }
                smaller.needs.push_back(tensor_names[t]);
            }
        }
        smaller.near.push_back(near);
        smaller.far.push_back(far);
        smaller.need_begin.push_back(static_cast<std::uint32_t>(smaller.needs.size()));
    }
    return merged;
}

}  // namespace

std::optional<MergedProblem> merge(const CutProblem& problem, const CutFloor& floor, double slack) {
    Merging merging(problem, floor, slack);
    if (!merging.settle_nodes()) return std::nullopt;
    merging.find_ties();
    merging.find_components();
    if (!merging.settle_components()) return std::nullopt;
    return merging.build();
}

}  // namespace breakeven
