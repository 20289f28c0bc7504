// Agreement: whether an engine computes what the reference computes. A fast wrong engine is worth nothing, and one was
// seen to be wrong without a word; so nothing is measured for a choice before it has been compared.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/engine/engines.h"
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

/// Compares engines, and their units, with the reference as they are met, each once: ONNX Runtime on one core, the graph as it is
/// written.
class EngineCheck final {
   public:
    /// `samples`: what to compare by; none: a few seeded ones.
    EngineCheck(const Engines& engines, const Model& model, const ModelImage& image,
                std::vector<std::vector<Tensor>> samples = {})
        : engines_(engines), model_(model), image_(image), samples_(std::move(samples)) {}

    /// Why `platform`'s engine must not be chosen; empty when it is right, or the only one that reads the network.
    /// `runner`: the network, loaded there. Throws Error when it does not run, there or on the reference.
    const std::string& problem(const Platform& platform, Runner& runner);

   private:
    std::string compared(const Platform& platform, Runner& runner);

    const Engines& engines_;
    const Model& model_;
    const ModelImage& image_;
    std::vector<std::vector<Tensor>> samples_;
    std::map<std::string, std::string> problems_;
    std::unique_ptr<Runner> reference_;
};

}  // namespace breakeven
