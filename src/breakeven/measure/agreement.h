// Agreement: whether an engine computes what the reference computes. A fast wrong engine is worth nothing, and one was
// seen to be wrong without a word; so nothing is measured for a choice before it has been compared.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/engine/engines.h"
#include "breakeven/measure/accuracy.h"
#include "breakeven/model/model.h"

namespace breakeven {

struct Agreement {
    /// ||y - r|| / ||r|| over all samples, of the output that is worst; infinite where an output has another shape or
    /// is no number where the reference's is one.
    double error = 0.0;
    double tolerance = 0.0;  ///< for the network's number format
    bool right() const { return error <= tolerance; }
};

/// Whether a network computes in integers somewhere: its engines then round in different places, and may.
bool computes_in_integers(const Model& model);

/// How far two engines may be apart. Float: sums in another order, which over deep networks reach 1e-4; half the error
/// that rounding every activation to bfloat16 makes (2^-9) would be noticed. Integers: two right engines differ by as
/// much as either differs from the float network (SQNR 15 to 30 dB); a wrong one by about 1.
double tolerance_of(const Model& model);

/// The same samples through both. Throws Error when one of them fails to run.
Agreement compare(Runner& tested, Runner& reference, std::span<const std::vector<Tensor>> samples, double tolerance);

/// What an engine's comparison with the reference found.
struct EngineVerdict {
    std::optional<Agreement> agreement;  ///< nothing where no reference reads the network
    std::optional<Evaluation> accuracy;  ///< the reference's, and beside it the engine's; with labelled samples
    std::string problem;                 ///< why it must not be chosen; empty when it is right
    std::string not_compared;            ///< why there is no agreement: nothing is known against it, nor for it
};

/// Seeded inputs that reach as far as real ones: numbers of 0 to 1, pixels of 0 to 255, and pixels around 0. An engine
/// that computes integers wrongly was seen to be right within 9 % while its inputs were small, and all wrong on pixels.
std::vector<std::vector<Tensor>> comparison_inputs(std::span<const TensorSpec> inputs);

/// What to compare by, besides comparison_inputs().
struct EngineSamples {
    std::vector<std::vector<Tensor>> inputs = {};
    std::optional<AccuracyTask> labelled = {};
};

/// Compares engines, and their units, with the reference as they are met, each once: ONNX Runtime on one core, the
/// graph as it is written.
class EngineCheck final {
   public:
    EngineCheck(const Engines& engines, const Model& model, const ModelImage& image, EngineSamples samples = {})
        : engines_(engines), model_(model), image_(image), samples_(std::move(samples)) {}

    /// `runner`: the network, loaded on `platform`. Throws Error when it does not run there; where the reference is not
    /// here, or does not run the network, others go on uncompared.
    const EngineVerdict& verdict(const Platform& platform, Runner& runner);

   private:
    EngineVerdict compared(const Platform& platform, Runner& runner);
    /// Null, with the reason in the verdict.
    Runner* reference(EngineVerdict& verdict);

    const Engines& engines_;
    const Model& model_;
    const ModelImage& image_;
    EngineSamples samples_;
    std::map<std::string, EngineVerdict> verdicts_;
    std::unique_ptr<Runner> reference_;
};

}  // namespace breakeven
