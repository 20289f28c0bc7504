// A network that a command runs once or many times: found by file or by name on a server, met, loaded, ready.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "breakeven/engine/engine.h"
#include "breakeven/engine/engines.h"
#include "breakeven/model/model.h"
#include "breakeven/tensor/preprocess.h"
#include "cli/shell.h"

namespace breakeven::cli {

struct Loaded {
    std::string name;
    std::optional<Model> model;  ///< nothing for a name that only the server knows
    Platform platform;
    std::unique_ptr<Runner> runner;
};

/// Where to run: --platform or --server, not both.
struct Place {
    std::string platform;
    std::string server;
};
void add_place_options(CLI::App& command, Place& place);

/// `model` is an .onnx file, or, with a server, the name of a network there. Local networks meet the engine in a child
/// process first.
Loaded load(const Shell& shell, const Engines& engines, const std::string& model, const Place& place);

/// --preprocess FILE, else what the model says, else pixels as they are.
Preprocess preprocess_for(const Loaded& loaded, const std::string& file);

}  // namespace breakeven::cli
