// calibrate: see calibrate.h.
#include "breakeven/compress/calibrate.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/error.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {

namespace {

/// Tensors of one inference that are asked for together: an engine holds them all at once.
constexpr Bytes together_max{std::int64_t{128} << 20};
/// For the histogram of one tensor: enough for the 99.99th percentile to stand on 40 values.
constexpr std::size_t points_wanted = 400'000;

/// A tensor to look at, and the group it counts for.
struct Watched {
    std::string tensor;
    std::string group;
};

std::vector<std::vector<Watched>> portions(const Model& model, const std::vector<Watched>& all) {
    std::vector<std::vector<Watched>> result(1);
    Bytes size;
    for (const Watched& watched : all) {
        const auto specification = model.tensor(watched.tensor);
        const auto own = specification ? size_of(*specification) : std::nullopt;
        if (own && size + *own > together_max && !result.back().empty()) {
            result.emplace_back();
            size = Bytes();
        }
        if (own) size += *own;
        result.back().push_back(watched);
    }
    return result;
}

std::vector<std::string> tensors_of(const std::vector<Watched>& portion) {
    std::vector<std::string> tensors;
    for (const Watched& watched : portion) tensors.push_back(watched.tensor);
    return tensors;
}

}  // namespace

std::string_view name(CalibrationMethod method) {
    switch (method) {
        case CalibrationMethod::automatic: return "auto";
        case CalibrationMethod::min_max: return "min-max";
        case CalibrationMethod::percentile: return "percentile";
        case CalibrationMethod::squared_error: return "mse";
        case CalibrationMethod::divergence: return "kl";
    }
    return "";
}

std::vector<ChosenRange> candidate_ranges(const std::string& tensor, const Observation& observation,
                                          const CalibrationOptions& options) {
    const auto range_by = [&](CalibrationMethod method) {
        switch (method) {
            case CalibrationMethod::percentile: return observation.percentile(options.percentile);
            case CalibrationMethod::squared_error: return observation.least_squared_error();
            case CalibrationMethod::divergence: return observation.least_divergence();
            default: return observation.extremes();
        }
    };
    std::vector<CalibrationMethod> methods{options.method};
    if (options.method == CalibrationMethod::automatic) {
        methods = {CalibrationMethod::min_max, CalibrationMethod::percentile, CalibrationMethod::squared_error,
                   CalibrationMethod::divergence};
    }
    std::vector<ChosenRange> candidates;
    for (const CalibrationMethod method : methods) {
        const Range range = with_zero(range_by(method));
        // Less than a level.
        const float alike = 0.003F * (range.high - range.low);
        const bool known = std::any_of(candidates.begin(), candidates.end(), [&](const ChosenRange& c) {
            return std::abs(c.range.low - range.low) <= alike && std::abs(c.range.high - range.high) <= alike;
        });
        if (!known) candidates.push_back({tensor, range, method});
    }
    return candidates;
}

std::map<std::string, Observation> observe(const Model& model,
                                           const std::map<std::string, std::vector<std::string>>& groups,
                                           const CalibrationOptions& options, const Samples& samples,
                                           const Execute& execute) {
    std::map<std::string, Observation> observations;
    const bool extremes_only = options.method == CalibrationMethod::min_max;
    const std::size_t points =
        extremes_only ? 0 : std::max<std::size_t>(4096, points_wanted / std::max<std::size_t>(samples.count, 1));
    std::vector<Watched> inside;
    for (const auto& [group, tensors] : groups) {
        for (const std::string& tensor : tensors) {
            const auto& inputs = model.inputs();
            const auto input =
                std::find_if(inputs.begin(), inputs.end(), [&](const auto& i) { return i.name == tensor; });
            if (input == inputs.end()) {
                inside.push_back({tensor, group});
                continue;
            }
            const auto place = static_cast<std::size_t>(input - inputs.begin());
            for (std::size_t i = 0; i < samples.count; ++i) {
                observations[group].add(samples.at(i)[place].as<float>(), points);
            }
        }
    }
    for (const std::vector<Watched>& portion : portions(model, inside)) {
        if (portion.empty()) continue;
        execute(with_outputs(model, tensors_of(portion)), samples, [&](std::size_t, std::span<const Tensor> outputs) {
            BREAKEVEN_ASSERT(outputs.size() == portion.size());
            for (std::size_t i = 0; i < outputs.size(); ++i) {
                observations[portion[i].group].add(outputs[i].as<float>(), points);
            }
        });
    }
    for (const auto& [tensor, observation] : observations) {
        if (!observation.has_nonfinite()) continue;
        throw Error(ErrorKind::input, fmt::format("calibrate '{}'", printable(model.name(), 120)),
                    fmt::format("tensor '{}' takes values that are no finite numbers on these samples; look at the "
                                "samples and their preprocessing",
                                printable(tensor, 120)));
    }
    return observations;
}

}  // namespace breakeven
