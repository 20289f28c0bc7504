// PartsRunner: see parts_runner.h.
#include "breakeven/engine/parts_runner.h"

#include <fmt/format.h>

#include "breakeven/error.h"

namespace breakeven {

PartsRunner::PartsRunner(const Model& whole, std::unique_ptr<Runner> head, std::unique_ptr<Runner> tail,
                         const Clock& clock)
    : inputs_(whole.inputs()),
      outputs_(whole.outputs()),
      head_(std::move(head)),
      tail_(std::move(tail)),
      clock_(clock),
      seam_(whole.name(), {.whole = {.inputs = inputs_, .outputs = outputs_},
                           .head = {.inputs = head_->inputs(), .outputs = head_->outputs()},
                           .tail = {.inputs = tail_->inputs(), .outputs = tail_->outputs()}}) {}

RunResult PartsRunner::run(std::span<const Tensor> tensors) {
    if (tensors.size() != inputs_.size()) {
        throw Error(ErrorKind::input, "run a network in two parts",
                    fmt::format("it takes {} inputs, not {}", inputs_.size(), tensors.size()));
    }
    const Seconds start = clock_.now();
    const RunResult head = head_->run(seam_.head_takes(tensors));
    const Seconds head_time = clock_.now() - start;
    const RunResult tail = tail_->run(seam_.tail_takes(tensors, head.outputs));
    return {.outputs = seam_.gives({.inputs = tensors, .head = head.outputs, .tail = tail.outputs}),
            .server = tail.server,
            .head = head_time};
}

}  // namespace breakeven
