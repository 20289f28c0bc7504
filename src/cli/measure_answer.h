// What `breakeven measure` answers: as JSON, and for people.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "breakeven/files/model_file.h"
#include "breakeven/measure/layers.h"
#include "breakeven/measure/machine.h"
#include "breakeven/measure/measurement.h"
#include "cli/shell.h"

namespace breakeven::cli {

/// One platform with the network loaded on it.
struct Subjected {
    Platform platform;
    std::string title;  ///< as it was asked for: the platform, or both of a network in two parts
    std::string engine_version;
    std::unique_ptr<Runner> runner;
    std::vector<Tensor> inputs;
    bool right = true;                   ///< it computes what the reference computes
    std::vector<LayerTime> layers = {};  ///< where asked for and told
    std::string layers_reason = {};
};

/// Everything the answer is made of.
struct Answer {
    ModelFile model;
    Machine machine;
    std::vector<Subjected> loaded;
    MeasurementSet set;
    std::vector<std::string> warnings;
};

Json document(const Answer& answer);
std::string text_of(const Answer& answer);

/// Fills in the layers' times, or the reason why there are none: from a session of its own, as profiling slows what it
/// looks at.
void profile_layers(const Shell& shell, const ModelImage& model, Subjected& loaded);

}  // namespace breakeven::cli
