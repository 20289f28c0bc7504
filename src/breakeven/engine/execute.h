// Execute on an engine: how compression (compress/execution.h) runs a network on samples here.
#pragma once

#include "breakeven/compress/execution.h"
#include "breakeven/engine/engines.h"

namespace breakeven {

/// Runs networks on `platform`. `cpu:N` runs N samples side by side, each on one thread: an inference that is shared by
/// threads keeps them waiting for one another, and for whoever looks at the outputs. Outputs are handed over in the
/// samples' order, one after the other, on any of the threads.
Execute execute_on(const Engines& engines, const Platform& platform);

}  // namespace breakeven
