// MinCut: minimum s-t cut of a network with real capacities, by push-relabel; the source and sink have no node of
// their own. Goldberg & Tarjan 1988, "A new approach to the maximum-flow problem"; highest label first, exact initial
// labels, gap and global relabelling as in Cherkassky & Goldberg 1997. Only the first phase runs: a cut needs no more.
// Chosen over augmenting paths because networks are deep: a path of k nodes is pushed along once, not k times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace breakeven {

/// Capacities are in the unit of whatever is minimised, so they are bare numbers. Keeps its memory between networks.
class MinCut final {
   public:
    static constexpr double unlimited = std::numeric_limits<double>::infinity();

    /// Starts a network of `nodes` nodes, none joined.
    void clear(std::size_t nodes);
    std::size_t add_node();
    std::size_t node_count() const { return excess_.size(); }
    /// Paid if `node` ends up on the sink's side (an arc from the source).
    void pay_on_sink_side(std::size_t node, double cost) { excess_[node] += cost; }
    /// Paid if `node` ends up on the source's side (an arc to the sink).
    void pay_on_source_side(std::size_t node, double cost) { drain_[node] += cost; }

    struct Arc {
        std::uint32_t from;
        std::uint32_t to;
        double cost;       ///< paid if `from` is on the source's side and `to` on the sink's
        double back_cost;  ///< paid if it is the other way round
    };
    void add_arc(const Arc& arc) { arcs_.push_back(arc); }

    /// The cost of the cheapest cut. There must be one that is finite.
    double solve();
    /// After solve(): of the cheapest cuts, the one whose source side is largest.
    bool is_source_side(std::size_t node) const { return label_[node] >= dead_; }

   private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    void lay_out_arcs();
    void relabel_all();
    void discharge(std::uint32_t node);
    bool push_from(std::uint32_t node);
    bool relabel(std::uint32_t node);
    void close_gap(std::uint32_t label);
    void enlist(std::uint32_t node);
    void delist_idle(std::uint32_t node);

    std::vector<double> excess_;  // what arrived and has not left
    std::vector<double> drain_;   // what can still go to the sink
    std::vector<Arc> arcs_;
    // Arcs by their tail: head, what they can still take, and where their opposite is.
    std::vector<std::uint32_t> begin_, head_, twin_, current_;
    std::vector<double> room_;
    // A node's label is at most its distance from the sink; `dead_` and more: it cannot reach the sink.
    std::vector<std::uint32_t> label_;
    std::uint32_t dead_ = 0;
    std::uint32_t highest_ = 0;  // highest label of a node with excess
    // Nodes by label: those with excess (a stack), and the others (linked both ways).
    std::vector<std::uint32_t> busy_head_, idle_head_, next_, previous_;
    std::vector<std::uint32_t> queue_;
    double flow_ = 0.0;
    std::size_t work_ = 0;  // since the last relabel_all
};

}  // namespace breakeven
