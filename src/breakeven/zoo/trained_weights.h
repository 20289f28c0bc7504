// Trained weights for a network of the zoo: those of another ONNX model whose tensors match by shape and order.
#pragma once

#include "breakeven/model/model.h"

namespace breakeven {

/// `network` with the weights of `trained`: those of convolutions, batch norms and dense layers, in the order in which
/// the nodes need them. A dense layer's may be transposed, as transB says. Throws Error{input} naming the first that
/// does not match: another shape, a batch norm folded into its convolution, weights beside the file or not float32.
Model with_trained_weights(const Model& network, const Model& trained);

}  // namespace breakeven
