// A split network, loaded: its head on this device, its tail on a server, which is sent the tail where it has not got
// it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/codec/codec.h"
#include "breakeven/engine/engines.h"
#include "breakeven/files/model_file.h"
#include "breakeven/model/parts.h"
#include "breakeven/time/clock.h"
#include "breakeven/wire/client.h"
#include "breakeven/wire/deploy.h"

namespace breakeven {

/// Where the two parts run.
struct SplitPlaces {
    Platform head;                   ///< of this machine
    std::shared_ptr<Client> server;  ///< of the tail
    /// How what crosses travels, where the server takes frames.
    std::optional<Codec> codec = {};
};

struct LoadedSplit {
    std::unique_ptr<Runner> runner;
    Deployed tail;  ///< how the server came to have it
};

/// The tail as a server is given it: under a name that says what it is, so that it replaces nobody's network.
ModelImage tail_image(const Parts& parts, const ModelFile& whole);

/// Cuts `whole` at the named tensors and loads both parts; runs like the whole. Loses no answer when the server
/// restarts (wire/deployed_runner.h). Throws Error as split_at() does, {unsupported} or {unavailable} with what a
/// server says that takes no networks: then the tail must be put there by hand (`breakeven split -o`).
LoadedSplit load_split(const ModelFile& whole, const std::vector<std::string>& cut, const SplitPlaces& places,
                       const Engines& engines, Clock& clock, const DeployOptions& options = {});

}  // namespace breakeven
