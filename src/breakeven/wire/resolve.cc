// Looking names up: see resolve.h.
#include "breakeven/wire/resolve.h"

#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>

namespace breakeven {

bool SocketAddress::is_loopback() const {
    if (storage.ss_family == AF_INET) {
        const auto& address = reinterpret_cast<const sockaddr_in&>(storage);
        return (ntohl(address.sin_addr.s_addr) >> 24U) == 127;
    }
    if (storage.ss_family == AF_INET6) {
        const in6_addr& address = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(&address) || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
    }
    return false;
}

HostPort split_address(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos) return {.host = address, .port = {}};
    std::string host = address.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return {.host = std::move(host), .port = address.substr(colon + 1)};
}

std::vector<SocketAddress> resolve(const HostPort& wanted, Lookup lookup) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = lookup == Lookup::numbers_only ? AI_NUMERICHOST | AI_NUMERICSERV : 0;
    addrinfo* found = nullptr;
    if (wanted.port.empty() || getaddrinfo(wanted.host.c_str(), wanted.port.c_str(), &hints, &found) != 0) return {};
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
    std::vector<SocketAddress> addresses;
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
        SocketAddress address;
        if (each->ai_addrlen > sizeof address.storage) continue;
        std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
        address.length = each->ai_addrlen;
        addresses.push_back(address);
    }
    return addresses;
}

}  // namespace breakeven
