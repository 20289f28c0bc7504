// Where an installed Breakeven keeps the engine's library: found from where this code itself was loaded from.
#pragma once

#include <filesystem>
#include <vector>

namespace breakeven {

/// Best first: lib/breakeven/ beside the library or below the program that holds this code, then where the build had
/// it.
std::vector<std::filesystem::path> installed_onnxruntime();

}  // namespace breakeven
