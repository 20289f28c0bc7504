// Best-first branch and bound over pins. Largest of terms and limits: one multiplier each, moved by subgradient with
// Polyak's step. Product of two terms: the vertices of the lower left hull of the relaxed question.
#include "breakeven/plan/limited_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>
#include <utility>

#include "breakeven/error.h"
#include "breakeven/plan/split_prefixes.h"

namespace breakeven {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
/// Sums in another order differ by this much; limits and bounds are held to it.
constexpr double rounding = 1e-11;
/// Subgradient steps: many where all below profit from good multipliers, few to improve on a parent's.
constexpr int steps_at_root = 60;
constexpr int steps_below = 8;

/// How the terms and limits are weighed together in a relaxed question; the terms' shares sum to 1.
struct Weights {
    std::vector<double> terms;
    std::vector<double> limits;
};

struct Subproblem {
    double bound;
    std::vector<Pin> pins;
    std::vector<Weights> weights;  // one, or one for either factor of a product
    friend bool operator<(const Subproblem& a, const Subproblem& b) { return a.bound > b.bound; }  // least first
};

/// The nearest point with no share below 0 and sum 1 (Held, Wolfe & Crowder 1974).
void project_to_simplex(std::vector<double>& shares) {
    std::vector<double> sorted = shares;
    std::sort(sorted.rbegin(), sorted.rend());
    double sum = 0, offset = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        sum += sorted[i];
        const double candidate = (sum - 1) / static_cast<double>(i + 1);
        if (sorted[i] > candidate) offset = candidate;
    }
    for (double& share : shares) share = std::max(0.0, share - offset);
}

class LimitedSearch final {
   public:
    LimitedSearch(const SplitGraph& graph, const LimitedProgram& program, std::size_t searches_max)
        : graph_(graph), program_(program), searches_max_(searches_max) {
        for (const LimitedProgram::Limit& limit : program.limits) scales_.push_back(limit.most > 0 ? limit.most : 1.0);
    }

    LimitedAnswer run();

   private:
    double bound(BoundarySearch& search, std::vector<Weights>& weights, int steps);
    double lagrangian(BoundarySearch& search, const LimitedProgram& program, Weights& weights, int steps);
    bool is_hopeless(BoundarySearch& search);
    double hull(BoundarySearch& search);
    double hull(BoundarySearch& search, const SplitSums& left, const SplitSums& right);
    std::optional<SplitSums> relaxed(BoundarySearch& search, const SplitPrices& prices);
    void consider(const SplitSums& sums, const std::vector<Tier>& tiers);
    void try_prefixes(const SplitOrder& order);
    bool step(const LimitedProgram& program, const SplitSums& sums, double value, Weights& weights) const;
    SplitPrices weighed(const LimitedProgram& program, const Weights& weights) const;
    std::uint32_t branching_node(const SplitOrder& order) const;
    bool is_beaten(double bound) const {
        return best_ < infinity ? bound >= best_ - rounding * std::abs(best_) : bound == infinity;
    }
    bool is_spent() const { return effort_.searches >= searches_max_; }

    const SplitGraph& graph_;
    const LimitedProgram& program_;
    std::size_t searches_max_;
    std::vector<double> scales_;  // what one multiplier counts in, by limit
    double best_ = infinity;
    SplitSums best_sums_;
    std::vector<Tier> best_tiers_;
    std::vector<Tier> last_tiers_;  // of the latest relaxed question
    BoundaryCosts costs_;
    SplitEffort effort_;
};

void LimitedSearch::consider(const SplitSums& sums, const std::vector<Tier>& tiers) {
    if (!program_.allows(sums)) return;
    const double goal = program_.goal(sums);
    if (goal >= best_) return;
    best_ = goal;
    best_sums_ = sums;
    best_tiers_ = tiers;
}

void LimitedSearch::try_prefixes(const SplitOrder& order) {
    const std::vector<SplitSums> sums = prefix_sums(graph_, order);
    double best = best_;
    std::size_t best_k = sums.size();
    for (std::size_t k = 0; k < sums.size(); ++k) {
        if (!is_used(sums[k], program_.use) || !program_.allows(sums[k]) || program_.goal(sums[k]) >= best) continue;
        best = program_.goal(sums[k]);
        best_k = k;
    }
    if (best_k == sums.size()) return;
    const std::vector<Tier> tiers = prefix_tiers(order, best_k);
    consider(sums_of(graph_, tiers), tiers);
}

std::optional<SplitSums> LimitedSearch::relaxed(BoundarySearch& search, const SplitPrices& prices) {
    boundary_costs(graph_, prices, costs_);
    std::optional<BoundaryCut> cut = search.solve(costs_, program_.use, effort_);
    if (!cut) return std::nullopt;
    const SplitSums sums = sums_of(graph_, cut->tiers);
    consider(sums, cut->tiers);
    last_tiers_ = std::move(cut->tiers);
    return sums;
}

SplitPrices LimitedSearch::weighed(const LimitedProgram& program, const Weights& weights) const {
    SplitPrices prices;
    for (std::size_t i = 0; i < weights.terms.size(); ++i) prices = prices + weights.terms[i] * program.terms[i];
    for (std::size_t i = 0; i < weights.limits.size(); ++i) {
        prices = prices + (weights.limits[i] / scales_[i]) * program.limits[i].prices;
    }
    return prices;
}

/// Moves the weights towards a better bound; false when the cut already answers the unrelaxed question.
bool LimitedSearch::step(const LimitedProgram& program, const SplitSums& sums, double value, Weights& weights) const {
    std::vector<double> excess, terms;
    double length = 0;
    bool is_answer = weights.terms.size() == 1;
    for (std::size_t i = 0; i < weights.limits.size(); ++i) {
        excess.push_back((program.limits[i].prices.of(sums) - program.limits[i].most) / scales_[i]);
        if (excess[i] > rounding || weights.limits[i] > 0) is_answer = false;
        if (excess[i] < 0 && weights.limits[i] <= 0) excess[i] = 0;
        length += excess[i] * excess[i];
    }
    double mean = 0;
    for (const SplitPrices& term : program.terms) {
        terms.push_back(term.of(sums));
        mean += terms.back() / static_cast<double>(program.terms.size());
    }
    for (double& term : terms) {
        term -= mean;  // moving all shares alike changes nothing
        length += term * term;
    }
    if (is_answer || length <= 0) return false;
    const double target = best_ < infinity ? program.goal(best_sums_) : value + 0.1 * std::abs(value) + 1e-12;
    const double pace = std::max(target - value, rounding * std::abs(target)) / length;
    for (std::size_t i = 0; i < excess.size(); ++i) {
        weights.limits[i] = std::max(0.0, weights.limits[i] + pace * excess[i]);
    }
    for (std::size_t i = 0; i < terms.size(); ++i) weights.terms[i] += pace * terms[i];
    project_to_simplex(weights.terms);
    return true;
}

/// The highest bound of a few relaxed questions, whose weights are left in `weights`.
double LimitedSearch::lagrangian(BoundarySearch& search, const LimitedProgram& program, Weights& weights, int steps) {
    double highest = 0;
    Weights moving = weights;
    for (int i = 0; i < steps; ++i) {
        const SplitPrices prices = weighed(program, moving);
        const std::optional<SplitSums> sums = relaxed(search, prices);
        if (!sums) return infinity;
        double value = prices.of(*sums);
        for (std::size_t k = 0; k < moving.limits.size(); ++k) {
            value -= moving.limits[k] * program.limits[k].most / scales_[k];
        }
        if (value > highest) weights = moving;
        highest = std::max(highest, value);
        const bool is_enough = best_ < infinity && highest >= program.goal(best_sums_) * (1 - rounding);
        if (is_enough || is_spent() || !step(program, *sums, value, moving)) break;
    }
    return highest;
}

/// While no cut is known to keep the limits: whether one of them alone cannot be kept.
bool LimitedSearch::is_hopeless(BoundarySearch& search) {
    for (const LimitedProgram::Limit& limit : program_.limits) {
        if (best_ < infinity || is_spent()) break;
        const std::optional<SplitSums> least = relaxed(search, limit.prices);
        if (!least || limit.prices.of(*least) > limit.most * (1 + rounding)) return true;
    }
    return false;
}

double LimitedSearch::bound(BoundarySearch& search, std::vector<Weights>& weights, int steps) {
    if (program_.combine == LimitedProgram::Combine::largest) return lagrangian(search, program_, weights[0], steps);
    double lower = 0;
    if (!program_.limits.empty()) {
        lower = 1;  // a product is no less than the product of its factors' bounds
        for (std::size_t i = 0; i < 2; ++i) {
            LimitedProgram factor;
            factor.terms = {program_.terms[i]};
            factor.limits = program_.limits;
            lower *= lagrangian(search, factor, weights[i], steps);
        }
    }
    return is_beaten(lower) || is_spent() ? lower : std::max(lower, hull(search));
}

/// The least product among the hull's vertices; see split_search.h for why no other cut's is less.
double LimitedSearch::hull(BoundarySearch& search) {
    const std::optional<SplitSums> left = relaxed(search, program_.terms[0]);
    if (!left) return infinity;
    const std::optional<SplitSums> right = relaxed(search, program_.terms[1]);
    return std::min({program_.goal(*left), program_.goal(*right), hull(search, *left, *right)});
}

/// Vertices strictly below the line between two (Eisner & Severance 1976, there for one parameter).
double LimitedSearch::hull(BoundarySearch& search, const SplitSums& left, const SplitSums& right) {
    const SplitPrices& first = program_.terms[0];
    const SplitPrices& second = program_.terms[1];
    const double width = first.of(right) - first.of(left);
    const double height = second.of(left) - second.of(right);
    if (width <= 0 || height <= 0) return infinity;
    // Whatever lies between is no less than the left in the first term and no less than the right in the second.
    const double corner = first.of(left) * second.of(right);
    if (is_beaten(corner) || is_spent()) return corner;
    // Directions are scaled so that both terms count alike whatever their units.
    const SplitPrices across = (1 / width) * first + (1 / height) * second;
    const std::optional<SplitSums> middle = relaxed(search, across);
    BREAKEVEN_ASSERT(middle.has_value());
    if (across.of(*middle) >= across.of(left) - 1e-12 * across.of(left)) return infinity;
    return std::min({program_.goal(*middle), hull(search, left, *middle), hull(search, *middle, right)});
}

/// A node on which the latest relaxed cut and the best cut disagree, in the middle of those; else any free node.
std::uint32_t LimitedSearch::branching_node(const SplitOrder& order) const {
    std::vector<std::uint32_t> candidates;
    for (std::uint32_t k = 1; k <= order.free_count(); ++k) {
        const std::uint32_t node = order.node_at(k);
        if (!best_tiers_.empty() && !last_tiers_.empty() && best_tiers_[node] != last_tiers_[node]) {
            candidates.push_back(node);
        }
    }
    if (candidates.empty()) return order.node_at((order.free_count() + 1) / 2);
    return candidates[candidates.size() / 2];
}

LimitedAnswer LimitedSearch::run() {
    std::priority_queue<Subproblem> open;
    const bool is_product = program_.combine == LimitedProgram::Combine::product;
    const std::size_t terms = is_product ? 1 : program_.terms.size();
    const Weights even{.terms = std::vector<double>(terms, 1.0 / static_cast<double>(terms)),
                       .limits = std::vector<double>(program_.limits.size(), 0.0)};
    open.push({.bound = 0,
               .pins = {graph_.pins().begin(), graph_.pins().end()},
               .weights = std::vector<Weights>(is_product ? 2 : 1, even)});
    bool at_root = true;
    double lowest_dropped = infinity;  // least bound of what was left open when the searches were spent
    while (!open.empty() && !is_beaten(open.top().bound)) {
        if (is_spent()) {
            lowest_dropped = open.top().bound;
            break;
        }
        Subproblem subproblem = open.top();
        open.pop();
        BoundarySearch search(graph_, subproblem.pins);
        if (!search.order().is_possible()) continue;
        try_prefixes(search.order());
        // A chain has prefix cuts only, and those have been tried.
        if (search.order().is_chain() || is_hopeless(search)) continue;
        const int steps = std::exchange(at_root, false) ? steps_at_root : steps_below;
        const double lower = std::max(subproblem.bound, bound(search, subproblem.weights, steps));
        if (is_beaten(lower)) continue;
        const std::uint32_t node = branching_node(search.order());
        for (const Pin pin : {Pin::device, Pin::server}) {
            Subproblem child{.bound = lower, .pins = subproblem.pins, .weights = subproblem.weights};
            child.pins[node] = pin;
            open.push(std::move(child));
        }
    }
    LimitedAnswer answer{.tiers = std::nullopt, .is_complete = lowest_dropped == infinity, .effort = effort_};
    if (best_ < infinity) {
        answer.tiers = best_tiers_;
        if (!answer.is_complete && best_ > 0) answer.gap = std::max(rounding, 1 - lowest_dropped / best_);
    }
    return answer;
}

}  // namespace

double LimitedProgram::goal(const SplitSums& sums) const {
    if (combine == Combine::product) return terms[0].of(sums) * terms[1].of(sums);
    double largest = 0;
    for (const SplitPrices& term : terms) largest = std::max(largest, term.of(sums));
    return largest;
}

bool LimitedProgram::allows(const SplitSums& sums) const {
    return std::all_of(limits.begin(), limits.end(),
                       [&](const Limit& limit) { return limit.prices.of(sums) <= limit.most * (1 + rounding); });
}

LimitedAnswer limited_search(const SplitGraph& graph, const LimitedProgram& program, std::size_t searches_max) {
    return LimitedSearch(graph, program, searches_max).run();
}

}  // namespace breakeven
