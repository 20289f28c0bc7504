// Why TLS with a server does not come about: a handshake of our own, whose outcome can be told in words. gRPC says only
// that its own failed. Internal to wire/.
#pragma once

#include <optional>
#include <string>

#include "breakeven/units/units.h"
#include "breakeven/wire/security.h"

namespace breakeven {

/// Nothing where the handshake succeeds or the server cannot be reached.
std::optional<std::string> diagnose_tls(const std::string& address, const SecurityOptions& options, Seconds limit);

/// Whether the server at an address that is spoken to in plain text speaks TLS.
bool speaks_tls(const std::string& address, Seconds limit);

}  // namespace breakeven
