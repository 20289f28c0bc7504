// input_codec: codec `u8` puts the cast and the normalisation of a picture in front of a model, so that it takes the
// 8-bit pixels as they cross a link. The result is an ordinary ONNX model that any server can host.
#pragma once

#include "breakeven/model/model.h"
#include "breakeven/tensor/preprocess.h"

namespace breakeven {

/// The model with its picture input as uint8, of the same name and shape: pixel * scale + offset of each channel, as
/// `preprocess` says, is computed inside. Weights in other files stay there: the result belongs in the same folder.
/// Throws Error{input} unless the model has one input, float32, a picture of 1 or 3 channels.
Model with_u8_input(const Model& model, const Preprocess& preprocess);

/// What the model's own metadata says of its preprocessing; raw pixels 0..255 where it says nothing.
Preprocess preprocess_of(const Model& model);

}  // namespace breakeven
