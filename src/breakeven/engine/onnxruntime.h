// ONNX Runtime as an engine: platforms `cpu:N`, and its execution providers by name: `cuda:0`, `tensorrt:0`,
// `xnnpack:2`, `qnn:0`, `vsinpu:0`, plugins such as `openvino`'s (`onnxruntime:openvino:0` here: `openvino:0`). Its
// library is loaded at run time, so that a vendor's build can take its place, and a machine without it still runs
// everything else.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"

namespace breakeven {

struct OnnxRuntimeOptions {
    /// Tried in order; the first that exists is loaded.
    std::vector<std::filesystem::path> libraries;

    /// Plugin libraries with execution providers; one that does not load is listed with its reason.
    std::vector<std::filesystem::path> plugins = {};

    /// Asked before a library or plugin is loaded: why it must not be, for some end the process; empty: it may.
    std::function<std::string(const std::filesystem::path&)> trial = {};

    /// Whose threads run a graph. `per_model`: each loaded model has its own, which spin for low latency: right for
    /// measuring. `shared`: one pool of `shared_threads` for all models, without spinning: right for a server, whose
    /// spinning threads would take the cores from the network.
    enum class Pool { per_model, shared } pool = Pool::per_model;
    int shared_threads = 1;

    /// Not empty: when a loaded model goes, it leaves a file of where its time went, its name beginning so.
    std::string profile_prefix = {};
};

/// Never throws: where the library is missing or broken, platforms() says why and load() throws Error{unsupported}.
/// One process should make one: ONNX Runtime keeps one environment a process, and the first call decides its pool.
std::unique_ptr<Engine> make_onnxruntime(const OnnxRuntimeOptions& options);

}  // namespace breakeven
