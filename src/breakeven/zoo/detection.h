// detection: what comes after a detector's predictions: anchors, box decoding, non-maximum suppression, in the graph.
#pragma once

#include <string>
#include <vector>

#include "breakeven/zoo/network_builder.h"

namespace breakeven {

/// A box by its centre and size, in fractions of the picture.
struct Anchor {
    double y;
    double x;
    double height;
    double width;
};

/// The single shot detector's grid: for each square feature map of so many cells a side, all anchors of each cell, row
/// by row (Liu et al. 2016, "SSD", 2.2).
std::vector<Anchor> ssd_anchors(const std::vector<std::int64_t>& sides);

/// How many anchors a cell of feature map `map` has.
std::int64_t ssd_anchors_a_cell(std::size_t map);

/// Tensors: `encodings` [N, anchors, 4] as y, x, height, width relative to the anchor, `scores` [N, anchors, 1 +
/// classes] with the background first.
struct Predictions {
    std::string encodings;
    std::string scores;
};

/// Adds the outputs "boxes" [N, 100, 4] (top, left, bottom, right, in fractions of the picture), "scores" [N, 100] from
/// the highest on, and "classes" [N, 100], from 1. A score of 0 says that nothing more was found.
void add_detections(GraphWriter& graph, const Predictions& predictions, const std::vector<Anchor>& anchors);

}  // namespace breakeven
