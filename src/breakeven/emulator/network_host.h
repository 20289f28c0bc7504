// A network host of the emulator: this process moves into a network namespace of its own, whose only way out is a TUN
// device. For processes made for it: there is no way back, and no thread may have started.
#pragma once

#include <optional>
#include <string_view>

#include "breakeven/emulator/descriptor.h"
#include "breakeven/link/tcp.h"

namespace breakeven {

/// How a process gets a network namespace: as root, or inside a user namespace, where any user is allowed to.
enum class NamespaceEntry {
    as_root,
    in_user_namespace,
    either,  ///< as root where that works, else in a user namespace
};

struct HostSettings {
    const char* address;                   ///< of this host
    const char* peer;                      ///< of the other
    std::optional<Congestion> congestion;  ///< of every connection to the peer; unset: the kernel's default
    Bytes window;                          ///< TCP's largest buffers hold at least this
    NamespaceEntry entry = NamespaceEntry::either;
};

struct NetworkHost {
    Descriptor tun;  ///< what this host sends, and what it is to receive, a packet a read or write; non-blocking
    NamespaceEntry entered = NamespaceEntry::as_root;
};

/// Throws Error{unsupported} with what to do where this machine does not allow it.
NetworkHost become_network_host(const HostSettings& settings);

}  // namespace breakeven
