// What `breakeven measure` answers: as JSON, and for people.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/error.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/agreement.h"
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
    EngineVerdict verdict = {};          ///< whether it computes what the reference computes; of a server not asked
    std::vector<LayerTime> layers = {};  ///< where asked for and told
    std::string layers_reason = {};
};

/// A platform that was asked for and could not take the network.
struct Refused {
    std::string platform;
    ErrorKind kind;
    std::string reason;
};

/// Everything the answer is made of.
struct Answer {
    ModelFile model;
    Machine machine;
    std::vector<Subjected> loaded;
    std::vector<Refused> refused;
    MeasurementSet set;
    std::vector<std::string> warnings;
};

/// Where an accelerator's nodes really run; null where the platform is none, or its engine does not tell.
Json placement_json(const std::optional<Placement>& placement);

Json document(const Answer& answer);
std::string text_of(const Answer& answer);

/// Fills in the layers' times, or the reason why there are none: from a session of its own, as profiling slows what it
/// looks at.
void profile_layers(const Shell& shell, const ModelImage& model, Subjected& loaded);

}  // namespace breakeven::cli
