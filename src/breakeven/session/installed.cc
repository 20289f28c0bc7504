// Where an installed Breakeven keeps the engine's library: see installed.h.
#include "breakeven/session/installed.h"

#include <dlfcn.h>

namespace breakeven {

std::vector<std::filesystem::path> installed_onnxruntime() {
    const std::filesystem::path built = BREAKEVEN_ONNXRUNTIME_INSTALLED;
    std::vector<std::filesystem::path> places;
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&installed_onnxruntime), &info) != 0 && info.dli_fname != nullptr) {
        std::error_code error;
        const std::filesystem::path file = std::filesystem::canonical(info.dli_fname, error);
        if (!error) {
            const std::filesystem::path folder = file.parent_path();
            places.push_back(folder / "breakeven" / built.filename());                        // lib/libbreakeven.so
            places.push_back(folder.parent_path() / "lib" / "breakeven" / built.filename());  // bin/PROGRAM
        }
    }
    places.push_back(built);
    return places;
}

}  // namespace breakeven
