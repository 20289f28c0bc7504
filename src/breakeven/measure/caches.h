// Caches: the data caches that one core of this machine sees.
#pragma once

#include <string>
#include <vector>

#include "breakeven/measure/machine.h"
#include "breakeven/units/units.h"

namespace breakeven {

struct CacheLevel {
    std::string name;  ///< "L1d", "L2", "L3"
    Bytes size;
};

struct Caches {
    std::vector<CacheLevel> levels;  ///< nearest first
    std::string reason;              ///< why there are none, where there are none
};

/// Of the first processor this process may use: from hwloc, else from the kernel's files.
Caches this_machines_caches();

/// From the kernel's files alone (/sys/devices/system/cpu/cpu0/cache).
Caches caches_in(const SystemFiles& files);

}  // namespace breakeven
