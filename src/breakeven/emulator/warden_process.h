// What runs in the warden's own process: see warden.h.
#pragma once

#include <sys/types.h>

#include <csignal>

#include "breakeven/emulator/warden.h"

namespace breakeven {

/// Never returns; ends when the order to stop comes or the emulator (process `emulator`) is gone.
[[noreturn]] void run_warden(const WardenTask& task, Descriptor socket, const sigset_t& signals, pid_t emulator);

}  // namespace breakeven
