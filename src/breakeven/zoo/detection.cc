// detection: see detection.h. The numbers are those of TensorFlow's ssd_mobilenet configurations, but for the score
// from which on a box counts: theirs is 1e-8, which leaves next to nothing out and says nothing of what is seen.
#include "breakeven/zoo/detection.h"

#include <array>
#include <cmath>

namespace breakeven {

namespace {

constexpr std::int64_t detections = 100;  ///< in all, and of one class
constexpr float overlap_max = 0.6F;
constexpr float score_min = 0.05F;
/// Box encodings are in tenths of the anchor, sizes in fifths on a logarithmic scale (Liu et al. 2016, appendix; Ren et
/// al. 2015, "Faster R-CNN", eq. 2).
constexpr float centre_variance = 0.1F;
constexpr float size_variance = 0.2F;

/// Anchor sizes grow evenly from map to map, as fractions of the picture.
constexpr std::array<double, 7> scales{0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0};

struct AnchorShape {
    double scale;
    double aspect;  ///< width over height
};

std::vector<AnchorShape> shapes_of(std::size_t map) {
    const double scale = scales.at(map);
    if (map == 0) return {{0.1, 1.0}, {scale, 2.0}, {scale, 0.5}};
    return {{scale, 1.0}, {scale, 2.0},    {scale, 0.5},
            {scale, 3.0}, {scale, 0.3333}, {std::sqrt(scale * scales.at(map + 1)), 1.0}};
}

/// Constants and nodes with names of their own.
class Writer {
   public:
    explicit Writer(GraphWriter& graph) : graph_(graph) {}

    std::string scalar(const std::string& name, float value) { return graph_.store(name, {}, std::span(&value, 1)); }
    std::string scalar(const std::string& name, std::int64_t value) {
        return graph_.store(name, {}, std::vector<std::int64_t>{value});
    }
    std::string indices(const std::string& name, const std::vector<std::int64_t>& values) {
        return graph_.store(name, {static_cast<std::int64_t>(values.size())}, values);
    }
    /// One number of each anchor, [anchors, 1].
    std::string column(const std::string& name, const std::vector<Anchor>& anchors, double Anchor::*number) {
        std::vector<float> values;
        for (const Anchor& anchor : anchors) values.push_back(static_cast<float>(anchor.*number));
        return graph_.store(name, {static_cast<std::int64_t>(values.size()), 1}, values);
    }
    std::string node(const std::string& name, std::string_view op, const std::vector<std::string>& inputs,
                     const std::vector<NodeAttribute>& attributes = {}, std::int64_t outputs = 1) {
        return graph_.node(name, op, inputs, attributes, outputs);
    }

   private:
    GraphWriter& graph_;
};

/// [N, anchors, 4]: corners within the picture.
std::string decode(Writer& graph, const std::string& encodings, const std::vector<Anchor>& anchors) {
    const std::string parts = graph.node("box_parts", "Split", {encodings}, {{"axis", std::int64_t{2}}}, 4);
    const std::string centre_scale = graph.scalar("box_centre_variance", centre_variance);
    const std::string size_scale = graph.scalar("box_size_variance", size_variance);
    const std::string half = graph.scalar("half", 0.5F);
    const auto edges = [&](const std::string& axis, const std::string& offset, const std::string& stretch,
                           double Anchor::*place, double Anchor::*extent) {
        const std::string anchor_place = graph.column("anchors/" + axis, anchors, place);
        const std::string anchor_size = graph.column("anchors/" + axis + "_size", anchors, extent);
        std::string centre = graph.node(axis + "_scaled", "Mul", {offset, centre_scale});
        centre = graph.node(axis + "_offset", "Mul", {centre, anchor_size});
        centre = graph.node(axis + "_centre", "Add", {centre, anchor_place});
        std::string size = graph.node(axis + "_size_scaled", "Mul", {stretch, size_scale});
        size = graph.node(axis + "_stretch", "Exp", {size});
        size = graph.node(axis + "_size", "Mul", {size, anchor_size});
        size = graph.node(axis + "_half_size", "Mul", {size, half});
        return std::array{graph.node(axis + "_from", "Sub", {centre, size}),
                          graph.node(axis + "_to", "Add", {centre, size})};
    };
    const auto y = edges("y", parts, parts + "_2", &Anchor::y, &Anchor::height);
    const auto x = edges("x", parts + "_1", parts + "_3", &Anchor::x, &Anchor::width);
    const std::string corners =
        graph.node("box_corners", "Concat", {y[0], x[0], y[1], x[1]}, {{"axis", std::int64_t{2}}});
    return graph.node("boxes_decoded", "Clip", {corners, graph.scalar("box_min", 0.0F), graph.scalar("box_max", 1.0F)});
}

/// [N, classes, anchors]: without the background.
std::string class_scores(Writer& graph, const std::string& scores) {
    const std::string classes = graph.node("class_scores", "Slice",
                                           {scores, graph.indices("slice_from", {1}),
                                            graph.indices("slice_to", {INT64_MAX}), graph.indices("slice_axis", {2})});
    return graph.node("scores_by_class", "Transpose", {classes}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}});
}

}  // namespace

std::int64_t ssd_anchors_a_cell(std::size_t map) {
    return static_cast<std::int64_t>(shapes_of(map).size());
}

std::vector<Anchor> ssd_anchors(const std::vector<std::int64_t>& sides) {
    std::vector<Anchor> anchors;
    for (std::size_t map = 0; map < sides.size(); ++map) {
        const auto side = static_cast<double>(sides[map]);
        const std::vector<AnchorShape> shapes = shapes_of(map);
        for (std::int64_t row = 0; row < sides[map]; ++row) {
            for (std::int64_t column = 0; column < sides[map]; ++column) {
                for (const AnchorShape& shape : shapes) {
                    const double stretch = std::sqrt(shape.aspect);
                    anchors.push_back({.y = (static_cast<double>(row) + 0.5) / side,
                                       .x = (static_cast<double>(column) + 0.5) / side,
                                       .height = shape.scale / stretch,
                                       .width = shape.scale * stretch});
                }
            }
        }
    }
    return anchors;
}

void add_detections(GraphWriter& graph_writer, const Predictions& predictions, const std::vector<Anchor>& anchors) {
    Writer graph(graph_writer);
    const std::string boxes = decode(graph, predictions.encodings, anchors);
    const std::string scores = class_scores(graph, predictions.scores);
    const std::string chosen =
        graph.node("chosen", "NonMaxSuppression",
                   {boxes, scores, graph.scalar("detections_max", detections), graph.scalar("overlap_max", overlap_max),
                    graph.scalar("score_min", score_min)});
    // How many are chosen depends on the picture. So that the outputs have one size, whatever the batch, the scores of
    // the chosen go back to their places among zeros, and the highest are taken.
    const std::string shape = graph.node("scores_shape", "Shape", {scores});
    const std::string zeros = graph.node("no_scores", "ConstantOfShape", {shape});
    const std::string values = graph.node("chosen_scores", "GatherND", {scores, chosen});
    const std::string kept = graph.node("kept_scores", "ScatterND", {zeros, chosen, values});
    const std::string flat = graph.node("kept_flat", "Reshape", {kept, graph.indices("flat_shape", {0, -1})});
    const std::string top =
        graph.node("best", "TopK", {flat, graph.indices("best_count", {detections})}, {{"axis", std::int64_t{1}}}, 2);
    const std::string count = graph.scalar("anchor_count", static_cast<std::int64_t>(anchors.size()));
    const std::string classes = graph.node("best_class", "Div", {top + "_1", count});
    const std::string labels = graph.node("best_label", "Add", {classes, graph.scalar("first_label", std::int64_t{1})});
    const std::string places = graph.node("best_anchor", "Mod", {top + "_1", count});
    const std::string index = graph.node("best_index", "Unsqueeze", {places, graph.indices("last_axis", {-1})});
    const std::string best = graph.node("best_boxes", "GatherND", {boxes, index}, {{"batch_dims", std::int64_t{1}}});
    graph_writer.output("boxes", best, DType::float32, {detections, 4});
    graph_writer.output("scores", top, DType::float32, {detections});
    graph_writer.output("classes", labels, DType::int64, {detections});
}

}  // namespace breakeven
