// cluster_fit: a layer's weights coded with a few values so that the layer's output changes least, rather than each
// weight: what rounding one weight does to the output, the others make up for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "breakeven/compress/reconstruct.h"

namespace breakeven {

/// What the shared values are multiplied by. `channel`: a number for each output, like a batch norm's.
enum class ClusterScales { layer, channel };

/// One group of a layer.
struct CodeProblem {
    LayerLoss loss;  ///< damped
    Mask mask;       ///< where it is zero, weights are zero and stay it
    Matrix weights;  ///< to be coded
};

struct CodeOptions {
    std::size_t count = 16;  ///< values besides zero
    ClusterScales scales = ClusterScales::layer;
    int rounds = 6;
};

struct CodedLayer {
    std::vector<double> centroids;  ///< ascending
    std::vector<Matrix> values;     ///< of each group: centroids, and zeros of the mask
    std::vector<Vector> scales;     ///< of each group: its weights are values, each row times its scale

    Matrix weights(std::size_t group) const { return scales[group].asDiagonal() * values[group]; }
};

/// The values are those of k-means, with errors weighed as the loss sees them. Then each column in turn takes the
/// nearest values while the columns to come make up for its error (Frantar et al. 2023, GPTQ, arXiv 2210.17323,
/// algorithm 1). Rounds follow, each step of which lowers the loss: each weight takes the value that is best while the
/// others stay; each row its best scale; the values become the least-squares answer to who takes which. The problems
/// are not empty, and some mask is not all zero.
CodedLayer fit_codes(std::span<const CodeProblem> problems, const CodeOptions& options);

/// The losses' sum.
double loss_of(std::span<const CodeProblem> problems, const CodedLayer& layer);

}  // namespace breakeven
