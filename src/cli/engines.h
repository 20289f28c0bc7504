// The engines this program knows, made for one command.
#pragma once

#include "breakeven/engine/engines.h"
#include "cli/shell.h"

namespace breakeven::cli {

/// ONNX Runtime, OpenVINO and servers (grpc://host:port). An engine that is not there is listed with its reason.
Engines make_engines(const Shell& shell);

/// Those of a server: without other servers, and with one pool of `threads` that does not spin.
Engines make_serving_engines(const Shell& shell, int threads);

/// Where ONNX Runtime's library is looked for, best first: BREAKEVEN_ONNXRUNTIME, beside the program, the build's
/// wheel.
std::vector<std::filesystem::path> onnxruntime_candidates(const Shell& shell);
/// The same of OpenVINO's: BREAKEVEN_OPENVINO, beside the program, the build's wheel, the system's.
std::vector<std::filesystem::path> openvino_candidates(const Shell& shell);

/// Loads a library ("onnxruntime", "openvino", or of a "plugin"), for what it does to this process.
void try_library(const Shell& shell, const std::filesystem::path& library, const std::string& engine);

}  // namespace breakeven::cli
