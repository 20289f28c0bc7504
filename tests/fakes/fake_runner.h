// FakeRunner: a network that takes a scripted time, by moving a virtual clock. It keeps who ran in which order.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/time/clock.h"

namespace breakeven::fakes {

class FakeRunner final : public Runner {
   public:
    /// The i-th run of this runner; it may throw an Error.
    using Script = std::function<Seconds(std::size_t)>;

    FakeRunner(VirtualClock& clock, Script script) : clock_(clock), script_(std::move(script)) {}

    const std::vector<TensorSpec>& inputs() const override { return inputs_; }
    const std::vector<TensorSpec>& outputs() const override { return outputs_; }

    RunResult run(std::span<const Tensor> /*tensors*/) override {
        if (log != nullptr) *log += letter;
        clock_.advance(script_(runs++));
        RunResult result;
        result.server = server;
        return result;
    }

    std::size_t runs = 0;
    std::optional<ServerTimes> server;  ///< what each run tells of a server
    std::string* log = nullptr;         ///< gets `letter` at each run
    char letter = '?';

   private:
    VirtualClock& clock_;
    Script script_;
    std::vector<TensorSpec> inputs_{{"input", DType::float32, {1, 4}}};
    std::vector<TensorSpec> outputs_{{"output", DType::float32, {1, 2}}};
};

}  // namespace breakeven::fakes
