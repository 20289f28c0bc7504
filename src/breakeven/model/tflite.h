// A TensorFlow Lite file, looked into: what goes in and out, its layers, its weights. Nothing of it is changed here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "breakeven/model/image.h"
#include "breakeven/model/model.h"

namespace breakeven {

/// By the file identifier "TFL3" behind the first four bytes.
bool is_tflite(std::string_view bytes);

/// Whether the bytes are all of the model: engines read TFLite from a path, but nothing lies beside it.
bool is_in_one_file(const ModelImage& model);

struct TfliteNetwork {
    ModelFacts facts;  ///< opset: the schema's version; nodes: operators of the main subgraph
    std::vector<Layer> layers;
    std::vector<TensorSpec> tensors;  ///< of the main subgraph
};

/// Throws Error{input} for a file that is cut short or whose references lead nowhere; {unsupported} for a type that
/// cannot go in or out.
TfliteNetwork parse_tflite(std::string_view bytes, std::string_view name);

}  // namespace breakeven
