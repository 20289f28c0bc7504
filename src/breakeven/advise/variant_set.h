// A set of variants: several networks, each in several forms, built into one folder. Whatever ends it, the next run
// goes on where it ended: a variant counts once its file and its line in the manifest are there, whole.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "breakeven/advise/variant_manifest.h"
#include "breakeven/compress/recipe.h"
#include "breakeven/engine/engines.h"
#include "breakeven/time/clock.h"

namespace breakeven {

struct NetworkToBuild {
    std::string name;
    double work = 1.0;  ///< how long it takes beside the others, roughly: for the time left
    std::function<Model()> build;
};

/// Inputs by number, for one network.
struct SampleStream {
    std::size_t count = 0;
    std::function<Tensor(const Model& network, std::size_t index)> at;
};

struct VariantSetRequest {
    std::filesystem::path folder;
    std::vector<NetworkToBuild> networks;
    std::vector<std::string> recipes;  ///< besides the network as given
    RecipeOptions options;
    SampleStream calibration;
    SampleStream comparison;                      ///< on other samples than those that calibrated
    std::map<std::string, std::string> settings;  ///< see VariantManifest
    Platform platform;                            ///< where networks run
};

struct VariantSetProgress {
    std::string what;  ///< "resnet50-75-pwq: W: clustering conv3"
    std::size_t done = 0;
    std::size_t total = 0;
    std::optional<Seconds> left;  ///< an estimate, once one variant was built
};

struct VariantSetTools {
    const Engines& engines;
    Clock& clock;
    std::function<void(const VariantSetProgress&)> progress;
    const std::atomic<bool>* stop = nullptr;
};

struct VariantSetResult {
    VariantManifest manifest;
    std::size_t total = 0;
    std::size_t built = 0;  ///< now; the others of the manifest were there
    bool is_complete = false;
};

/// Throws Error{usage} for a folder that holds variants of other settings, {unavailable} where another run is at work
/// in it or the disk is full, and what the steps throw.
VariantSetResult build_variants(const VariantSetRequest& request, const VariantSetTools& tools);

}  // namespace breakeven
