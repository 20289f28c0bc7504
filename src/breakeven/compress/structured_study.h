// structured_study: a network whose channels are followed, while it is decided which go.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "breakeven/compress/gram.h"
#include "breakeven/compress/groups.h"
#include "breakeven/compress/network.h"

namespace breakeven {

struct Study {
    explicit Study(const Model& model);

    /// The linear layer that has the use; null for norms and constants.
    const LinearLayer* layer(const ChannelUse& use) const;
    /// Which outputs of which layers are left when units (by label) are removed.
    KeptOutputsOf kept_outputs(const std::vector<bool>& removed);

    Network network;
    ChannelMap map;
    LinearLayers layers;
    Model base;  ///< the network as it came, its weights owned layer by layer
    std::vector<ChannelGroup> groups;
    std::unordered_map<std::string, std::size_t> layer_of;  ///< by output tensor
    std::unordered_map<int, std::size_t> group_of;          ///< by unit
};

/// Pull towards the weights as they were while channels are ranked: more where there are few rows for many inputs.
double ranking_damping(const Moments& moments);

/// How far the network's answers move when channels go: what a layer's own error cannot tell.
class Sensitivity final {
   public:
    /// Looks at up to `samples` of the calibration's odd ones (of all, where there is only one): moments of the even
    /// ones do not know them, so that what readers adapt to is not flattered. Scores are looked at before a softmax.
    Sensitivity(Study& study, const Calibration& calibration, std::size_t samples);

    /// Squared error of the answers as a share of their variance when `units` of a group are gone and its readers have
    /// adapted to `moments` (of each reader, in the order of the group's).
    double of(const ChannelGroup& group, std::span<const int> units, std::span<const SplitMoments* const> moments);

   private:
    std::vector<std::vector<float>> answers(const Model& model) const;

    Study& study_;
    Calibration calibration_;
    std::vector<std::string> outputs_;
    std::vector<std::vector<float>> before_;
    double variance_ = 0.0;
};

}  // namespace breakeven
