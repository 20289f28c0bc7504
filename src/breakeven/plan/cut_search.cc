// Sweep, prefixes, pivots and blocks of one problem; then the blocks one by one, the most promising first.
#include "breakeven/plan/cut_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "breakeven/plan/cut_floor.h"
#include "breakeven/plan/cut_merge.h"

namespace breakeven {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::uint32_t none = ~std::uint32_t{0};
/// Bounds and costs are sums of the same numbers in another order: a bound must lose by more than this share of the
/// whole to rule anything out, so that rounding never drops the best for one that is worse by more.
constexpr double rounding = 1e-12;
/// A problem that merging left larger than this share of itself is cut as it is: another round would not pay.
constexpr double worthwhile = 0.7;

/// Nodes begin .. end - 1, with a pivot (or the end of the problem) on either side.
struct Block {
    std::uint32_t begin;
    std::uint32_t end;
    double paid = 0;                 // by every answer cut inside it, outside of it
    double least_tensor = infinity;  // of those that its nodes make
};

/// One pass over a problem and what follows from it.
class Sweep final {
   public:
    explicit Sweep(const CutProblem& problem) : problem_(problem) { find_ends(); }

    void find_blocks();
    /// Costs of all prefixes, by number of near nodes, and what blocks pay outside.
    void add_up();
    double prefix_cost(std::uint32_t k) const { return near_sum_[k] + far_sum_.back() - far_sum_[k] + crossing_[k]; }
    double bound(const Block& block) const;
    /// The problem inside a block: what passes is paid, what leaves is charged to its maker.
    CutProblem extract(const Block& block);
    const std::vector<Block>& blocks() const { return blocks_; }

   private:
    void find_ends();

    const CutProblem& problem_;
    std::vector<std::uint32_t> last_;        // by tensor: its last consumer and one, 0 without any
    std::vector<std::uint32_t> first_need_;  // by node: the first that needs it, or none
    std::vector<std::uint32_t> last_maker_;  // by node: the last that it needs and one, 0 without any
    std::vector<double> near_sum_, far_sum_, least_sum_, crossing_;
    std::vector<double> leaving_;  // by node: tensors it makes that its block does not consume up
    std::vector<Block> blocks_;
    std::vector<std::uint32_t> block_of_;  // by node, or none
    std::vector<std::uint32_t> names_;     // scratch of extract, by tensor
};

void Sweep::find_ends() {
    last_.assign(problem_.tensors(), 0);
    first_need_.assign(problem_.nodes(), none);
    last_maker_.assign(problem_.nodes(), 0);
    for (std::uint32_t node = 0; node < problem_.nodes(); ++node) {
        std::uint32_t last_maker = 0;
        for (const std::uint32_t t : problem_.needs_of(node)) {
            last_[t] = node + 1;
            const std::uint32_t maker = problem_.maker[t];
            if (maker == CutProblem::bound) continue;
            last_maker = std::max(last_maker, maker + 1);
            first_need_[maker] = std::min(first_need_[maker], node);
        }
        last_maker_[node] = last_maker;
    }
}

/// A node is a pivot iff every earlier one has a consumer no later than it (so, by induction, leads to it) and every
/// later one a maker no earlier (so comes from it).
void Sweep::find_blocks() {
    const std::uint32_t n = problem_.nodes();
    std::vector<std::uint32_t> earliest_maker(n + 1, none);  // of this and all later nodes' last makers
    for (std::uint32_t node = n; node-- > 0;)
        earliest_maker[node] = std::min(earliest_maker[node + 1], last_maker_[node]);
    block_of_.assign(n, none);
    std::uint32_t latest_need = 0;
    std::uint32_t begin = 0;
    for (std::uint32_t node = 0; node <= n; ++node) {
        const bool is_pivot = node == n || (latest_need <= node && earliest_maker[node + 1] > node);
        if (node < n) latest_need = std::max(latest_need, first_need_[node]);
        if (!is_pivot) continue;
        if (node > begin + 1) {
            std::fill(block_of_.begin() + begin, block_of_.begin() + node, static_cast<std::uint32_t>(blocks_.size()));
            blocks_.push_back({.begin = begin, .end = node});
        }
        begin = node + 1;
    }
}

void Sweep::add_up() {
    const std::uint32_t n = problem_.nodes();
    near_sum_.assign(n + 1, 0);
    far_sum_.assign(n + 1, 0);
    least_sum_.assign(n + 1, 0);
    for (std::uint32_t node = 0; node < n; ++node) {
        near_sum_[node + 1] = near_sum_[node] + problem_.near[node];
        far_sum_[node + 1] = far_sum_[node] + problem_.far[node];
        least_sum_[node + 1] = least_sum_[node] + std::min(problem_.near[node], problem_.far[node]);
    }
    // A tensor crosses the prefix of k nodes if its maker is among them and its last consumer is not.
    crossing_.assign(n + 2, 0);
    leaving_.assign(n, 0);
    for (std::uint32_t t = 0; t < problem_.tensors(); ++t) {
        if (last_[t] == 0) continue;
        const double cost = problem_.cost[t];
        const bool is_bound = problem_.maker[t] == CutProblem::bound;
        const std::uint32_t after = is_bound ? 0 : problem_.maker[t] + 1;
        crossing_[after] += cost;
        crossing_[last_[t]] -= cost;
        if (!is_bound && block_of_[after - 1] != none) {
            Block& inside = blocks_[block_of_[after - 1]];
            inside.least_tensor = std::min(inside.least_tensor, cost);
            if (last_[t] > inside.end) leaving_[after - 1] += cost;
        }
        const std::uint32_t ends = block_of_[last_[t] - 1];
        if (ends != none && after <= blocks_[ends].begin) blocks_[ends].paid -= cost;
    }
    // Extended precision, for what was added is taken off again; doubles would keep the error of the largest.
    long double live = 0;
    for (double& crossing : crossing_) {
        live += static_cast<long double>(crossing);
        crossing = static_cast<double>(live);
    }
    for (Block& block : blocks_) {
        block.paid += near_sum_[block.begin] + (far_sum_[n] - far_sum_[block.end]) + crossing_[block.begin];
    }
}

double Sweep::bound(const Block& block) const {
    const double nodes = block.paid + least_sum_[block.end] - least_sum_[block.begin];
    // A cut inside that is no prefix has a node of the block near, and a path from there to the pivot that follows.
    const bool has_path = block.end < problem_.nodes() && block.least_tensor < infinity;
    return nodes + (has_path ? block.least_tensor : 0.0);
}

CutProblem Sweep::extract(const Block& block) {
    CutProblem inner;
    inner.near.assign(problem_.near.begin() + block.begin, problem_.near.begin() + block.end);
    inner.far.assign(problem_.far.begin() + block.begin, problem_.far.begin() + block.end);
    for (std::uint32_t node = block.begin; node < block.end; ++node) inner.near[node - block.begin] += leaving_[node];
    names_.resize(problem_.tensors(), none);
    inner.need_begin.reserve(inner.near.size() + 1);
    inner.need_begin.push_back(0);
    std::vector<std::uint32_t> used;
    for (std::uint32_t node = block.begin; node < block.end; ++node) {
        for (const std::uint32_t t : problem_.needs_of(node)) {
            const bool is_inner = problem_.maker[t] != CutProblem::bound && problem_.maker[t] >= block.begin;
            const bool leaves = last_[t] > block.end;
            if (leaves && !is_inner) continue;
            if (names_[t] == none) {
                names_[t] = inner.tensors();
                used.push_back(t);
                inner.cost.push_back(leaves ? 0.0 : problem_.cost[t]);
                inner.maker.push_back(is_inner ? problem_.maker[t] - block.begin : CutProblem::bound);
            }
            inner.needs.push_back(names_[t]);
        }
        inner.need_begin.push_back(static_cast<std::uint32_t>(inner.needs.size()));
    }
    for (const std::uint32_t t : used) names_[t] = none;
    return inner;
}

}  // namespace

bool CutSearch::is_chain(const CutProblem& problem) {
    Sweep sweep(problem);
    sweep.find_blocks();
    return sweep.blocks().empty();
}

std::optional<CutSearch::Answer> CutSearch::solve(const CutProblem& problem, double below) {
    const std::uint32_t n = problem.nodes();
    Sweep sweep(problem);
    sweep.find_blocks();
    sweep.add_up();
    double best = below;
    std::uint32_t prefix = none;
    for (std::uint32_t k = 0; k <= n; ++k) {
        if (sweep.prefix_cost(k) >= best) continue;
        best = sweep.prefix_cost(k);
        prefix = k;
    }
    if (depth_ == 0) {
        effort_.blocks += sweep.blocks().size();
        rounding_ = best < infinity ? rounding * std::abs(best) : 0.0;
    }
    std::vector<std::pair<double, std::uint32_t>> promising;
    for (std::uint32_t i = 0; i < sweep.blocks().size(); ++i) {
        const double bound = sweep.bound(sweep.blocks()[i]);
        if (bound < best) promising.emplace_back(bound, i);
    }
    std::sort(promising.begin(), promising.end());
    std::uint32_t begin = prefix;
    CutSides inside;
    for (const auto& [bound, number] : promising) {
        if (bound >= best) break;
        const Block& block = sweep.blocks()[number];
        if (depth_ == 0) ++effort_.blocks_solved;
        std::optional<Answer> answer = solve_block(sweep.extract(block), best - block.paid);
        if (!answer || answer->cost + block.paid >= best) continue;
        best = answer->cost + block.paid;
        begin = block.begin;
        inside = std::move(answer->sides);
    }
    if (begin == none) return std::nullopt;
    Answer answer{.cost = best, .sides = CutSides(n, 0)};
    std::fill(answer.sides.begin(), answer.sides.begin() + begin, std::uint8_t{1});
    std::copy(inside.begin(), inside.end(), answer.sides.begin() + begin);
    return answer;
}

std::optional<CutSearch::Answer> CutSearch::solve_block(const CutProblem& block, double below) {
    if (block.nodes() < merging_min_) return solve_network(block, below);
    const CutFloor floor = floor_of(block);
    const double slack = below - floor.paid + rounding_;
    if (slack < 0) return std::nullopt;
    const std::optional<MergedProblem> merged = merge(block, floor, slack);
    if (!merged) return std::nullopt;
    const double left = static_cast<double>(merged->problem.nodes()) / static_cast<double>(block.nodes());
    ++depth_;
    std::optional<Answer> answer = left < worthwhile ? solve(merged->problem, below - merged->paid)
                                                     : solve_network(merged->problem, below - merged->paid);
    --depth_;
    if (!answer) return std::nullopt;
    CutSides sides(block.nodes());
    for (std::uint32_t node = 0; node < block.nodes(); ++node) {
        const std::uint32_t name = merged->names[node];
        sides[node] = name == MergedProblem::settled_near  ? 1
                      : name == MergedProblem::settled_far ? 0
                                                           : answer->sides[name];
    }
    return Answer{.cost = answer->cost + merged->paid, .sides = std::move(sides)};
}

std::optional<CutSearch::Answer> CutSearch::solve_network(const CutProblem& problem, double below) {
    network_.clear(0);
    add_to(network_, problem);
    effort_.nodes_solved += network_.node_count();
    const double cost = network_.solve();
    if (cost >= below) return std::nullopt;
    Answer answer{.cost = cost, .sides = CutSides(problem.nodes())};
    for (std::uint32_t node = 0; node < problem.nodes(); ++node) {
        answer.sides[node] = network_.is_source_side(node) ? 1 : 0;
    }
    return answer;
}

}  // namespace breakeven
