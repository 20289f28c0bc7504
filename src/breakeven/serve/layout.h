// Layout: which models a repository folder holds. Triton's layout NAME/VERSION/model.onnx, or loose NAME.onnx;
// .bkv instead of .onnx for packed ones, .tflite for TensorFlow Lite's.
// Names come from the folder only: a name in a request is looked up in this list and never becomes a path.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace breakeven {

/// A model file found, or one that must not be served and why.
struct Candidate {
    std::string name;
    std::int64_t version = 1;
    std::filesystem::path file;
    std::string problem;  ///< empty: may be loaded
};

/// In the order of name, then version. Throws Error{input} when `folder` cannot be read.
std::vector<Candidate> find_models(const std::filesystem::path& folder);

}  // namespace breakeven
