// Opening libraries: see shared_library.h.
#include "breakeven/engine/shared_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace breakeven {

SharedLibrary open_shared(const std::filesystem::path& file) {
    if (void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL); handle != nullptr) return {handle, ""};
    const char* told = dlerror();
    std::string reason = told == nullptr ? "the loader gives no reason" : told;
    // Its reasons begin with the file, or with one that the file needs.
    const std::string own = file.string() + ": ";
    const bool of_itself = reason.starts_with(own);
    if (of_itself) reason.erase(0, own.size());
    std::error_code ignored;
    // glibc's loader does not see a library for another processor.
    if (of_itself && reason.ends_with("No such file or directory") && std::filesystem::exists(file, ignored)) {
        reason = "it is built for another processor";
    }
    return {nullptr, fmt::format("'{}' does not load: {}", file.string(), reason)};
}

}  // namespace breakeven
