// cluster: the recipe letter W. Each layer's weights take one of a few values, so that a packed file holds short codes.
// It makes files smaller, not networks faster.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/compress/cluster_fit.h"
#include "breakeven/compress/gram.h"
#include "breakeven/compress/network.h"
#include "breakeven/compress/prune.h"

namespace breakeven {

/// How the values are found. `linear`: evenly spaced between a layer's smallest and largest weight, then Lloyd's steps
/// (the initialisation that the study's tool calls LINEAR). `exact`: the optimum.
enum class ClusterSearch { linear, exact };
/// How much an error at a weight counts. `curvature`: as the loss of the layer's output does, by the mean square of the
/// weight's input (needs samples).
enum class ClusterWeighting { equal, curvature };

struct ClusteredLayer {
    std::string node;
    std::string op;
    std::int64_t weights = 0;
    std::int64_t zeros = 0;    ///< as before: what was zero is zero
    std::size_t clusters = 0;  ///< distinct values now
    double error = 0.0;        ///< sum of squared changes, as a share of the sum of squared weights
    std::string note;          ///< why it was left alone; empty: it was not
};

struct ClusterReport {
    std::vector<ClusteredLayer> layers;
    std::vector<LeftAlone> left_alone;
};

struct ClusterOptions {
    std::size_t clusters = 16;  ///< a layer, zero among them where the layer has zeros; 2 to 256
    ClusterSearch search = ClusterSearch::exact;
    ClusterWeighting weighting = ClusterWeighting::equal;
    /// `least_squares`: layer after layer, weights not yet coded make up for the error of those that are, and for that
    /// of the layers before (needs samples). Without it 16 values a layer cost narrow networks most of their accuracy.
    Reconstruction reconstruction = Reconstruction::none;
    /// With `least_squares`, for convolutions. `channel` writes a Mul behind each, which engines fold into it: what a
    /// batch norm is where it was not folded.
    ClusterScales scales = ClusterScales::layer;
    DepthwiseKernels depthwise = DepthwiseKernels::leave;
    /// Lloyd's steps after the linear initialisation at most; they end by themselves when nothing moves.
    int steps = 100;
    std::optional<double> damping;  ///< of the reconstruction, see PruneOptions; so are these two
    std::size_t passes_max = 32;
    std::int64_t inputs_max = 4608;
    GramOptions gram;
    std::function<void(const ClusteredLayer& layer, std::size_t done, std::size_t total)> progress;
};

/// `calibration` may be null unless the weighting or the reconstruction needs it. Throws Error{usage} for options that
/// make no sense, Error{input} for weights that are not finite.
ClusterReport cluster(Network& network, const ClusterOptions& options, const Calibration* calibration = nullptr);

}  // namespace breakeven
