// structured: the recipe letter S. Whole channels go, with all that depends on them, so that the network computes less
// and really gets faster; those that stay are fitted to what the network answered before. No training.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/compress/gram.h"
#include "breakeven/compress/network.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// Which channels go first. `magnitude`: those with the smallest weights (Li et al. 2017, arXiv 1608.08710).
/// `second_order`: those whose removal costs their readers least when the readers adapt (group OBS).
enum class ChannelChoice { magnitude, second_order };
/// How many go where. `even`: the same share everywhere. `by_loss`: where a saved multiply-add costs least.
enum class ChannelAllocation { even, by_loss };
enum class ChannelRefit { none, least_squares };

struct ChannelOptions {
    /// Share of the work to keep, above 0 to 1. Work: multiply-adds with channels rounded up to whole vectors, and what
    /// moving the results costs (see Work in structured_choice.h). 1: only what `fit` asks for.
    double keep = 0.7;
    /// Widths that change become multiples of this. Engines compute 16 channels at a time with AVX-512, 8 with AVX2.
    std::int64_t multiple = 16;
    ChannelChoice choice = ChannelChoice::second_order;
    ChannelAllocation allocation = ChannelAllocation::by_loss;
    ChannelRefit refit = ChannelRefit::least_squares;
    /// How many channels to keep of each group, in the order of ChannelReport::groups, instead of `keep` and `fit`:
    /// what another choice had, for comparing the two at the same speed. Empty: chosen here.
    std::vector<std::int64_t> widths;
    /// The weights of each layer shall fit this, a cache level for instance; as far as channels can do it.
    std::optional<Bytes> fit;
    Bytes weight_size{4};  ///< of one weight, for `fit`: 1 when the network will be quantized
    /// So many samples tell how far the network's answers move when a group loses a few channels, twice as many, and so
    /// on: that is what the groups' widths are weighed by. 0: every layer's own error counts alike.
    std::size_t sensitivity_samples = 64;
    std::optional<double> damping;  ///< of the refit, see PruneOptions
    int steps = 60;                 ///< of each refit (reconstruct.h)
    GramOptions gram;
    std::size_t passes_max = 32;     ///< see PruneOptions
    std::int64_t inputs_max = 4608;  ///< see PruneOptions
    /// What is done, and how much of it there is.
    std::function<void(const std::string& what, std::size_t done, std::size_t total)> progress;
};

/// Channels that went together.
struct PrunedChannels {
    std::vector<std::string> makers;  ///< nodes whose outputs they are
    std::int64_t before = 0;
    std::int64_t after = 0;
    /// Expected error of the network's answers as a share of their variance; without sensitivity_samples, of the
    /// readers' outputs, summed. By magnitude: the sum of the weights gone.
    double error = 0.0;
};

struct ChannelReport {
    std::vector<PrunedChannels> groups;
    std::int64_t macs_before = 0;
    std::int64_t macs_after = 0;
    double work_left = 1.0;  ///< share, see ChannelOptions::keep
    std::size_t layers = 0;  ///< with weights; how many of them fit, where `fit` was asked for
    std::size_t layers_fit_before = 0;
    std::size_t layers_fit_after = 0;
    std::vector<LeftAlone> left_alone;
};

struct PrunedNetwork {
    Model model;
    ChannelReport report;
};

/// The model with fewer channels. Throws Error{usage} for options that make no sense or no samples, Error{input} for
/// weights that are not finite, Error{unsupported} for a network without channels that can go.
PrunedNetwork prune_channels(const Model& model, const ChannelOptions& options, const Calibration& calibration);

}  // namespace breakeven
