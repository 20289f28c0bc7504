// structured_choice: what each channel is worth, what a width costs, and which widths to choose.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "breakeven/compress/gram.h"
#include "breakeven/compress/groups.h"
#include "breakeven/compress/structured.h"

namespace breakeven {

/// The order in which a group's channels go, and what the first n of them cost together.
struct RemovalOrder {
    std::vector<int> units;
    std::vector<double> loss;  ///< one entry more than units: loss[0] = 0
};

/// A linear layer that reads channels, as the loss sees it.
struct ReaderLoss {
    Matrix curvature;  ///< of unscaled weights, damped
    Matrix weights;    ///< outputs x inputs
    double variance = 0.0;
    /// For each unit of the group (in its order), the columns that read it.
    std::vector<std::vector<Eigen::Index>> columns;
};

/// Greedy group OBS: each time the unit whose columns cost least to remove when all others adapt,
/// tr(W_G [H^-1]_GG^-1 W_G^T) summed over the readers as a share of their variance, then H^-1 and W without it.
/// Stops when `least` units are left.
RemovalOrder removal_order(std::span<const int> units, std::vector<ReaderLoss> readers, std::size_t least);

/// One layer's cost as a function of how many channels its groups keep.
struct LayerCost {
    struct Part {
        std::optional<std::size_t> group;  ///< nothing: these channels stay
        std::int64_t channels = 0;         ///< of all its units
    };
    std::vector<Part> read;  ///< empty: `inputs` is fixed
    std::vector<Part> made;
    std::int64_t inputs = 0;     ///< columns for one output, where nothing is read
    std::int64_t kernel = 1;     ///< columns for one channel read
    std::int64_t positions = 0;  ///< of one sample; 0: unknown
    bool depthwise = false;
    bool vectors = false;  ///< a convolution: engines pad its channels to whole vectors
};

/// Kept units of each group, beside how many there are.
using Widths = std::vector<std::int64_t>;

struct Costs {
    std::vector<LayerCost> layers;
    Widths all;
    std::int64_t lane = 16;  ///< channels of one vector

    std::int64_t macs(const Widths& widths) const;
    double work(const Widths& widths) const;
    std::int64_t weights(const LayerCost& layer, const Widths& widths) const;
};

/// Widths with at most `keep` of the work, and whose layers fit; as near as multiples allow.
Widths choose_widths(const Costs& costs, std::span<const RemovalOrder> orders, const ChannelOptions& options);

}  // namespace breakeven
