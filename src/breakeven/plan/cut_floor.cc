// Ask along the widest ways, send what is there; then the dearest paths through what is left.
#include "breakeven/plan/cut_floor.h"

#include <algorithm>
#include <limits>

namespace breakeven {
namespace {

class Relief final {
   public:
    Relief(const CutProblem& problem, CutFloor& floor)
        : problem_(problem),
          floor_(floor),
          reach_(problem.nodes()),
          asked_(problem.tensors()),
          asked_by_(problem.needs.size()) {}

    void find_reach();
    void ask();
    double send();

   private:
    /// How much could come by a tensor, along the widest single way to it.
    double width(std::uint32_t t) const {
        const std::uint32_t maker = problem_.maker[t];
        return maker == CutProblem::bound ? floor_.tensor[t] : std::min(floor_.tensor[t], reach_[maker]);
    }

    const CutProblem& problem_;
    CutFloor& floor_;
    std::vector<double> reach_;
    std::vector<double> asked_;     // by tensor
    std::vector<double> asked_by_;  // by place in problem.needs
};

/// From inputs, and from nodes that would rather be near.
void Relief::find_reach() {
    for (std::uint32_t node = 0; node < problem_.nodes(); ++node) {
        double reach = floor_.far[node];
        for (const std::uint32_t t : problem_.needs_of(node)) reach = std::max(reach, width(t));
        reach_[node] = reach;
    }
}

/// Each node asks for what it and its own consumers could use, from the widest way first.
void Relief::ask() {
    // What the consumers of a node's tensors asked of it, collected by maker as the pass goes down.
    std::vector<double> wanted(problem_.nodes(), 0.0);
    for (std::uint32_t node = problem_.nodes(); node-- > 0;) {
        const std::uint32_t begin = problem_.need_begin[node];
        const std::uint32_t end = problem_.need_begin[node + 1];
        double want = wanted[node] + floor_.near[node] - floor_.far[node];
        if (want <= 0) continue;
        double most = 0;
        std::uint32_t widest = begin;
        for (std::uint32_t edge = begin; edge < end; ++edge) {
            const std::uint32_t t = problem_.needs[edge];
            const double room = std::min(width(t), floor_.tensor[t] - asked_[t]);
            if (room <= most) continue;
            most = room;
            widest = edge;
        }
        if (most <= 0) continue;
        for (std::uint32_t i = begin; i <= end && want > 0; ++i) {
            const std::uint32_t edge = i == begin ? widest : i - 1;
            const std::uint32_t t = problem_.needs[edge];
            const double amount = std::min({want, width(t), floor_.tensor[t] - asked_[t]});
            if (amount <= 0) continue;
            asked_[t] += amount;
            asked_by_[edge] += amount;
            want -= amount;
            if (problem_.maker[t] != CutProblem::bound) wanted[problem_.maker[t]] += amount;
        }
    }
    reach_.swap(wanted);  // from here on: what was asked of each node
}

/// Along the order, each node keeps what it can use of what arrives and sends on what was asked for, as far as it goes.
double Relief::send() {
    double gain = 0;
    std::vector<double>& wanted = reach_;
    std::vector<double> share(problem_.nodes(), 0.0);
    for (std::uint32_t node = 0; node < problem_.nodes(); ++node) {
        double have = floor_.far[node];
        for (std::uint32_t edge = problem_.need_begin[node]; edge < problem_.need_begin[node + 1]; ++edge) {
            if (asked_by_[edge] <= 0) continue;
            const std::uint32_t t = problem_.needs[edge];
            const std::uint32_t maker = problem_.maker[t];
            const double granted = maker == CutProblem::bound ? asked_by_[edge] : share[maker] * asked_by_[edge];
            floor_.tensor[t] = std::max(0.0, floor_.tensor[t] - granted);
            have += granted;
        }
        const double used = std::min(have, floor_.near[node]);
        floor_.near[node] -= used;
        have -= used;
        gain += used;
        if (wanted[node] > 0) {
            share[node] = std::min(1.0, have / wanted[node]);
            have -= share[node] * wanted[node];
        }
        floor_.far[node] = std::max(0.0, have);
    }
    return gain;
}

/// Near brings all that a node needs, far all that needs it: at least the dearest path.
void add_paths(const CutProblem& problem, CutFloor& floor) {
    for (std::uint32_t node = 0; node < problem.nodes(); ++node) {
        double dearest = 0;
        for (const std::uint32_t t : problem.needs_of(node)) {
            if (problem.maker[t] != CutProblem::bound) dearest = std::max(dearest, floor.near[problem.maker[t]]);
        }
        floor.near[node] += dearest;
    }
    std::vector<double> following(problem.nodes(), 0.0);
    std::vector<double> least_far(problem.tensors(), std::numeric_limits<double>::infinity());
    for (std::uint32_t node = problem.nodes(); node-- > 0;) {
        const double far = floor.far[node] + following[node];
        double inputs = 0;  // what it needs of inputs crosses if it is far; not handed on, for others may need them too
        for (const std::uint32_t t : problem.needs_of(node)) {
            const std::uint32_t maker = problem.maker[t];
            least_far[t] = std::min(least_far[t], far);
            if (maker == CutProblem::bound) {
                inputs += floor.tensor[t];
            } else {
                following[maker] = std::max(following[maker], far);
            }
        }
        floor.far[node] = far + inputs;
    }
    for (std::uint32_t t = 0; t < problem.tensors(); ++t) {
        const double near = problem.maker[t] == CutProblem::bound ? 0.0 : floor.near[problem.maker[t]];
        floor.tensor[t] += near + least_far[t];
    }
}

}  // namespace

CutFloor floor_of(const CutProblem& problem) {
    CutFloor floor{.paid = 0, .near = problem.near, .far = problem.far, .tensor = problem.cost};
    for (std::uint32_t node = 0; node < problem.nodes(); ++node) {
        const double both = std::min(floor.near[node], floor.far[node]);
        floor.near[node] -= both;
        floor.far[node] -= both;
        floor.paid += both;
    }
    Relief relief(problem, floor);
    relief.find_reach();
    relief.ask();
    floor.paid += relief.send();
    add_paths(problem, floor);
    return floor;
}

}  // namespace breakeven
