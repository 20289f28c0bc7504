// Memory use: what this process holds, and what the machine could still give, as the kernel tells.
#pragma once

#include <optional>

#include "breakeven/units/units.h"

namespace breakeven {

/// This process's own resident pages, without those of files; zero where the kernel does not tell.
Bytes resident_memory();

/// What the machine could still give; nothing where the kernel does not tell.
std::optional<Bytes> available_memory();

}  // namespace breakeven
