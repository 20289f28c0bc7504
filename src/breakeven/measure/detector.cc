// Detector: see detector.h.
#include "breakeven/measure/detector.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// Where all boxes come: below this score a box is background, and of two of a class that overlap by more than this
/// the lower is the same object seen twice.
constexpr double score_min = 0.05;
constexpr double overlap_max = 0.5;
/// Of one class, before overlapping ones are left out: bounds the work whatever a network says.
constexpr std::size_t candidates_max = 1000;
/// Boxes may reach beyond the picture, but not by pictures: then they are in pixels.
constexpr double fraction_max = 10.0;

bool ends_with(std::string_view name, std::string_view end) {
    name = name.substr(0, name.rfind(':'));
    return name.ends_with(end);
}

/// Where the one output is whose name ends so.
std::optional<std::size_t> named(const std::vector<TensorSpec>& outputs, std::string_view end) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (!ends_with(outputs[i].name, end)) continue;
        if (found) return std::nullopt;
        found = i;
    }
    return found;
}

bool is_four(std::int64_t dimension) {
    return dimension == 4 || dimension < 0;
}

std::string outputs_text(const std::vector<TensorSpec>& outputs) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < outputs.size() && i < 4; ++i) {
        texts.push_back(outputs[i].name.substr(0, 60) + " " + to_text(outputs[i].shape));
    }
    if (outputs.size() > texts.size()) texts.emplace_back("...");
    return fmt::format("{}", fmt::join(texts, ", "));
}

struct Sides {
    std::span<const double> values;
    BoxOrder order;
};

/// Nothing for one that is not a number.
std::optional<Box> box_at(const Sides& sides, std::size_t index) {
    const auto four = sides.values.subspan(4 * index, 4);
    if (!std::ranges::all_of(four, [](double value) { return std::isfinite(value); })) return std::nullopt;
    for (const double value : four) {
        if (std::abs(value) > fraction_max) {
            throw Error(ErrorKind::input, "evaluate the boxes found",
                        fmt::format("a corner lies at {}: boxes must be in fractions of the picture", value));
        }
    }
    if (sides.order == BoxOrder::top_left_bottom_right) {
        return Box{.top = four[0], .left = four[1], .bottom = four[2], .right = four[3]};
    }
    return Box{.top = four[1], .left = four[0], .bottom = four[3], .right = four[2]};
}

[[noreturn]] void refuse_sizes(const Tensor& boxes, const Tensor& other) {
    throw Error(ErrorKind::input, "evaluate the boxes found",
                fmt::format("boxes {} and {} beside them do not belong together", to_text(boxes.shape()),
                            to_text(other.shape())));
}

void keep_best(std::vector<Detection>& found, std::size_t count) {
    std::ranges::stable_sort(found, std::greater{}, &Detection::score);
    if (found.size() > count) found.resize(count);
}

std::vector<Detection> chosen(const Sides& sides, std::span<const double> scores, std::span<const double> classes) {
    std::vector<Detection> found;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        // A class beyond 2^31 is no class; a score that is not a number fails the comparison, too.
        if (!(scores[i] > 0.0) || !(std::abs(classes[i]) < 0x1p31)) continue;
        const std::optional<Box> box = box_at(sides, i);
        if (box) found.push_back({.label = std::llround(classes[i]), .score = scores[i], .box = *box});
    }
    return found;
}

/// Greedy non-maximum suppression of one class (Liu et al. 2016, "SSD", 2.2).
void suppress(std::vector<Detection>& found) {
    keep_best(found, candidates_max);
    std::vector<Detection> kept;
    for (const Detection& next : found) {
        const auto hides = [&](const Detection& better) { return overlap(better.box, next.box) > overlap_max; };
        if (kept.size() < detections_max && std::ranges::none_of(kept, hides)) kept.push_back(next);
    }
    found = std::move(kept);
}

std::vector<Detection> all_classes(const Sides& sides, std::span<const double> scores) {
    const std::size_t boxes = sides.values.size() / 4;
    const std::size_t classes = scores.size() / boxes;
    std::vector<Detection> found;
    for (std::size_t label = classes == 1 ? 0 : 1; label < classes; ++label) {
        std::vector<Detection> of_class;
        for (std::size_t i = 0; i < boxes; ++i) {
            const double score = scores[i * classes + label];
            if (!(score >= score_min)) continue;
            const std::optional<Box> box = box_at(sides, i);
            if (box) of_class.push_back({.label = static_cast<std::int64_t>(label), .score = score, .box = *box});
        }
        suppress(of_class);
        found.insert(found.end(), of_class.begin(), of_class.end());
    }
    return found;
}

/// One network and what it finds.
class Finder {
   public:
    Finder(Runner& runner, const DetectionTask& task) : runner_(runner), task_(task) {
        const auto which = detector_outputs(runner.outputs(), task.order);
        if (!which) {
            throw Error(ErrorKind::input, "evaluate on boxes.csv",
                        fmt::format("the network is no detector that is known here: it needs outputs boxes [1,N,4] and "
                                    "scores [1,N] with classes [1,N], or scores [1,N,C]; it has {}",
                                    outputs_text(runner.outputs())));
        }
        which_ = *which;
        if (runner.inputs().size() != 1) {
            throw Error(ErrorKind::input, "evaluate",
                        fmt::format("the network has {} inputs, and a sample is one", runner.inputs().size()));
        }
    }

    void look_at(std::size_t index) {
        const std::array inputs{task_.input(index, runner_.inputs().front())};
        Picture picture{.objects = task_.objects[index], .found = detections_of(runner_.run(inputs).outputs, which_)};
        for (Detection& detection : picture.found) detection.label -= task_.label_offset;
        pictures_.push_back(std::move(picture));
    }
    const std::vector<Picture>& pictures() const { return pictures_; }

   private:
    Runner& runner_;
    const DetectionTask& task_;
    DetectorOutputs which_;
    std::vector<Picture> pictures_;
};

/// The pictures with what `other` finds on them as their objects. Boxes without area, such as those beyond the
/// picture's edge, agree with nothing, not even themselves: on both sides they are left out.
std::vector<Picture> held_against(const std::vector<Picture>& other, std::vector<Picture> pictures) {
    const auto has_no_area = [](const Detection& found) { return overlap(found.box, found.box) == 0.0; };
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        std::erase_if(pictures[i].found, has_no_area);
        pictures[i].objects.clear();
        for (const Detection& found : other[i].found) {
            if (!has_no_area(found)) pictures[i].objects.push_back({.label = found.label, .box = found.box});
        }
    }
    return pictures;
}

}  // namespace

std::optional<DetectorOutputs> detector_outputs(const std::vector<TensorSpec>& outputs, std::optional<BoxOrder> order) {
    const auto boxes = named(outputs, "boxes");
    const auto scores = named(outputs, "scores");
    auto classes = named(outputs, "classes");
    if (!classes) classes = named(outputs, "labels");
    if (!boxes || !scores) return std::nullopt;
    const Shape& box_shape = outputs[*boxes].shape;
    const std::size_t score_rank = outputs[*scores].shape.size();
    if (box_shape.size() < 2 || box_shape.size() > 3 || !is_four(box_shape.back())) return std::nullopt;
    const bool are_chosen = classes && score_rank + 1 == box_shape.size();
    if (!are_chosen && score_rank != box_shape.size()) return std::nullopt;
    const BoxOrder usual = are_chosen ? BoxOrder::top_left_bottom_right : BoxOrder::left_top_right_bottom;
    return DetectorOutputs{.boxes = *boxes,
                           .scores = *scores,
                           .classes = are_chosen ? classes : std::nullopt,
                           .order = order.value_or(usual)};
}

std::vector<Detection> detections_of(const std::vector<Tensor>& outputs, const DetectorOutputs& which) {
    const std::size_t last = std::max({which.boxes, which.scores, which.classes.value_or(0)});
    if (last >= outputs.size()) {
        throw Error(ErrorKind::input, "evaluate the boxes found",
                    fmt::format("the network gave {} outputs, and {} were announced", outputs.size(), last + 1));
    }
    const Tensor& boxes = outputs[which.boxes];
    const Tensor& scores = outputs[which.scores];
    for (const std::size_t i : {which.boxes, which.scores, which.classes.value_or(which.scores)}) {
        if (outputs[i].dtype() == DType::string) refuse_sizes(boxes, outputs[i]);
    }
    const std::int64_t count = boxes.elements() / 4;
    if (boxes.elements() % 4 != 0 || (boxes.shape().size() == 3 && boxes.shape().front() != 1)) {
        refuse_sizes(boxes, scores);
    }
    const std::vector<double> sides = to_doubles(boxes), score_values = to_doubles(scores);
    const Sides all{.values = sides, .order = which.order};
    std::vector<Detection> found;
    if (which.classes) {
        const Tensor& classes = outputs[*which.classes];
        if (scores.elements() != count) refuse_sizes(boxes, scores);
        if (classes.elements() != count) refuse_sizes(boxes, classes);
        found = chosen(all, score_values, to_doubles(classes));
    } else if (count > 0) {
        if (scores.elements() == 0 || scores.elements() % count != 0) refuse_sizes(boxes, scores);
        found = all_classes(all, score_values);
    }
    keep_best(found, detections_max);
    return found;
}

DetectionEvaluation evaluate_detector(const DetectionTask& task, Runner& first, Runner* second,
                                      const DetectionProgress& progress) {
    Finder one(first, task);
    std::optional<Finder> other;
    if (second != nullptr) other.emplace(*second, task);
    for (std::size_t i = 0; i < task.objects.size(); ++i) {
        one.look_at(i);
        if (other) other->look_at(i);
        if (progress && progress(i + 1) == Onwards::stop) break;
    }
    DetectionEvaluation evaluation{
        .first = mean_average_precision(one.pictures()), .second = {}, .difference = {}, .agreement = {}};
    if (other) {
        evaluation.second = mean_average_precision(other->pictures());
        evaluation.difference = precision_difference(one.pictures(), other->pictures());
        evaluation.agreement = mean_average_precision(held_against(one.pictures(), other->pictures()));
    }
    return evaluation;
}

}  // namespace breakeven
