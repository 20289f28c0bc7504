// Names of machines: the socket addresses that "host:port" stands for. Internal to wire/.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

namespace breakeven {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;
    const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&storage); }
    /// This machine itself: what is sent there, nobody else can read.
    bool is_loopback() const;
};

struct HostPort {
    std::string host;  ///< without the brackets of an IPv6 address
    std::string port;
};
HostPort split_address(const std::string& address);

enum class Lookup { numbers_only, names };
/// Empty where nothing is known. A name may take seconds to look up.
std::vector<SocketAddress> resolve(const HostPort& wanted, Lookup lookup);

}  // namespace breakeven
