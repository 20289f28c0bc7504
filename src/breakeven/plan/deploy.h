// Deploy: what it costs to bring a form of the network to the server, once, spread over the inferences it will serve.
#pragma once

#include <cstdint>
#include <optional>

#include "breakeven/link/profile.h"
#include "breakeven/plan/device.h"
#include "breakeven/units/origin.h"
#include "breakeven/units/units.h"

namespace breakeven {

struct Deploy {
    Bytes size;
    Figure<Seconds> time;                  ///< once
    std::optional<Figure<Joules>> energy;  ///< once, the device's
    std::int64_t inferences = 1;           ///< that it will serve

    Seconds latency_each() const { return time.value / static_cast<double>(inferences); }
    std::optional<Joules> energy_each() const;
};

/// A long transfer fills its link, so t = RTT + size / B_up; E = t * P_idle + size * e_up, unknown without either.
Deploy deploy_over(const LinkProfile& link, Bytes size, const Powers& power, std::int64_t inferences);

}  // namespace breakeven
