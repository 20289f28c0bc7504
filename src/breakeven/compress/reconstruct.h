// reconstruct: which weights of a layer to remove, and what the others become so that the layer's output changes least.
// Everything follows from second moments: the loss of weights w is a quadratic form (Hassibi & Stork 1992, OBS).
#pragma once

#include <cstdint>

#include "breakeven/compress/gram.h"

namespace breakeven {

/// Mean squared error of a layer's output as a quadratic function of its weights, damped towards the weights as they
/// were. Columns are scaled to unit variance ("scaled weights"), so that the damping is one share for all inputs.
struct LayerLoss {
    Matrix curvature;  ///< inputs x inputs: correlations of the inputs, plus the damping on the diagonal
    Matrix target;     ///< outputs x inputs
    Vector scale;      ///< scaled weight = weight x scale of its column
    double constant = 0.0;

    /// Of scaled weights; never negative beyond rounding.
    double of(const Matrix& scaled) const;
    Matrix scaled(const Matrix& weights) const { return weights * scale.asDiagonal(); }
    Matrix weights(const Matrix& scaled) const { return scaled * scale.cwiseInverse().asDiagonal(); }
};

/// `damping`: the pull towards `weights`, as a share of each input's variance.
LayerLoss layer_loss(const Moments& moments, const Matrix& weights, double damping);

/// 1 for a weight that stays, 0 for one that goes.
using Mask = Matrix;

/// Keeps the largest in magnitude; exactly `removed` go.
Mask magnitude_mask(const Matrix& weights, std::int64_t removed);

/// The best scaled weights that are zero where the mask is, by conjugate gradients from `start`: the loss falls in each
/// step, so the result is never worse than `start` under the mask.
Matrix refit(const LayerLoss& loss, const Mask& mask, const Matrix& start, int steps);

/// The damping with which weights under `mask`, fitted to one half of the samples, do best on the other, both ways
/// round; a few outputs tell. What few samples say of many inputs is not to be trusted, and this finds how far.
double damping_by_halves(const SplitMoments& halves, const Matrix& weights, const Mask& mask);

struct SecondOrder {
    int stages = 12;      ///< removals in so many rounds with a refit after each; more: better choices
    int steps = 10;       ///< of each refit
    int last_steps = 60;  ///< of the one at the end
};

struct Reconstructed {
    Mask mask;
    Matrix scaled;
};

/// Removes exactly `removed` weights, those first whose removal costs least when all others adapt
/// (w^2 / [H^-1]_jj: Hassibi & Stork 1992, eq. 5), in rounds that shrink like Zhu & Gupta 2017 (arXiv 1710.01878) have
/// it.
Reconstructed second_order(const LayerLoss& loss, const Matrix& start, std::int64_t removed,
                           const SecondOrder& options);

}  // namespace breakeven
