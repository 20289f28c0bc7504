// Accuracy: how often a network is right on labelled samples, how sure that is, and whether another differs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/stats/proportion.h"

namespace breakeven {

/// What to run on. Samples are asked for one at a time: a data set need not fit into memory.
struct AccuracyTask {
    /// One entry a sample; nothing where it has no label.
    std::vector<std::optional<std::int64_t>> labels;
    /// Sample `index` as the input that a network takes.
    std::function<Tensor(std::size_t index, const TensorSpec& spec)> input;
    /// Output index of label 0.
    std::int64_t label_offset = 0;
    /// A label counts as found when it is among so many best scores.
    std::int64_t top = 5;
};

struct Accuracy {
    std::int64_t n = 0;
    std::int64_t top = 5;
    std::optional<Tally> top1;  ///< nothing without labels
    std::optional<Tally> top_k;
    /// How often the first class was the one before the label, and the one after it.
    std::int64_t one_before = 0;
    std::int64_t one_after = 0;
};

/// One line where the labels look shifted by one class: far more would be right with another offset than `label_offset`
/// (both shares' 95 % intervals apart). TensorFlow's ImageNet networks have such a class 0, "background".
std::optional<std::string> doubt_of_labels(const Accuracy& accuracy, std::int64_t label_offset);

/// Two networks on the same samples.
struct Comparison {
    Accuracy second;
    Tally agreement;  ///< both put the same class first
    /// Who was right where only one was; the difference's interval and McNemar's p follow (stats/proportion.h).
    std::optional<Disagreement> disagreement;
};

struct Evaluation {
    Accuracy accuracy;
    std::optional<Comparison> comparison;
};

enum class Onwards { go_on, stop };
/// Asked after each sample; what was counted until a stop is the result.
using AccuracyProgress = std::function<Onwards(std::size_t done, const Evaluation& so_far)>;

/// Runs every sample, batch 1, through `first`, and `second` where there is one (pass nullptr for none). The first
/// output holds the classes' scores. Throws Error{input} for a label that has no output, and for a network with more
/// than one input.
Evaluation evaluate(const AccuracyTask& task, Runner& first, Runner* second, const AccuracyProgress& progress);

struct ClassScore {
    std::size_t index = 0;
    double score = 0.0;
    friend bool operator==(const ClassScore&, const ClassScore&) = default;
};
/// The `count` best scores of an output, best first; of equals the lower index is better, not-a-number is worst.
std::vector<ClassScore> best_classes(const Tensor& scores, std::size_t count);

/// Whether the scores are probabilities already: none negative, together 1 within rounding.
bool are_probabilities(const Tensor& scores);
/// exp(x) / sum of exp: probabilities from scores that are none.
Tensor softmax(const Tensor& scores);

}  // namespace breakeven
