// RemoteRunner: a network on a server, to be asked like any other: a value for whoever plans for a server that fails,
// an Error for the rest.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "breakeven/codec/codec.h"
#include "breakeven/engine/engine.h"
#include "breakeven/wire/client.h"
#include "breakeven/wire/outcome.h"

namespace breakeven {

class RemoteRunner final : public Runner {
   public:
    struct Network {
        std::string name;
        ModelDescription description;
        /// The hash that must answer; empty: whatever is served under the name.
        std::string sha256;
        /// How inputs cross, to a server that has the extension (coded_inputs.h); nothing: as they are.
        std::optional<Codec> codec = {};
    };
    // shared: the client's other runners use the same connection
    RemoteRunner(std::shared_ptr<Client> client, Network network)
        : client_(std::move(client)), network_(std::move(network)) {}

    const std::vector<TensorSpec>& inputs() const override { return network_.description.inputs; }
    const std::vector<TensorSpec>& outputs() const override { return network_.description.outputs; }

    RunResult run(std::span<const Tensor> tensors) override;

    /// As run(), with what the server failed to do as a value. Throws Error{input} for tensors that do not fit.
    [[nodiscard]] Outcome<RunResult> ask(std::span<const Tensor> tensors);

   private:
    std::string attempt() const;
    Request request_of(std::span<const Tensor> tensors) const;
    std::variant<std::vector<Tensor>, Refused> outputs_of(InferReply& reply) const;

    std::shared_ptr<Client> client_;
    Network network_;
};

}  // namespace breakeven
