// groups: see groups.h.
#include "breakeven/compress/groups.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "breakeven/compress/groups_walk.h"
#include "breakeven/error.h"

namespace breakeven {

using onnx::NodeProto;

ChannelMap::ChannelMap(Network& network) {
    ChannelWalk(*this, network).run();
}

int ChannelMap::unit(int label) {
    int root = label;
    while (parent_[static_cast<std::size_t>(root)] != root) root = parent_[static_cast<std::size_t>(root)];
    while (parent_[static_cast<std::size_t>(label)] != root) {
        label = std::exchange(parent_[static_cast<std::size_t>(label)], root);
    }
    return root;
}

const ChannelAxis* ChannelMap::channels(const std::string& tensor) const {
    const auto found = tensors_.find(tensor);
    return found == tensors_.end() ? nullptr : &found->second;
}

std::vector<ChannelGroup> ChannelMap::groups() {
    std::map<int, std::set<std::size_t>> uses_of;
    for (std::size_t u = 0; u < uses_.size(); ++u) {
        for (const int label : uses_[u].labels) uses_of[unit(label)].insert(u);
    }
    std::map<std::set<std::size_t>, ChannelGroup> groups;
    for (const auto& [label, uses] : uses_of) {
        if (pinned_[static_cast<std::size_t>(label)]) continue;
        ChannelGroup& group = groups[uses];
        group.units.push_back(label);
        if (group.units.size() > 1) continue;
        for (const std::size_t u : uses) {
            if (uses_[u].role == ChannelUse::Role::made) group.makers.push_back(u);
            if (uses_[u].role == ChannelUse::Role::read) group.readers.push_back(u);
        }
    }
    std::vector<ChannelGroup> found;
    for (auto& [uses, group] : groups) {
        if (!group.makers.empty() && !group.readers.empty()) found.push_back(std::move(group));
    }
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.units.front() < b.units.front(); });
    return found;
}

namespace {

/// The tensor without the indices of `axis` that are not kept.
void slice(Network& network, const ChannelUse& use, const std::vector<bool>& kept) {
    Shape shape = network.weights_shape(use.tensor);
    BREAKEVEN_ASSERT(use.axis < shape.size() && shape[use.axis] == static_cast<std::int64_t>(kept.size()));
    std::int64_t outer = 1;
    std::int64_t inner = 1;
    for (std::size_t i = 0; i < use.axis; ++i) outer *= shape[i];
    for (std::size_t i = use.axis + 1; i < shape.size(); ++i) inner *= shape[i];
    const auto values = network.weights(use.tensor);
    std::vector<float> left;
    for (std::int64_t o = 0; o < outer; ++o) {
        for (std::size_t i = 0; i < kept.size(); ++i) {
            if (!kept[i]) continue;
            const auto from = values.begin() + (o * shape[use.axis] + static_cast<std::int64_t>(i)) * inner;
            left.insert(left.end(), from, from + inner);
        }
    }
    shape[use.axis] = std::count(kept.begin(), kept.end(), true);
    network.set_weights(use.tensor, shape, left);
}

}  // namespace

void ChannelMap::remove(Network& network, const std::vector<bool>& removed) {
    const auto kept = [&](const std::vector<int>& labels) {
        std::vector<bool> stays;
        for (const int label : labels) stays.push_back(!removed[static_cast<std::size_t>(unit(label))]);
        return stays;
    };
    const auto count = [](const std::vector<bool>& flags) {
        return static_cast<std::int64_t>(std::count(flags.begin(), flags.end(), true));
    };
    for (const ChannelUse& use : uses_) {
        const std::vector<bool> stays = kept(use.labels);
        BREAKEVEN_ASSERT(count(stays) > 0);
        if (count(stays) < static_cast<std::int64_t>(stays.size())) slice(network, use, stays);
    }
    for (const std::string& output : depthwise_) {
        NodeProto* node = network.producer(output);
        BREAKEVEN_ASSERT(node != nullptr);
        const ChannelAxis* input = channels(node->input(0));
        if (input != nullptr) set_attribute(*node, "group", count(kept(input->labels)));
    }
    for (const ChannelCount& change : counts_) {
        NodeProto* node = network.producer(change.output);
        BREAKEVEN_ASSERT(node != nullptr);
        for (const auto& stored : network.graph().initializer()) {
            if (stored.name() != node->input(1)) continue;
            std::vector<std::int64_t> target(stored.int64_data().begin(), stored.int64_data().end());
            if (stored.has_raw_data()) {
                target.resize(stored.raw_data().size() / sizeof(std::int64_t));
                std::memcpy(target.data(), stored.raw_data().data(), target.size() * sizeof(std::int64_t));
            }
            target[change.index] = count(kept(change.labels));
            const Shape shape{static_cast<std::int64_t>(target.size())};
            node->set_input(1,
                            network.add_stored(stored.name(), DType::int64, shape, std::as_bytes(std::span(target))));
            network.changed();
            break;
        }
    }
}

}  // namespace breakeven
