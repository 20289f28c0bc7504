// A network on a server, its inputs sent as frames where the server takes them, as they are where it does not.
#pragma once

#include <memory>
#include <string>

#include "breakeven/codec/codec.h"
#include "breakeven/wire/remote_runner.h"

namespace breakeven {

/// Throws Error{input} when the server does not have the model, {unavailable} when there is no server.
std::unique_ptr<RemoteRunner> load_coded(std::shared_ptr<Client> client, const std::string& model, const Codec& codec);

}  // namespace breakeven
