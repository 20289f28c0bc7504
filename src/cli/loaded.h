// A network that a command runs once or many times: found by file or by name on a server, met, loaded, ready.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/engine/engines.h"
#include "breakeven/files/model_file.h"
#include "breakeven/model/model.h"
#include "breakeven/tensor/preprocess.h"
#include "cli/shell.h"

namespace breakeven::cli {

struct Loaded {
    std::string name;
    std::optional<Model> model;  ///< nothing for a name that only the server knows
    Platform platform;
    std::string where;  ///< for people: the platform, or both of a network in two parts
    std::unique_ptr<Runner> runner;
};

/// Where to run: on --platform or --server; cut --at tensors, on both.
struct Place {
    std::string platform;
    std::string server;
    std::vector<std::string> at;
    std::string codec;
};
void add_place_options(CLI::App& command, Place& place);

/// `model` is an .onnx file, or, with a server, the name of a network there. Local networks meet the engine in a child
/// process first.
Loaded load(const Shell& shell, const Engines& engines, const std::string& model, const Place& place);

/// A network cut in two: the head here, the tail on the server, to which it is sent unless it is there.
struct TwoPlaces {
    std::vector<std::string> at;
    Platform head;
    std::string server;  ///< "host:port"
    std::string codec;   ///< of what crosses; empty: as it is
};
std::unique_ptr<Runner> load_in_two(const Shell& shell, const Engines& engines, const ModelFile& model,
                                    const TwoPlaces& places);

/// --preprocess FILE, else what the model says, else pixels as they are.
Preprocess preprocess_for(const Loaded& loaded, const std::string& file);

}  // namespace breakeven::cli
