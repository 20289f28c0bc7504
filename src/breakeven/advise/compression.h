// Compression: a recipe cooked with a real engine and real samples, and what it buys: size, speed, accuracy, each
// beside the network as given.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/compress/recipe.h"
#include "breakeven/engine/engines.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/accuracy.h"
#include "breakeven/stats/summary.h"
#include "breakeven/tensor/preprocess.h"
#include "breakeven/time/clock.h"

namespace breakeven {

struct CompressionRequest {
    std::string recipe;
    RecipeOptions options;                             ///< but for `drop`, which is made here, and `progress`
    std::optional<std::filesystem::path> calibration;  ///< folder of samples; labels are not looked at
    std::size_t calibration_samples = 100;
    std::optional<std::filesystem::path> data;  ///< labelled samples, for accuracy; those that calibrated are left out
    std::size_t data_limit = 500;               ///< 0: all
    std::optional<Preprocess> preprocess;       ///< where the folders do not say; else what the model says
    Platform platform;                          ///< on which speed is measured
    std::size_t runs = 60;  ///< 0: speed is not measured; without samples either, no engine is needed
};

struct CompressionTools {
    const Engines& engines;
    Clock& clock;
    std::function<void(const std::string&)> progress;
    const std::atomic<bool>* stop = nullptr;
};

/// One form of the network in figures.
struct FormFigures {
    std::int64_t parameters = 0;
    std::int64_t nonzero = 0;
    Bytes file_size;
    Bytes packed_size;
    std::optional<Summary> latency;
    std::optional<Tally> top1;  ///< with labels
};

struct CompressionResult {
    Compressed compressed;
    FormFigures before;
    FormFigures after;
    std::optional<Comparison> comparison;  ///< the variant against the network as given; nothing without samples
    bool is_untrained = false;             ///< agreement is all that means something
    std::size_t calibration_samples = 0;
    std::vector<std::string> warnings;
};

/// Throws what compress() throws, and Error{input} for a network with several inputs where samples are given.
CompressionResult compress_model(const ModelFile& model, const CompressionRequest& request, CompressionTools& tools);

}  // namespace breakeven
