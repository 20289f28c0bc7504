// PartsRunner: a network that runs in two parts, as one Runner: the head here, then the tail, wherever each was loaded.
#pragma once

#include <memory>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/engine/parts_seam.h"
#include "breakeven/model/model.h"
#include "breakeven/time/clock.h"

namespace breakeven {

class PartsRunner final : public Runner {
   public:
    /// `whole`: the network that was cut; its inputs and outputs are this runner's. The tail's inputs must be inputs of
    /// the network or outputs of the head; throws Error{input} where they are not. `clock` times the head.
    PartsRunner(const Model& whole, std::unique_ptr<Runner> head, std::unique_ptr<Runner> tail, const Clock& clock);

    const std::vector<TensorSpec>& inputs() const override { return inputs_; }
    const std::vector<TensorSpec>& outputs() const override { return outputs_; }
    RunResult run(std::span<const Tensor> tensors) override;

   private:
    std::vector<TensorSpec> inputs_;
    std::vector<TensorSpec> outputs_;
    std::unique_ptr<Runner> head_;
    std::unique_ptr<Runner> tail_;
    const Clock& clock_;
    PartsSeam seam_;
};

}  // namespace breakeven
