// Ctrl-C: long work asks `interrupted()` between steps and returns what it has; a second Ctrl-C ends at once.
#pragma once

#include <atomic>

namespace breakeven::cli {

/// False until SIGINT or SIGTERM came. The first call installs the handlers.
const std::atomic<bool>& interrupted();

}  // namespace breakeven::cli
