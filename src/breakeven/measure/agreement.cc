// Agreement: see agreement.h.
#include "breakeven/measure/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "breakeven/error.h"
#include "breakeven/measure/sample_input.h"

namespace breakeven {
namespace {

constexpr double float_tolerance = 1e-3;
constexpr double integer_tolerance = 0.25;

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

/// The sample of seed 1, spread over [low, high) where it is numbers of 0 to 1, and over all of int8.
Tensor spread(const TensorSpec& spec, float low, float high) {
    Tensor tensor = sample_input(spec, 1);
    if (tensor.dtype() == DType::float32) {
        for (float& value : tensor.mutable_as<float>()) value = low + (high - low) * value;
    } else if (tensor.dtype() == DType::int8) {
        const Tensor bytes = sample_input({.name = spec.name, .dtype = DType::uint8, .shape = spec.shape}, 1);
        std::ranges::transform(bytes.as<std::uint8_t>(), tensor.mutable_as<std::int8_t>().begin(),
                               [](std::uint8_t byte) { return static_cast<std::int8_t>(byte - 128); });
    }
    return tensor;
}

/// Whether the second of both is right less often, beyond chance.
bool loses(const Evaluation& found) {
    const auto& disagreement = found.comparison->disagreement;
    return disagreement && paired_difference_interval(*disagreement).high < Probability();
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

std::vector<std::vector<Tensor>> comparison_inputs(std::span<const TensorSpec> inputs) {
    constexpr std::array<std::pair<float, float>, 3> ranges{{{0.0F, 1.0F}, {0.0F, 255.0F}, {-128.0F, 127.0F}}};
    std::vector<std::vector<Tensor>> samples;
    for (const auto& [low, high] : ranges) {
        std::vector<Tensor>& sample = samples.emplace_back();
        for (const TensorSpec& spec : inputs) sample.push_back(spread(spec, low, high));
    }
    return samples;
}

namespace {

using Samples = std::span<const std::vector<Tensor>>;

std::vector<RunResult> answers(Runner& runner, Samples samples) {
    std::vector<RunResult> results;
    for (const std::vector<Tensor>& sample : samples) results.push_back(runner.run(sample));
    return results;
}

Agreement compare(Runner& tested, const std::vector<RunResult>& expected, Samples samples, double tolerance) {
    std::vector<Distance> distances(expected.empty() ? 0 : expected.front().outputs.size());
    for (std::size_t s = 0; s < samples.size(); ++s) {
        const RunResult ours = tested.run(samples[s]);
        if (ours.outputs.size() != distances.size()) {
            return {.error = std::numeric_limits<double>::infinity(), .tolerance = tolerance};
        }
        for (std::size_t i = 0; i < distances.size(); ++i) {
            add(distances[i], ours.outputs[i], expected[s].outputs[i]);
        }
    }
    Agreement agreement{.error = 0.0, .tolerance = tolerance};
    for (const Distance& distance : distances) agreement.error = std::max(agreement.error, distance.relative());
    return agreement;
}

}  // namespace

Agreement compare(Runner& tested, Runner& reference, Samples samples, double tolerance) {
    return compare(tested, answers(reference, samples), samples, tolerance);
}

const EngineVerdict& EngineCheck::verdict(const Platform& platform, Runner& runner) {
    Platform unit = platform;
    if (unit.unit == "cpu") unit.number = 1;  // threads change nothing but the order of sums
    const auto known = verdicts_.find(to_text(unit));
    if (known != verdicts_.end()) return known->second;
    return verdicts_[to_text(unit)] = compared(platform, runner);
}

Runner* EngineCheck::reference(EngineVerdict& verdict) {
    if (model_.format() == ModelFormat::tflite) verdict.not_compared = "no reference reads TFLite files";
    try {
        if (!reference_ && verdict.not_compared.empty()) {
            reference_ =
                engines_.load(image_, {.engine = "onnxruntime", .unit = "cpu", .number = 1}, {.optimize = false});
        }
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::internal) throw;
        verdict.not_compared = fmt::format("the reference is missing: {}", error.what());
    }
    return reference_.get();
}

EngineVerdict EngineCheck::compared(const Platform& platform, Runner& runner) {
    EngineVerdict verdict;
    Runner* const reference = this->reference(verdict);
    if (reference == nullptr) return verdict;
    std::vector<std::vector<Tensor>> inputs = comparison_inputs(model_.inputs());
    inputs.insert(inputs.end(), samples_.inputs.begin(), samples_.inputs.end());
    std::vector<RunResult> expected;
    try {
        expected = answers(*reference, inputs);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::internal) throw;
        verdict.not_compared = fmt::format("the reference breaks off: {}", error.what());
        return verdict;
    }
    verdict.agreement = compare(runner, expected, inputs, tolerance_of(model_));
    if (samples_.labelled) {
        verdict.accuracy = evaluate(*samples_.labelled, *reference, &runner,
                                    [](std::size_t, const Evaluation&) { return Onwards::go_on; });
    }
    const std::string unit = platform.engine + ":" + platform.unit;
    if (!verdict.agreement->right()) {
        verdict.problem = fmt::format(
            "{} computes something else: its outputs are {:.3g} % off the reference's ({:.3g} % is what the network's "
            "number format explains)",
            unit, 100.0 * verdict.agreement->error, 100.0 * verdict.agreement->tolerance);
    } else if (verdict.accuracy && loses(*verdict.accuracy)) {
        const Evaluation& found = *verdict.accuracy;
        verdict.problem =
            fmt::format("{} is less accurate: top-1 {:.2f} % of {} labelled samples, the reference's {:.2f} %", unit,
                        share(*found.comparison->second.top1).in(percent), found.accuracy.n,
                        share(*found.accuracy.top1).in(percent));
    }
    return verdict;
}

}  // namespace breakeven
