// DeployedRunner: a network that this side puts onto a server and keeps there: where the server has lost it (restarted)
// or serves another one under its name meanwhile, it is deployed again and the inference repeated. What comes back is
// this network's answer, or an Error; never another network's.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/model/image.h"
#include "breakeven/time/clock.h"
#include "breakeven/wire/client.h"
#include "breakeven/wire/deploy.h"
#include "breakeven/wire/remote_runner.h"

namespace breakeven {

struct RedeployOptions {
    DeployOptions deploy;
    /// How inputs cross, where the server takes frames; elsewhere they travel as they are.
    std::optional<Codec> codec = {};
    /// How often one inference deploys the network again and is repeated, before it gives up.
    int redeploys_max = 2;
};

class DeployedRunner final : public Runner {
   public:
    /// Deploys at once, and keeps the image for the next time. Where the server does not hold requests against hashes
    /// (Triton), the network is served under content_name(name, hash), which no other network has.
    /// Throws Error{unavailable} when the server is not there, or what a refusal says.
    DeployedRunner(std::shared_ptr<Client> client, Clock& clock, ModelImage image, RedeployOptions options = {});

    const std::vector<TensorSpec>& inputs() const override { return inputs_; }
    const std::vector<TensorSpec>& outputs() const override { return outputs_; }

    /// Throws Error{unavailable} when the server stays away or keeps losing the network.
    RunResult run(std::span<const Tensor> tensors) override;

    /// The last deployment, and how many there were.
    Deployed deployed() const;
    int deployments() const;

   private:
    struct Current {
        std::shared_ptr<RemoteRunner> runner;  // shared: a run under way keeps it while another one redeploys
        int deployment = 0;
    };
    Current current() const;
    void deploy_again(int failed_deployment);

    std::shared_ptr<Client> client_;
    Clock& clock_;
    ModelImage image_;
    std::string sha256_;
    RedeployOptions options_;
    std::vector<TensorSpec> inputs_, outputs_;
    std::mutex deploying_;  ///< one deployment at a time; who waited for it needs none
    mutable std::mutex mutex_;
    Current current_;
    Deployed deployed_;
};

}  // namespace breakeven
