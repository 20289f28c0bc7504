// Detection: how well found boxes agree with the true ones: average precision of each class, its mean, how sure that
// is. Pure functions. Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) Challenge", 4.2, with the area
// under the whole curve as the challenge has it from 2010 on (all points, not eleven, and not COCO's 101).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "breakeven/files/boxes.h"
#include "breakeven/stats/proportion.h"

namespace breakeven {

/// Intersection over union of two areas, 0 to 1; 0 where a box has no area or a side that is not a number.
double overlap(const Box& a, const Box& b);

/// A found box counts for a true one from this overlap on: the 50 of "mAP50".
inline constexpr double overlap_min = 0.5;

struct Detection {
    std::int64_t label = 0;
    double score = 0.0;
    Box box;
    friend bool operator==(const Detection&, const Detection&) = default;
};

/// What is on one picture, and what a network found there.
struct Picture {
    std::vector<LabelledBox> objects;
    std::vector<Detection> found;
};

enum class Verdict { right, wrong };

/// The verdict on each of `picture.found`, in its order. Within a class the highest score chooses first (of equals the
/// earlier): it is right when the object it overlaps most does so by `overlap_min` and is not taken yet. A second box
/// for one object is wrong.
std::vector<Verdict> judge(const Picture& picture);

/// A detection of one class among those of all pictures.
struct Judged {
    double score = 0.0;
    Verdict verdict = Verdict::wrong;
};

/// The area under precision over recall, where the precision at a recall is the best at that recall or above. Equal
/// scores enter together: neither the order of files nor that of a tie changes the result. `objects` must be above 0.
Probability average_precision(std::vector<Judged> judged, std::int64_t objects);

struct ClassPrecision {
    std::int64_t label = 0;
    std::int64_t objects = 0;  ///< above 0
    std::int64_t found = 0;    ///< right and wrong
    Probability average_precision;
};

struct MeanPrecision {
    std::int64_t pictures = 0;
    std::int64_t objects = 0;
    std::int64_t strays = 0;              ///< detections of classes that no picture shows: they count for nothing
    std::vector<ClassPrecision> classes;  ///< those that some picture shows, by label
    std::optional<Probability> mean;      ///< of the classes; nothing where no picture shows anything
    /// 95 %, from resampling whole pictures (the bootstrap); nothing where that says nothing, as with one picture, or
    /// with all objects found: then every sample gives the same.
    std::optional<Interval<Probability>> ci95;
};
MeanPrecision mean_average_precision(std::span<const Picture> pictures);

/// Two networks on the same pictures.
struct PrecisionDifference {
    Probability difference;                     ///< second minus first
    std::optional<Interval<Probability>> ci95;  ///< of pictures drawn for both at once
};
/// `first` and `second` have the same objects, picture by picture. Nothing where none shows anything.
std::optional<PrecisionDifference> precision_difference(std::span<const Picture> first,
                                                        std::span<const Picture> second);

}  // namespace breakeven
