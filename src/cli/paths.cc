// Where this program keeps what it remembers: see paths.h.
#include "cli/paths.h"

#include <cstdlib>

namespace breakeven::cli {
namespace {

std::filesystem::path folder(const char* variable, const char* below_home) {
    const char* chosen = std::getenv(variable);
    if (chosen != nullptr && *chosen == '/') return std::filesystem::path(chosen) / "breakeven";
    const char* home = std::getenv("HOME");
    if (home != nullptr && *home == '/') return std::filesystem::path(home) / below_home / "breakeven";
    return std::filesystem::temp_directory_path() / "breakeven";
}

}  // namespace

std::filesystem::path data_folder() {
    return folder("XDG_DATA_HOME", ".local/share");
}
std::filesystem::path cache_folder() {
    return folder("XDG_CACHE_HOME", ".cache");
}

}  // namespace breakeven::cli
