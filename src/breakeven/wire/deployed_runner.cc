// A network kept on a server: see deployed_runner.h.
#include "breakeven/wire/deployed_runner.h"

#include <fmt/format.h>

#include "breakeven/error.h"
#include "breakeven/model/sha256.h"
#include "breakeven/wire/coded_inputs.h"

namespace breakeven {
namespace {

/// Whether the server may have lost the network: then it is worth looking, and deploying it again.
template <class Answer>
bool may_be_gone(const Outcome<Answer>& outcome) {
    if (const auto* refused = std::get_if<Refused>(&outcome)) return refused->about != Refused::About::request;
    return std::holds_alternative<Lost>(outcome);
}

}  // namespace

DeployedRunner::DeployedRunner(std::shared_ptr<Client> client, Clock& clock, ModelImage image, RedeployOptions options)
    : client_(std::move(client)),
      clock_(clock),
      image_(std::move(image)),
      sha256_(sha256(image_.bytes)),
      options_(std::move(options)) {
    deploy_again(0);
    inputs_ = current_.runner->inputs();
    outputs_ = current_.runner->outputs();
}

Deployed DeployedRunner::deployed() const {
    const std::scoped_lock lock(mutex_);
    return deployed_;
}

int DeployedRunner::deployments() const {
    return current().deployment;
}

DeployedRunner::Current DeployedRunner::current() const {
    const std::scoped_lock lock(mutex_);
    return current_;
}

void DeployedRunner::deploy_again(int failed_deployment) {
    const std::scoped_lock deploying(deploying_);
    if (current().deployment != failed_deployment) return;  // another run has done it meanwhile
    const std::string attempt = fmt::format("deploy '{}' on grpc://{}", image_.name, client_->address());
    (void)client_->wait_until_connected(
        options_.deploy.patience);  // it may be restarting; whether it is back, the calls say
    const ServerDescription server = value_or_throw(client_->describe_server(), attempt);
    const bool held = server.has(sha256_extension);
    const std::string served = held ? image_.name : content_name(image_.name, sha256_);
    const Deployed deployed = value_or_throw(deploy(*client_, clock_, served, image_, options_.deploy), attempt);
    ModelDescription description = value_or_throw(client_->describe_model(served), attempt);
    if (deployed.held_against_hash != held || (held && description.sha256 != sha256_)) {
        throw Error(ErrorKind::unavailable, attempt,
                    "somebody else changes what the server serves under this name; deploy under another name");
    }
    auto runner = std::make_shared<RemoteRunner>(
        client_, RemoteRunner::Network{.name = served,
                                       .description = std::move(description),
                                       .sha256 = held ? sha256_ : std::string(),
                                       .codec = server.has(codecs_extension) ? options_.codec : std::nullopt});
    const std::scoped_lock lock(mutex_);
    current_ = {.runner = std::move(runner), .deployment = failed_deployment + 1};
    deployed_ = deployed;
}

RunResult DeployedRunner::run(std::span<const Tensor> tensors) {
    for (int redeploys = 0;; ++redeploys) {
        const Current used = current();
        Outcome<RunResult> outcome = used.runner->ask(tensors);
        if (redeploys == options_.redeploys_max || !may_be_gone(outcome)) {
            return value_or_throw(std::move(outcome),
                                  fmt::format("run '{}' on grpc://{}", image_.name, client_->address()));
        }
        deploy_again(used.deployment);
    }
}

}  // namespace breakeven
