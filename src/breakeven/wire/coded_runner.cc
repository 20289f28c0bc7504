// A network whose inputs are coded: see coded_runner.h.
#include "breakeven/wire/coded_runner.h"

#include <fmt/format.h>

#include "breakeven/wire/coded_inputs.h"

namespace breakeven {

std::unique_ptr<RemoteRunner> load_coded(std::shared_ptr<Client> client, const std::string& model, const Codec& codec) {
    const std::string attempt = fmt::format("use '{}' on grpc://{}", model, client->address());
    const ServerDescription server = value_or_throw(client->describe_server(), attempt);
    ModelDescription description = value_or_throw(client->describe_model(model), attempt);
    RemoteRunner::Network network{.name = model, .description = std::move(description), .sha256 = {}};
    if (server.has(codecs_extension)) network.codec = codec;
    return std::make_unique<RemoteRunner>(std::move(client), std::move(network));
}

}  // namespace breakeven
