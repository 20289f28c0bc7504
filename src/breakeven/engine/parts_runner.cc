// PartsRunner: see parts_runner.h.
#include "breakeven/engine/parts_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "breakeven/error.h"

namespace breakeven {
namespace {

std::optional<std::size_t> place_of(const std::vector<TensorSpec>& specs, const std::string& name) {
    const auto found = std::find_if(specs.begin(), specs.end(), [&](const auto& spec) { return spec.name == name; });
    if (found == specs.end()) return std::nullopt;
    return static_cast<std::size_t>(found - specs.begin());
}

}  // namespace

PartsRunner::PartsRunner(const Model& whole, std::unique_ptr<Runner> head, std::unique_ptr<Runner> tail,
                         const Clock& clock)
    : inputs_(whole.inputs()),
      outputs_(whole.outputs()),
      head_(std::move(head)),
      tail_(std::move(tail)),
      clock_(clock) {
    const auto source = [&](const std::string& name, bool of_tail) -> Source {
        if (of_tail) {
            if (const auto at = place_of(tail_->outputs(), name)) return {Source::From::tail, *at};
        }
        if (const auto at = place_of(head_->outputs(), name)) return {Source::From::head, *at};
        if (const auto at = place_of(inputs_, name)) return {Source::From::input, *at};
        throw Error(ErrorKind::input, fmt::format("run '{}' in two parts", whole.name()),
                    fmt::format("neither part gives '{}': they are not of one cut", name));
    };
    for (const TensorSpec& spec : head_->inputs()) {
        const auto at = place_of(inputs_, spec.name);
        if (!at) {
            throw Error(ErrorKind::input, fmt::format("run '{}' in two parts", whole.name()),
                        fmt::format("the head takes '{}', which is no input of the network", spec.name));
        }
        head_takes_.push_back({Source::From::input, *at});
    }
    for (const TensorSpec& spec : tail_->inputs()) tail_takes_.push_back(source(spec.name, false));
    for (const TensorSpec& spec : outputs_) gives_.push_back(source(spec.name, true));
}

RunResult PartsRunner::run(std::span<const Tensor> tensors) {
    if (tensors.size() != inputs_.size()) {
        throw Error(ErrorKind::input, "run a network in two parts",
                    fmt::format("it takes {} inputs, not {}", inputs_.size(), tensors.size()));
    }
    const Seconds start = clock_.now();
    RunResult head;
    RunResult tail;
    const auto taken = [&](const std::vector<Source>& sources) {
        std::vector<Tensor> result;
        for (const Source& source : sources) {
            switch (source.from) {
                case Source::From::input: result.push_back(tensors[source.index]); break;
                case Source::From::head: result.push_back(head.outputs[source.index]); break;
                case Source::From::tail: result.push_back(tail.outputs[source.index]); break;
            }
        }
        return result;
    };
    head = head_->run(taken(head_takes_));
    const Seconds head_time = clock_.now() - start;
    tail = tail_->run(taken(tail_takes_));
    return {.outputs = taken(gives_), .server = tail.server, .head = head_time};
}

}  // namespace breakeven
