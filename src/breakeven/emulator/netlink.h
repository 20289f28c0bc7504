// What a host asks of its namespace over rtnetlink: the queue of its device, and the route to the other host with the
// congestion control of its connections.
#pragma once

#include <cstdint>
#include <optional>

#include "breakeven/link/tcp.h"

namespace breakeven {

struct Route {
    const char* peer;
    const char* device;
    std::optional<Congestion> congestion;
};

/// A route may name any congestion control the kernel has; the sysctl of a new namespace takes only unrestricted ones.
/// Throws Error{unsupported}, naming what there is, when the kernel has no such congestion control.
void add_route(const Route& route);

/// How many packets the device holds until they are read. (The ioctl for it needs privileges outside the namespace.)
void lengthen_queue(const char* device, std::uint32_t packets);

}  // namespace breakeven
