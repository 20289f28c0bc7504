// Agreement: see agreement.h.
#include "breakeven/measure/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "breakeven/error.h"
#include "breakeven/measure/sample_input.h"

namespace breakeven {
namespace {

constexpr double float_tolerance = 1e-3;
constexpr double integer_tolerance = 0.25;
constexpr std::uint64_t samples_count = 4;

/// Squared norms of an output's difference and of the reference, over samples.
struct Distance {
    double difference = 0.0;
    double reference = 0.0;

    double relative() const {
        if (difference == 0.0) return 0.0;
        return reference > 0.0 ? std::sqrt(difference / reference) : std::numeric_limits<double>::infinity();
    }
};

void add(Distance& distance, const Tensor& tested, const Tensor& reference) {
    if (tested.shape() != reference.shape()) {
        distance.difference = std::numeric_limits<double>::infinity();
        return;
    }
    if (reference.dtype() == DType::string) return;
    const std::vector<double> ours = to_doubles(tested);
    const std::vector<double> theirs = to_doubles(reference);
    for (std::size_t i = 0; i < theirs.size(); ++i) {
        if (!std::isfinite(theirs[i])) {
            if (std::isfinite(ours[i])) distance.difference = std::numeric_limits<double>::infinity();
            continue;
        }
        const double apart = ours[i] - theirs[i];
        distance.difference += std::isfinite(apart) ? apart * apart : std::numeric_limits<double>::infinity();
        distance.reference += theirs[i] * theirs[i];
    }
}

}  // namespace

bool computes_in_integers(const Model& model) {
    if (model.format() == ModelFormat::tflite) {
        return std::ranges::any_of(model.inputs(), [](const TensorSpec& input) {
            return input.dtype == DType::int8 || input.dtype == DType::uint8;
        });
    }
    return std::ranges::any_of(model.layers(), [](const Layer& layer) {
        return layer.op.find("Quantize") != std::string::npos || layer.op.find("QLinear") != std::string::npos ||
               layer.op.find("Integer") != std::string::npos;
    });
}

double tolerance_of(const Model& model) {
    return computes_in_integers(model) ? integer_tolerance : float_tolerance;
}

Agreement compare(Runner& tested, Runner& reference, std::span<const std::vector<Tensor>> samples, double tolerance) {
    std::vector<Distance> distances(reference.outputs().size());
    for (const std::vector<Tensor>& sample : samples) {
        const RunResult ours = tested.run(sample);
        const RunResult theirs = reference.run(sample);
        if (ours.outputs.size() != theirs.outputs.size()) {
            return {.error = std::numeric_limits<double>::infinity(), .tolerance = tolerance};
        }
        for (std::size_t i = 0; i < distances.size(); ++i) add(distances[i], ours.outputs[i], theirs.outputs[i]);
    }
    Agreement agreement{.error = 0.0, .tolerance = tolerance};
    for (const Distance& distance : distances) agreement.error = std::max(agreement.error, distance.relative());
    return agreement;
}

const std::string& EngineCheck::problem(const Platform& platform, Runner& runner) {
    const std::string unit = platform.engine + ":" + platform.unit;  // threads change nothing but the order of sums
    const auto known = problems_.find(unit);
    if (known != problems_.end()) return known->second;
    return problems_[unit] = compared(platform, runner);
}

std::string EngineCheck::compared(const Platform& platform, Runner& runner) {
    if (model_.format() == ModelFormat::tflite) return {};
    if (!reference_) {
        reference_ = engines_.load(image_, {.engine = "onnxruntime", .unit = "cpu", .number = 1}, {.optimize = false});
        const bool given = !samples_.empty();
        for (std::uint64_t seed = 1; !given && seed <= samples_count; ++seed) {
            samples_.push_back(sample_inputs(model_.inputs(), seed));
        }
    }
    const Agreement agreement = compare(runner, *reference_, samples_, tolerance_of(model_));
    if (agreement.right()) return {};
    return fmt::format(
        "{} computes something else: its outputs are {:.3g} % off the reference's ({:.3g} % is what the "
        "network's number format explains)",
        platform.engine, 100.0 * agreement.error, 100.0 * agreement.tolerance);
}

}  // namespace breakeven
