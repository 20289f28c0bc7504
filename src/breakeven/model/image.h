// ModelImage: a model as an engine takes it: its bytes, or the path of a file whose weights lie in files beside it.
#pragma once

#include <filesystem>
#include <string>

namespace breakeven {

struct ModelImage {
    std::string name;            ///< for messages and for servers: the file's stem
    std::string bytes;           ///< the serialized ONNX model
    std::filesystem::path path;  ///< not empty: weights are external, relative to this file; engines load from here
    std::string sha256;          ///< of the model file, hexadecimal: the model's identity
};

}  // namespace breakeven
