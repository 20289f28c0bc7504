// A file for libraries that take nothing but files: there while this object lives.
#pragma once

#include <filesystem>
#include <string_view>

namespace breakeven {

class TemporaryFile final {
   public:
    /// In the system's temporary folder, readable by this user alone; `ending` such as ".tflite". Throws
    /// Error{unavailable} when it cannot be written.
    TemporaryFile(std::string_view ending, std::string_view bytes);
    ~TemporaryFile();
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    const std::filesystem::path& path() const { return path_; }

   private:
    std::filesystem::path path_;
};

}  // namespace breakeven
