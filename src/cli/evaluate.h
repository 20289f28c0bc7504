// What the two answers of `breakeven evaluate` share: one for classes (evaluate.cc), one for boxes
// (evaluate_detector.cc).
#pragma once

#include <optional>
#include <string>

#include "breakeven/measure/detector.h"
#include "breakeven/stats/proportion.h"
#include "breakeven/tensor/preprocess.h"
#include "cli/loaded.h"
#include "cli/shell.h"

namespace breakeven::cli {

struct Evaluated {
    Loaded model;
    std::optional<Loaded> against;
    Preprocess preprocess;
};
bool is_untrained(const Evaluated& networks);

double number(Probability of);
std::string percent_text(Probability of);
Json interval_json(const Interval<Probability>& of);

struct Pictures {
    std::string data;          ///< the folder, as the user named it
    std::size_t pictures = 0;  ///< in it
};
/// Prints what was found. With `networks.against` the model is the second of the evaluation.
void answer_detector(const Shell& shell, const Pictures& pictures, const Evaluated& networks,
                     const DetectionEvaluation& evaluation);

}  // namespace breakeven::cli
