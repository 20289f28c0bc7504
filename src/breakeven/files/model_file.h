// model_file: a model on disk, and its weights in the files beside it.
#pragma once

#include <filesystem>

#include "breakeven/model/image.h"
#include "breakeven/model/model.h"

namespace breakeven {

struct ModelFile {
    Model model;       ///< checked, for looking into it
    ModelImage image;  ///< the same, for engines
};

/// Reads and checks an .onnx or .tflite file, or one that was packed (compress/pack.h), by what it begins with. Weights
/// in other files must lie inside the model's folder, links followed, and be there whole. Throws Error{input}, naming the file that is missing or bad.
ModelFile load_model(const std::filesystem::path& path);

}  // namespace breakeven
