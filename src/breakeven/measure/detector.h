// Detector: a network that answers with boxes: which of its outputs says what, and what it found on each picture.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/measure/accuracy.h"
#include "breakeven/measure/detection.h"

namespace breakeven {

/// The order of a box's four numbers. No output says which it is.
enum class BoxOrder {
    top_left_bottom_right,  ///< TensorFlow's detectors, and the zoo's
    left_top_right_bottom,
};

/// Which outputs are what. Two forms are known, both for one picture with corners in fractions of it:
///  - chosen boxes: `boxes` [1,N,4], `scores` [1,N], `classes` (or `labels`) [1,N], as after non-maximum suppression; a
///    score of 0 says that there is nothing;
///  - all boxes: `boxes` [1,N,4] and `scores` [1,N,C], C scores for each box, the first of them that of the background
///    unless it is the only one. The overlapping ones among them are left out here.
/// The end of a name counts: "detection_boxes" and "boxes:0" are `boxes`.
struct DetectorOutputs {
    std::size_t boxes = 0;
    std::size_t scores = 0;
    std::optional<std::size_t> classes;  ///< nothing where `scores` has them all
    BoxOrder order = BoxOrder::top_left_bottom_right;
};

/// `order` as the user gives it; else top first where the boxes are chosen, left first where they are not, as UltraFace
/// and the detectors from PyTorch have it. Nothing where the outputs are none of a detector's.
std::optional<DetectorOutputs> detector_outputs(const std::vector<TensorSpec>& outputs, std::optional<BoxOrder> order);

/// So many are kept of a picture, the highest scores, as in COCO (Lin et al. 2014).
inline constexpr std::size_t detections_max = 100;

/// What the outputs say of one picture, highest score first. Boxes and scores that are no numbers are left out. Throws
/// Error{input} where the tensors' sizes contradict each other, or where boxes are not in fractions (but in pixels).
std::vector<Detection> detections_of(const std::vector<Tensor>& outputs, const DetectorOutputs& which);

/// What to run on.
struct DetectionTask {
    /// Of each sample, with labels as in the data.
    std::vector<std::vector<LabelledBox>> objects;
    /// Sample `index` as the input that a network takes.
    std::function<Tensor(std::size_t index, const TensorSpec& spec)> input;
    /// What a class number of the network is above its label.
    std::int64_t label_offset = 0;
    std::optional<BoxOrder> order;
};

struct DetectionEvaluation {
    MeanPrecision first;
    std::optional<MeanPrecision> second;
    std::optional<PrecisionDifference> difference;  ///< second minus first
    /// The second held against the first's boxes as though they were true: 1 where both find the same.
    std::optional<MeanPrecision> agreement;
};

/// Asked after each sample.
using DetectionProgress = std::function<Onwards(std::size_t done)>;

/// Runs every sample, batch 1, through `first`, and `second` where there is one (nullptr for none); what was found
/// until `progress` stops is the result. Throws Error{input} for a network that is no detector, naming its outputs, or
/// has more than one input.
DetectionEvaluation evaluate_detector(const DetectionTask& task, Runner& first, Runner* second,
                                      const DetectionProgress& progress);

}  // namespace breakeven
