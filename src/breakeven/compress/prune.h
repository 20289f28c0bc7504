// prune: the recipe letter P. Single weights become zero, the same share in every layer; with calibration samples the
// ones that stay adapt, layer after layer, so that no training is needed. It makes files smaller, not networks faster.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/compress/gram.h"
#include "breakeven/compress/network.h"
#include "breakeven/compress/reconstruct.h"

namespace breakeven {

/// Kernels of one input channel: as the study's tool (TensorFlow Model Optimization 0.7, its prune registry), which has
/// no weights to prune in a depthwise layer.
enum class DepthwiseKernels { leave, change };
/// What becomes of the weights that stay.
enum class Reconstruction {
    none,          ///< as they were
    bias,          ///< only the layer's mean output is set right again
    least_squares  ///< they make up for those that are gone; layers that lose none make up for those before them
};
/// Which weights go: the smallest, or those whose loss the others make up for best (needs samples).
enum class PruneChoice { magnitude, second_order };

struct PrunedLayer {
    std::string node;
    std::string op;
    std::int64_t weights = 0;
    std::int64_t zeros = 0;
    /// Share of the layer's output variance that is lost on the calibration samples: with the smallest weights removed
    /// and nothing else done, and as it is now. Nothing without samples.
    std::optional<double> error_mask_alone;
    std::optional<double> error;
    std::string note;  ///< why something was not done; empty: all was
};

struct PruneReport {
    std::vector<PrunedLayer> layers;
    std::vector<LeftAlone> left_alone;
};

struct PruneOptions {
    double sparsity = 0.5;                      ///< share of each layer's weights that go, 0 to 1
    std::map<std::string, double> sparsity_of;  ///< by node name, where a layer differs
    DepthwiseKernels depthwise = DepthwiseKernels::leave;
    PruneChoice choice = PruneChoice::second_order;  ///< `magnitude` where no samples are given
    Reconstruction reconstruction = Reconstruction::least_squares;
    SecondOrder second_order;
    /// See layer_loss; larger trusts the samples less. Nothing: for each layer what half of the samples shows to be
    /// best for the other half.
    std::optional<double> damping;
    GramOptions gram;
    /// Layers are done in so many groups at most, each on inputs that the groups before it have changed. More follows
    /// errors closer; each costs two runs over the samples.
    std::size_t passes_max = 32;
    /// Layers with more columns than this keep to their mask: their moments would need gigabytes.
    std::int64_t inputs_max = 4608;
    std::function<void(const PrunedLayer& layer, std::size_t done, std::size_t total)> progress;
};

/// Whose answers the layers are fitted to, when it is not the network as it comes.
struct Teacher {
    Model model;         ///< with the layers' outputs under the same names
    KeptOutputsOf kept;  ///< where the network has fewer outputs than the teacher
};

/// `calibration` may be null: then the smallest weights go and the others stay as they are. With a sparsity of 0 and a
/// teacher the layers are only fitted. Throws Error{usage} for a sparsity that is no share or a node that is not there,
/// Error{input} for weights that are not finite.
PruneReport prune(Network& network, const PruneOptions& options, const Calibration* calibration,
                  const Teacher* teacher = nullptr);

}  // namespace breakeven
