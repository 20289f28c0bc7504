// calibrate: the range of each quantized activation, from samples. Candidates come from one histogram a tensor, in
// bounded memory; which is best is asked of the layers that take the tensor.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/compress/execution.h"
#include "breakeven/compress/observe.h"
#include "breakeven/model/model.h"
#include "breakeven/stats/proportion.h"

namespace breakeven {

/// How a range is found. `automatic`: of the others, the one that leaves the most signal to noise in what the layers
/// behind the tensor put out.
enum class CalibrationMethod { automatic, min_max, percentile, squared_error, divergence };
std::string_view name(CalibrationMethod method);

struct CalibrationOptions {
    CalibrationMethod method = CalibrationMethod::automatic;
    Probability percentile = of_one(0.9999);  ///< of the values that lie inside, for `percentile`
    std::size_t samples_max = 300;            ///< more are not looked at
};

struct ChosenRange {
    std::string tensor;
    Range range;
    CalibrationMethod method = CalibrationMethod::min_max;
};

/// One range for each method that has one of its own, min-max first.
std::vector<ChosenRange> candidate_ranges(const std::string& tensor, const Observation& observation,
                                          const CalibrationOptions& options);

/// What groups of tensors hold over the samples: `groups` by name, each with the tensors that count for it. One pass,
/// or several when all the tensors of one inference would take much memory. Throws Error{input} where numbers are not
/// finite.
std::map<std::string, Observation> observe(const Model& model,
                                           const std::map<std::string, std::vector<std::string>>& groups,
                                           const CalibrationOptions& options, const Samples& samples,
                                           const Execute& execute);

}  // namespace breakeven
