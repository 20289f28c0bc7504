// Sockets: what gRPC cannot set on them, and the sockets that gRPC opens and does not show, found among this process's
// descriptors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/units/units.h"
#include "breakeven/wire/outcome.h"
#include "breakeven/wire/owned_socket.h"

namespace breakeven {

/// Which end of a connection carries the port.
enum class End { local, peer };

/// Sets the TCP congestion control of this process's sockets whose `end` has this port. A listening socket (local end)
/// hands it to the connections it accepts. Returns how many were set; throws Error{unsupported} where the system does
/// not have or allow it.
int set_congestion_control(End end, std::uint16_t port, const std::string& algorithm);

/// Of one socket; whether the system has and allows it (else errno says why not).
bool set_congestion_control(int socket, const std::string& algorithm);
/// Whether this process may choose BBR here: then Transport::kept is what it says.
bool can_keep_window();
/// Whether anything given to the kernel has not been acknowledged, or that is not known.
bool has_unacknowledged(int socket);
/// Small messages leave at once.
void set_no_delay(int socket);
/// The connection ends when nothing was acknowledged for so long (tcp(7), TCP_USER_TIMEOUT).
void set_dead_after(int socket, Seconds time);

/// The port of "host:port".
std::optional<std::uint16_t> port_of(const std::string& address);

/// This process's connections to a port, by the kernel's number for each, which no other connection ever gets.
std::vector<std::uint64_t> connections_to(std::uint16_t port);
/// A duplicate of a connection to a port that is none of these; closed where there is none.
OwnedSocket find_connection_to(std::uint16_t port, const std::vector<std::uint64_t>& except);

/// How long TCP takes to connect to "host:port"; name lookup is not counted. Nothing is sent.
[[nodiscard]] Outcome<Seconds> time_to_connect(const std::string& address, Seconds limit);
/// The same, with the socket: blocking, connected.
[[nodiscard]] Outcome<OwnedSocket> connect_to(const std::string& address, Seconds limit);

}  // namespace breakeven
