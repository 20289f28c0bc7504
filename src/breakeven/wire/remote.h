// RemoteEngine: a server across a link as a platform like any other, grpc://host:port.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/wire/client.h"

namespace breakeven {

class RemoteEngine final : public Engine {
   public:
    explicit RemoteEngine(ClientOptions options = {}) : options_(std::move(options)) {}

    std::string name() const override { return "grpc"; }
    std::string version() const override { return "open inference protocol 2"; }
    /// None: which servers there are is the user's to say.
    std::vector<PlatformStatus> platforms() const override { return {}; }

    /// Asks the server for the model of `model.name`; the model itself is not sent. Throws Error{input} when the server
    /// does not have it, {unavailable} when there is no server. `options` are the server's business.
    std::unique_ptr<Runner> load(const ModelImage& model, const Platform& platform,
                                 const LoadOptions& options) override;

    /// The client of an address ("host:port"); everything that asks for one address shares its connection.
    std::shared_ptr<Client> client(const std::string& address);

   private:
    ClientOptions options_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<Client>> clients_;  // shared with the runners, which may outlive the engine
};

}  // namespace breakeven
