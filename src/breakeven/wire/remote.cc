// A server as an engine: see remote.h.
#include "breakeven/wire/remote.h"

#include <fmt/format.h>

#include "breakeven/error.h"
#include "breakeven/wire/remote_runner.h"

namespace breakeven {

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
    return std::make_unique<RemoteRunner>(
        remote, RemoteRunner::Network{.name = model.name, .description = std::move(description), .sha256 = {}});
}

}  // namespace breakeven
