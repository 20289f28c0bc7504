// groups: which channels of a network stand and fall together. Removing one output channel of a convolution takes the
// same channel of everything it is added to, of the norms behind it, and the inputs of whoever reads it (dependency
// groups: Fang et al. 2023, DepGraph, arXiv 2301.12900; here each channel has a label of its own, united with others).
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "breakeven/compress/gram_layers.h"
#include "breakeven/compress/network.h"

namespace breakeven {

/// The dimension of a tensor that holds channels, and the label of each index.
struct ChannelAxis {
    std::size_t axis = 1;
    std::vector<int> labels;
};

/// A dimension of a stored tensor that loses what channels lose.
struct ChannelUse {
    enum class Role {
        made,    ///< outputs of a linear layer
        read,    ///< inputs of a linear layer
        follows  ///< a depthwise kernel, a norm, a constant: one number or kernel for each channel
    };
    Role role = Role::follows;
    std::string tensor;
    std::size_t axis = 0;
    std::vector<int> labels;
    std::string layer;  ///< output tensor of the node that has it
};

/// A number in the target of a Reshape that is a count of channels.
struct ChannelCount {
    std::string output;  ///< of the Reshape
    std::size_t index = 0;
    std::vector<int> labels;
};

/// Channels that can be removed one by one and cost alike: made by the same layers and read by the same.
struct ChannelGroup {
    std::vector<int> units;           ///< labels, each standing for all that were united with it
    std::vector<std::size_t> makers;  ///< indices into uses
    std::vector<std::size_t> readers;
};

class ChannelMap final {
   public:
    /// Follows the channels of `network` through every operator it knows; what others touch is pinned.
    explicit ChannelMap(Network& network);

    const std::vector<ChannelUse>& uses() const { return uses_; }
    /// Groups whose channels may go.
    std::vector<ChannelGroup> groups();
    std::size_t labels() const { return parent_.size(); }
    /// The label that stands for all that were united with this one.
    int unit(int label);
    bool is_pinned(int label) { return pinned_[static_cast<std::size_t>(unit(label))]; }
    /// Operators that pinned channels because what they do with them is unknown here.
    const std::vector<LeftAlone>& left_alone() const { return left_alone_; }
    /// The labels of a tensor's channels; null where it has none that could go.
    const ChannelAxis* channels(const std::string& tensor) const;

    /// Removes every channel whose unit is in `removed` (indexed by label) from stored tensors, groups and shapes.
    void remove(Network& network, const std::vector<bool>& removed);

   private:
    friend class ChannelWalk;

    std::vector<int> parent_;
    std::vector<bool> pinned_;
    std::unordered_map<std::string, ChannelAxis> tensors_;
    std::vector<ChannelUse> uses_;
    std::vector<ChannelCount> counts_;
    std::vector<std::string> depthwise_;  ///< output tensors of convolutions whose groups are channels
    std::vector<LeftAlone> left_alone_;
};

}  // namespace breakeven
