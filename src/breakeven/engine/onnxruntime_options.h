// What ONNX Runtime's session on a CPU can be told by words of a platform: `cpu:2,arena=off`.
#pragma once

#include <string>

#include "breakeven/plan/platform.h"

namespace Ort {
struct SessionOptions;
}

namespace breakeven {

/// arena=on|off (memory that is kept for the next run), execution=sequential|parallel (branches beside each other),
/// optimization=off|basic|extended|all. Throws Error{usage} for any other word, naming these.
void set_session_option(Ort::SessionOptions& session, const Platform& platform, const std::string& key,
                        const std::string& value);

}  // namespace breakeven
