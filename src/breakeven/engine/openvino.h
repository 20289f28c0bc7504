// OpenVINO as an engine: platforms `openvino:cpu:N`, `openvino:gpu`, `openvino:npu`, `openvino:auto`. Its C library is
// loaded at run time, from the pinned wheel or a system installation; a machine without it runs everything else.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"

namespace breakeven {

struct OpenVinoOptions {
    /// Tried in order; the first that exists is loaded. A name without a folder is looked for by the system's loader.
    std::vector<std::filesystem::path> libraries;

    /// Asked before a library is loaded: why it must not be, for some end the process; empty: it may.
    std::function<std::string(const std::filesystem::path&)> trial = {};
};

/// Reads ONNX and TFLite. Computes in float32 where the network does: a CPU with bfloat16 units would otherwise answer
/// something else without a word. Never throws: where the library is missing or broken, platforms() says why and
/// load() throws Error{unsupported}. The library is looked for at the first question, not before.
std::unique_ptr<Engine> make_openvino(const OpenVinoOptions& options);

}  // namespace breakeven
