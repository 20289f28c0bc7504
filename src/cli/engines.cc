// The engines this program knows: see engines.h.
#include "cli/engines.h"

#include <cstdlib>

#include "breakeven/engine/onnxruntime.h"
#include "breakeven/wire/remote.h"
#include "cli/paths.h"
#include "cli/version.h"

namespace breakeven::cli {

std::vector<std::filesystem::path> onnxruntime_candidates(const Shell& shell) {
    if (const char* chosen = std::getenv("BREAKEVEN_ONNXRUNTIME"); chosen != nullptr && *chosen != '\0') {
        return {chosen};  // what the user names is what is used, or the reason why not
    }
    return {shell.executable.parent_path().parent_path() / "lib" / "breakeven" / onnxruntime_file, onnxruntime_wheel};
}

Engines make_engines(const Shell& shell) {
    Engines engines;
    engines.add(make_onnxruntime({.libraries = onnxruntime_candidates(shell)}));
    engines.add(std::make_unique<RemoteEngine>());
    return engines;
}

}  // namespace breakeven::cli
