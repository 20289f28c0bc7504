// A server as an engine: see remote.h.
#include "breakeven/wire/remote.h"

#include <fmt/format.h>

#include "breakeven/error.h"

namespace breakeven {
namespace {

class RemoteRunner final : public Runner {
   public:
    RemoteRunner(std::shared_ptr<Client> client, std::string model, ModelDescription description)
        : client_(std::move(client)), model_(std::move(model)), description_(std::move(description)) {}

    const std::vector<TensorSpec>& inputs() const override { return description_.inputs; }
    const std::vector<TensorSpec>& outputs() const override { return description_.outputs; }

    RunResult run(std::span<const Tensor> tensors) override {
        const Request request = request_of(tensors);
        InferReply reply = value_or_throw(client_->infer(request), attempt());
        return {.outputs = outputs_of(reply), .server = reply.times};
    }

   private:
    std::string attempt() const { return fmt::format("run '{}' on grpc://{}", model_, client_->address()); }

    Request request_of(std::span<const Tensor> tensors) const {
        if (tensors.size() != inputs().size()) {
            throw Error(ErrorKind::input, attempt(),
                        fmt::format("it has {} inputs, {} were given", inputs().size(), tensors.size()));
        }
        Request request{.model = model_, .version = {}, .id = {}, .parameters = {}, .inputs = {}, .outputs = {}};
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
        return request;
    }

    /// In the order of outputs(): a server may answer in another.
    std::vector<Tensor> outputs_of(InferReply& reply) const {
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
                throw Error(ErrorKind::unavailable, attempt(),
                            fmt::format("the server's reply lacks output {} as {}", in_quotes(spec.name),
                                        breakeven::name(spec.dtype)));
            }
        }
        return made;
    }

    std::shared_ptr<Client> client_;
    std::string model_;
    ModelDescription description_;
};

}  // namespace

std::shared_ptr<Client> RemoteEngine::client(const std::string& address) {
    const std::scoped_lock lock(mutex_);
    std::shared_ptr<Client>& entry = clients_[address];
    if (!entry) entry = std::make_shared<Client>(address, options_);
    return entry;
}

std::unique_ptr<Runner> RemoteEngine::load(const ModelImage& model, const Platform& platform,
                                           const LoadOptions& /*options*/) {
    const std::string attempt = fmt::format("use '{}' on {}", model.name, to_text(platform));
    if (!platform.is_remote()) throw Error(ErrorKind::unsupported, attempt, "this is not a server (grpc://host:port)");
    const std::shared_ptr<Client> remote = client(platform.unit);
    ModelDescription description = value_or_throw(remote->describe_model(model.name), attempt);
    return std::make_unique<RemoteRunner>(remote, model.name, std::move(description));
}

}  // namespace breakeven
