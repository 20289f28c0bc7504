// Recipe: letters in order of application make a variant of a network: P prunes single weights, W lets weights share a
// few values, S removes whole channels, Q makes 8-bit integers of it all. "PWQ" is the study's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/compress/cluster.h"
#include "breakeven/compress/prune.h"
#include "breakeven/compress/quantize.h"
#include "breakeven/compress/sensitivity.h"
#include "breakeven/compress/structured.h"
#include "breakeven/model/model.h"

namespace breakeven {

/// The letters of a recipe. Throws Error{usage} for one that is none of P, W, S, Q, for an empty recipe, a letter given
/// twice, and anything after Q: integers are not pruned, clustered or cut.
std::string parse_recipe(std::string_view text);

/// Whether each layer's sensitivity to 8 bits is measured: some runs of the network for each of them.
enum class SensitivityStudy { measured, left_out };

struct RecipeOptions {
    PruneOptions prune;
    ClusterOptions cluster;
    ChannelOptions channels;
    QuantizeOptions quantize;
    SensitivityStudy sensitivity = SensitivityStudy::measured;  ///< with `drop_points_max` it must be
    /// Layers stay in float until the variant loses at most so many points; `drop` measures them.
    std::optional<double> drop_points_max;
    Drop drop;
    /// What is done and, where it is known, which share of it.
    std::function<void(const std::string& what, std::optional<double> share)> progress;
};

/// What a letter did.
struct RecipeStep {
    char letter = 'P';
    std::string what;                     ///< "pruned 1.6 M of 3.2 M weights in 14 layers"
    std::vector<std::string> left_alone;  ///< "BatchNormalization x 27": operators that stayed as they were, and why
    std::int64_t parameters = 0;          ///< after it
    std::int64_t nonzero = 0;
    Bytes file_size;
};

struct Compressed {
    Model model;
    std::vector<RecipeStep> steps;
    std::vector<LayerSensitivity> sensitivities;  ///< of 8 bits, the most sensitive first; where the recipe has a Q
    std::vector<std::string> kept_float;          ///< by drop_points_max
    std::optional<double> drop_points;            ///< of the result, where it was measured for drop_points_max
    bool floor_holds = true;
};

/// The variant. Metadata of the model stay, with "breakeven.recipe" added. Throws what the steps throw: Error{input}
/// without samples where a letter needs them (Q and S always), {usage} for options that make no sense.
Compressed compress(const Model& model, const std::string& letters, const RecipeOptions& options,
                    const Calibration& calibration);

/// Stored weights that are not zero: floats, and 8-bit integers that are not their zero point.
std::int64_t nonzero_weights(const Model& model);

inline constexpr std::string_view recipe_metadata_key = "breakeven.recipe";

}  // namespace breakeven
