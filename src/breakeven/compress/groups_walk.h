// groups_walk: the walk through a graph that tells which of its channels stand and fall together (groups.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/compress/groups.h"

namespace breakeven {

/// One walk through the graph, in its order, that fills a ChannelMap.
class ChannelWalk {
   public:
    ChannelWalk(ChannelMap& map, Network& network) : map_(map), network_(network) {}

    void run();

   private:
    bool visit(onnx::NodeProto& node);
    bool convolution(onnx::NodeProto& node);
    bool depthwise(onnx::NodeProto& node, const Shape& weights);
    bool dense(onnx::NodeProto& node);
    bool norm(onnx::NodeProto& node);
    bool elementwise(onnx::NodeProto& node);
    bool constant_operand(onnx::NodeProto& node, int input, const ChannelAxis& axis, std::size_t rank);
    bool concat(onnx::NodeProto& node);
    bool reshape(onnx::NodeProto& node);
    bool transpose(onnx::NodeProto& node);
    bool reduce(onnx::NodeProto& node);
    bool same_channels(onnx::NodeProto& node);

    const ChannelAxis* of(const std::string& tensor) const { return map_.channels(tensor); }
    std::optional<Shape> shape(const std::string& tensor) const {
        const auto specification = network_.tensor(tensor);
        if (!specification) return std::nullopt;
        Shape shape = specification->shape;
        if (!shape.empty() && shape.front() < 0) shape.front() = 1;
        return element_count(shape) ? std::optional(shape) : std::nullopt;
    }
    std::vector<int> fresh(std::int64_t count) {
        std::vector<int> labels(static_cast<std::size_t>(count));
        for (int& label : labels) {
            label = static_cast<int>(map_.parent_.size());
            map_.parent_.push_back(label);
            map_.pinned_.push_back(false);
        }
        return labels;
    }
    void unite(int a, int b) {
        a = map_.unit(a);
        b = map_.unit(b);
        if (a == b) return;
        map_.parent_[static_cast<std::size_t>(b)] = a;
        if (map_.pinned_[static_cast<std::size_t>(b)]) map_.pinned_[static_cast<std::size_t>(a)] = true;
    }
    void unite(const std::vector<int>& a, const std::vector<int>& b) {
        for (std::size_t i = 0; i < a.size(); ++i) unite(a[i], b[i]);
    }
    void pin(const std::string& tensor) {
        const ChannelAxis* axis = of(tensor);
        if (axis == nullptr) return;
        for (const int label : axis->labels) map_.pinned_[static_cast<std::size_t>(map_.unit(label))] = true;
    }
    void pin_inputs(const onnx::NodeProto& node);
    void use(ChannelUse::Role role, const std::string& tensor, std::size_t axis, std::vector<int> labels,
             const onnx::NodeProto& node) {
        map_.uses_.push_back({role, tensor, axis, std::move(labels), node.output(0)});
    }
    bool pass(const onnx::NodeProto& node, ChannelAxis axis) {
        map_.tensors_[node.output(0)] = std::move(axis);
        return true;
    }
    /// Stored whole numbers, such as axes or a target shape.
    std::optional<std::vector<std::int64_t>> integers(const std::string& tensor) const;

    ChannelMap& map_;
    Network& network_;
};

}  // namespace breakeven
