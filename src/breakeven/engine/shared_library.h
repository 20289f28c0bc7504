// A library opened at run time, or why not.
#pragma once

#include <filesystem>
#include <string>

namespace breakeven {

struct SharedLibrary {
    void* handle = nullptr;
    std::string problem;  ///< where it is null
};

/// Once opened it stays so: engines keep threads in theirs. A name without a folder is looked for by the system's
/// loader.
SharedLibrary open_shared(const std::filesystem::path& file);

}  // namespace breakeven
