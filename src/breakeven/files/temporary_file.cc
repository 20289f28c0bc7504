// A file for libraries that take nothing but files: see temporary_file.h.
#include "breakeven/files/temporary_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "breakeven/error.h"

namespace breakeven {

TemporaryFile::TemporaryFile(std::string_view ending, std::string_view bytes) {
    std::string name = (std::filesystem::temp_directory_path() / "breakeven-XXXXXX").string() + std::string(ending);
    const int descriptor = mkstemps(name.data(), static_cast<int>(ending.size()));
    const auto fail = [&name] {
        return Error(ErrorKind::unavailable, fmt::format("write the temporary file '{}'", name),
                     std::system_category().message(errno) + "; TMPDIR names another folder");
    };
    if (descriptor < 0) throw fail();
    path_ = name;
    while (!bytes.empty()) {
        const ssize_t written = write(descriptor, bytes.data(), bytes.size());
        if (written < 0) {
            const Error error = fail();
            close(descriptor);
            std::filesystem::remove(path_);
            throw error;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    close(descriptor);
}

TemporaryFile::~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

}  // namespace breakeven
