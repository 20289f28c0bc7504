// The sockets that gRPC opens and does not show: found among this process's descriptors, to set what gRPC cannot.
#pragma once

#include <cstdint>
#include <string>

#include "breakeven/units/units.h"
#include "breakeven/wire/outcome.h"

namespace breakeven {

/// Which end of a connection carries the port.
enum class End { local, peer };

/// Sets the TCP congestion control of this process's sockets whose `end` has this port. A listening socket (local end)
/// hands it to the connections it accepts. Returns how many were set; throws Error{unsupported} where the system does
/// not have or allow it.
int set_congestion_control(End end, std::uint16_t port, const std::string& algorithm);

/// How long TCP takes to connect to "host:port"; name lookup is not counted. Nothing is sent.
[[nodiscard]] Outcome<Seconds> time_to_connect(const std::string& address, Seconds limit);

}  // namespace breakeven
