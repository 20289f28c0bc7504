// Binding: see binding.h.
#include "breakeven/serve/binding.h"

#include <fmt/format.h>

#include <algorithm>

namespace breakeven {
namespace {

Refusal bad(const std::string& reason) {
    return {RefusalCode::invalid_argument, reason};
}

/// Where `name` stands in `specs`; their size where it does not.
std::size_t index_of(std::span<const TensorSpec> specs, const std::string& name) {
    const auto found = std::find_if(specs.begin(), specs.end(), [&](const TensorSpec& s) { return s.name == name; });
    return static_cast<std::size_t>(found - specs.begin());
}

/// The place of each of the request's tensors among the model's inputs.
std::variant<std::vector<std::size_t>, Refusal> places(const ModelFace& model, const std::vector<TensorHead>& heads) {
    if (heads.size() != model.inputs.size()) {
        return bad(fmt::format("expected {} inputs but got {} inputs for model {}", model.inputs.size(), heads.size(),
                               in_quotes(model.name)));
    }
    std::vector<std::size_t> order;
    for (const TensorHead& head : heads) {
        const std::size_t place = index_of(model.inputs, head.name);
        if (place == model.inputs.size()) {
            return bad(
                fmt::format("unexpected inference input {} for model {}", in_quotes(head.name), in_quotes(model.name)));
        }
        if (std::find(order.begin(), order.end(), place) != order.end()) {
            return bad(fmt::format("input {} is given twice", in_quotes(head.name)));
        }
        const TensorSpec& spec = model.inputs[place];
        if (head.datatype != protocol_name(spec.dtype)) {
            return bad(fmt::format("input {} has datatype {}, model {} expects {}", in_quotes(head.name),
                                   in_quotes(head.datatype), in_quotes(model.name), protocol_name(spec.dtype)));
        }
        if (!admits(spec.shape, head.shape)) {
            return bad(fmt::format("input {} has shape {}, model {} expects {}", in_quotes(head.name),
                                   to_text(head.shape), in_quotes(model.name), to_text(spec.shape)));
        }
        order.push_back(place);
    }
    return order;
}

/// Triton's words where a tensor has no numbers at all, which clients' tests look for.
std::optional<Refusal> missing_data(const ParsedMessage& request) {
    if (!request.raw.empty()) return std::nullopt;
    for (const TensorHead& head : request.tensors) {
        if (!head.has_contents && !head.shared_memory && element_count(head.shape) != 0) {
            return bad("unable to find data for input tensor " + in_quotes(head.name));
        }
    }
    return std::nullopt;
}

}  // namespace

std::variant<std::vector<Tensor>, Refusal> bind_inputs(const ModelFace& model, ParsedMessage& request) {
    auto order = places(model, request.tensors);
    if (const auto* refusal = std::get_if<Refusal>(&order)) return *refusal;
    if (std::optional<Refusal> refusal = missing_data(request)) return *refusal;
    auto taken = take_tensors(request);
    if (const auto* malformed = std::get_if<Malformed>(&taken)) return bad(malformed->reason);

    auto& named = std::get<std::vector<NamedTensor>>(taken);
    const auto& place = std::get<std::vector<std::size_t>>(order);
    std::vector<Tensor> tensors(named.size());
    for (std::size_t i = 0; i < named.size(); ++i) tensors[place[i]] = std::move(named[i].tensor);
    return tensors;
}

std::variant<std::vector<std::size_t>, Refusal> choose_outputs(const ModelFace& model,
                                                               const std::vector<RequestedOutput>& requested) {
    std::vector<std::size_t> chosen;
    if (requested.empty()) {
        for (std::size_t i = 0; i < model.outputs.size(); ++i) chosen.push_back(i);
        return chosen;
    }
    for (const RequestedOutput& output : requested) {
        const std::size_t place = index_of(model.outputs, output.name);
        if (place == model.outputs.size()) {
            return bad(fmt::format("unexpected inference output {} for model {}", in_quotes(output.name),
                                   in_quotes(model.name)));
        }
        if (output.shared_memory) return bad("shared memory is not supported, take the output's contents");
        if (output.classification) return bad("classification is not supported, take the output's numbers");
        if (std::find(chosen.begin(), chosen.end(), place) == chosen.end()) chosen.push_back(place);
    }
    return chosen;
}

}  // namespace breakeven
