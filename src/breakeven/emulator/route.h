// The route from one emulated host to the other, with the congestion control that its connections use. A route may name
// any algorithm the kernel has: the sysctl of a new namespace takes only the unrestricted ones, a route takes all.
#pragma once

#include <optional>

#include "breakeven/link/tcp.h"

namespace breakeven {

struct Route {
    const char* peer;
    const char* device;
    std::optional<Congestion> congestion;
};

/// Throws Error{unsupported}, naming what there is, when the kernel has no such congestion control.
void add_route(const Route& route);

}  // namespace breakeven
