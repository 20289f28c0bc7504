// MetEngine: an engine that meets a graph in a child process before it loads it as it is written. That is how the
// reference is loaded (measure/agreement.h), beside engines that have met the graph themselves: what it dies of would
// end them all.
#pragma once

#include <functional>
#include <memory>

#include "breakeven/engine/engine.h"

namespace breakeven {

/// `meet` throws Error where the model does not survive; then it is not loaded.
std::unique_ptr<Engine> make_met_engine(std::unique_ptr<Engine> engine,
                                        std::function<void(const ModelImage&, const Platform&)> meet);

}  // namespace breakeven
