// Core kinds: which of this machine's processors are fast and which are slow (big.LITTLE, performance and efficiency
// cores), as the kernel tells; one kind on most machines.
#pragma once

#include <vector>

#include "breakeven/measure/machine.h"

namespace breakeven {

/// Processors by kind, the fastest kind first; each kind sorted. One kind, or none where the kernel tells nothing.
using CoreKinds = std::vector<std::vector<int>>;

/// From cpu_capacity of each processor (arm, arm64), else from the lists of the two kinds (x86 hybrids).
CoreKinds core_kinds(const SystemFiles& files = {});

/// "0-3, 8": as the kernel writes lists of processors. What is no such list is empty.
std::vector<int> parse_processor_list(std::string_view text);

}  // namespace breakeven
