// fold: what only scales and shifts channels goes into the weights of the layer beside it; the network's outputs stay.
#pragma once

#include <cstddef>

#include "breakeven/compress/network.h"

namespace breakeven {

/// Batch norms, and Mul, Div, Add, Sub of a stored number a channel, into a Conv, ConvTranspose or Gemm before them, or
/// behind them where that is exact (a shift before a padded convolution is not). Also what hides such pairs: Pad of
/// zeros goes into the convolution, MatMul of matrices becomes Gemm, Reshape of weights happens now, Gemm's alpha and
/// beta go into its weights. Returns how many operators are gone.
std::size_t fold_batch_norms(Network& network);

}  // namespace breakeven
