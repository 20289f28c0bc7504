// A network on a server: see remote_runner.h.
#include "breakeven/wire/remote_runner.h"

#include <fmt/format.h>

#include "breakeven/error.h"
#include "breakeven/wire/coded_inputs.h"

namespace breakeven {

std::string RemoteRunner::attempt() const {
    return fmt::format("run '{}' on grpc://{}", network_.name, client_->address());
}

RunResult RemoteRunner::run(std::span<const Tensor> tensors) {
    return value_or_throw(ask(tensors), attempt());
}

Outcome<RunResult> RemoteRunner::ask(std::span<const Tensor> tensors) {
    Outcome<InferReply> outcome = client_->infer(request_of(tensors));
    if (auto* refused = std::get_if<Refused>(&outcome)) return std::move(*refused);
    if (auto* lost = std::get_if<Lost>(&outcome)) return std::move(*lost);
    if (const auto* late = std::get_if<Late>(&outcome)) return *late;
    auto& reply = std::get<InferReply>(outcome);
    if (!network_.sha256.empty() && reply.sha256 != network_.sha256) {
        return Refused{.kind = ErrorKind::unavailable,
                       .reason = "the server does not say that the network asked for is the one that answered",
                       .about = Refused::About::other_network};
    }
    auto outputs = outputs_of(reply);
    if (auto* refused = std::get_if<Refused>(&outputs)) return std::move(*refused);
    return RunResult{.outputs = std::get<std::vector<Tensor>>(std::move(outputs)), .server = reply.times};
}

Request RemoteRunner::request_of(std::span<const Tensor> tensors) const {
    if (tensors.size() != inputs().size()) {
        throw Error(ErrorKind::input, attempt(),
                    fmt::format("it has {} inputs, {} were given", inputs().size(), tensors.size()));
    }
    Request request{.model = network_.name, .version = {}, .id = {}, .parameters = {}, .inputs = {}, .outputs = {}};
    if (!network_.sha256.empty()) request.parameters.push_back({std::string(sha256_parameter), network_.sha256});
    request.inputs.reserve(tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const TensorSpec& spec = inputs()[i];
        if (tensors[i].dtype() != spec.dtype || !admits(spec.shape, tensors[i].shape())) {
            throw Error(ErrorKind::input, attempt(),
                        fmt::format("input {} is {} of shape {}, given {} of shape {}", in_quotes(spec.name),
                                    breakeven::name(spec.dtype), to_text(spec.shape),
                                    breakeven::name(tensors[i].dtype()), to_text(tensors[i].shape())));
        }
        request.inputs.push_back({.name = spec.name, .tensor = tensors[i]});
    }
    return network_.codec ? coded(std::move(request), *network_.codec) : request;
}

/// In the order of outputs(): a server may answer in another.
std::variant<std::vector<Tensor>, Refused> RemoteRunner::outputs_of(InferReply& reply) const {
    std::vector<Tensor> made;
    made.reserve(outputs().size());
    for (const TensorSpec& spec : outputs()) {
        bool found = false;
        for (NamedTensor& output : reply.outputs) {
            if (output.name != spec.name) continue;
            made.push_back(std::move(output.tensor));
            output.name.clear();
            found = true;
            break;
        }
        if (!found || made.back().dtype() != spec.dtype) {
            return Refused{.kind = ErrorKind::unavailable,
                           .reason = fmt::format("the server's reply lacks output {} as {}", in_quotes(spec.name),
                                                 breakeven::name(spec.dtype))};
        }
    }
    return made;
}

}  // namespace breakeven
