// MemoryFile: bytes that another program of this user can read by a path while this object lives, though they lie on no
// disk: nothing is left behind, and no name in them becomes a path.
#pragma once

#include <filesystem>
#include <string_view>

namespace breakeven {

class MemoryFile final {
   public:
    /// Copies the bytes. Throws Error{unavailable} when there is not enough memory.
    explicit MemoryFile(std::string_view bytes);
    ~MemoryFile();
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    std::filesystem::path path() const;

   private:
    int descriptor_;
};

}  // namespace breakeven
