// SSD on MobileNet V1 and V2 (Liu et al. 2016, "SSD: Single shot multibox detector"; Huang et al. 2017, "Speed/accuracy
// trade-offs for modern convolutional object detectors"), as TensorFlow's ssd_mobilenet_v1_coco and _v2_coco: six
// feature maps, 90 classes and the background. The anchors are stored, and count as parameters.
#include <fmt/format.h>

#include <array>

#include "breakeven/zoo/definitions.h"
#include "breakeven/zoo/detection.h"

namespace breakeven {

namespace {

using Value = NetworkBuilder::Value;

constexpr std::int64_t classes = 91;  ///< with the background
constexpr std::int64_t box_numbers = 4;

/// Each further map: 1x1 to half as many channels, then 3x3 with stride 2.
constexpr std::array<std::int64_t, 4> further_maps{512, 256, 256, 128};

/// In what the two detectors differ, beyond the network below.
enum class Narrowing { full, depthwise };
struct Head {
    Narrowing narrowing;      ///< how the 3x3 of stride 2 is made
    std::int64_t prediction;  ///< kernel
};

std::vector<Value> feature_maps(NetworkBuilder& builder, const Features& features, Narrowing narrowing) {
    std::vector<Value> maps{features.middle, features.last};
    const auto norm_and_relu = [&](const std::string& layer, const Value& value) {
        return builder.relu6(layer + "_relu", builder.batch_norm(layer + "_bn", value, {}));
    };
    for (std::size_t i = 0; i < further_maps.size(); ++i) {
        const std::string layer = fmt::format("map{}", i + 2);
        const std::string narrow = layer + "_narrow";
        Value value =
            norm_and_relu(narrow, builder.convolution(narrow, maps.back(), further_maps[i] / 2, {.kernel = 1}));
        NetworkBuilder::Filter filter{.kernel = 3, .stride = 2};
        if (narrowing == Narrowing::depthwise) {
            const std::string depthwise = layer + "_depthwise";
            value = norm_and_relu(depthwise, builder.depthwise(depthwise, value, filter));
            filter = {.kernel = 1};
        }
        maps.push_back(norm_and_relu(layer, builder.convolution(layer, value, further_maps[i], filter)));
    }
    return maps;
}

/// Predictions of all maps one below the other: [N, anchors, numbers].
class Stack {
   public:
    Stack(NetworkBuilder& builder, std::string name, std::int64_t numbers)
        : builder_(builder), name_(std::move(name)), numbers_(numbers) {}

    void add(std::size_t map, const Value& from, const NetworkBuilder::Filter& each) {
        const std::string layer = fmt::format("{}_{}", name_, map);
        const Value value = builder_.convolution(layer, from, ssd_anchors_a_cell(map) * numbers_, each);
        builder_.count({.parameters = 0, .keras_layers = 1});  // Keras' Reshape
        GraphWriter* graph = builder_.graph();
        if (graph == nullptr) return;
        if (shape_.empty()) shape_ = graph->store(name_ + "_shape", {3}, std::vector<std::int64_t>{0, -1, numbers_});
        const std::string last = graph->node(layer + "_channels_last", "Transpose", {value.tensor},
                                             {{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}});
        parts_.push_back(graph->node(layer + "_anchors", "Reshape", {last, shape_}));
    }
    std::string joined() {
        builder_.count({.parameters = 0, .keras_layers = 1});
        GraphWriter* graph = builder_.graph();
        return graph == nullptr ? name_ : graph->node(name_, "Concat", parts_, {{"axis", std::int64_t{1}}});
    }

   private:
    NetworkBuilder& builder_;
    std::string name_;
    std::int64_t numbers_;
    std::string shape_;
    std::vector<std::string> parts_;
};

void detect(NetworkBuilder& builder, const Features& features, const Head& head) {
    const std::vector<Value> maps = feature_maps(builder, features, head.narrowing);
    Stack boxes(builder, "box_encodings", box_numbers);
    Stack scores(builder, "class_logits", classes);
    std::vector<std::int64_t> sides;
    for (std::size_t map = 0; map < maps.size(); ++map) {
        boxes.add(map, maps[map], {.kernel = head.prediction, .bias = Bias::centred});
        scores.add(map, maps[map], {.kernel = head.prediction, .bias = Bias::rare});
        sides.push_back(maps[map].height);
    }
    const std::vector<Anchor> anchors = ssd_anchors(sides);
    const std::string encodings = boxes.joined();
    const std::string logits = scores.joined();
    builder.count({.parameters = box_numbers * static_cast<std::int64_t>(anchors.size()), .keras_layers = 1});
    GraphWriter* graph = builder.graph();
    if (graph == nullptr) return;
    add_detections(*graph, {encodings, graph->node("class_sigmoid", "Sigmoid", {logits})}, anchors);
}

}  // namespace

void ssd_mobilenet_v1(NetworkBuilder& builder, std::int64_t side) {
    detect(builder, mobilenet_v1_features(builder, side, Border::same),
           {.narrowing = Narrowing::full, .prediction = 1});
}

void ssd_mobilenet_v2(NetworkBuilder& builder, std::int64_t side) {
    detect(builder, mobilenet_v2_features(builder, side, Border::same),
           {.narrowing = Narrowing::depthwise, .prediction = 3});
}

}  // namespace breakeven
