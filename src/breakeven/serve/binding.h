// Binding: a request's tensors checked against what a model takes, and put into its order. Pure.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "breakeven/serve/refusal.h"
#include "breakeven/tensor/tensor.h"
#include "breakeven/wire/message.h"

namespace breakeven {

struct ModelFace {
    std::string_view name;
    std::span<const TensorSpec> inputs;
    std::span<const TensorSpec> outputs;
};

/// The tensors in the order of the model's inputs. Names, types and shapes are checked before any number is decoded.
std::variant<std::vector<Tensor>, Refusal> bind_inputs(const ModelFace& model, ParsedMessage& request);

/// Which outputs are to be answered, as indices into the model's: those requested, or all.
std::variant<std::vector<std::size_t>, Refusal> choose_outputs(const ModelFace& model,
                                                               const std::vector<RequestedOutput>& requested);

}  // namespace breakeven
