// Files in memory: see memory_file.h. Linux's memfd_create(2), found through /proc by other processes.
#include "breakeven/files/memory_file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "breakeven/error.h"

namespace breakeven {

MemoryFile::MemoryFile(std::string_view bytes) : descriptor_(memfd_create("breakeven", MFD_CLOEXEC)) {
    while (descriptor_ >= 0 && !bytes.empty()) {
        const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) break;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (descriptor_ >= 0 && bytes.empty()) return;
    const int error = errno;
    if (descriptor_ >= 0) close(descriptor_);
    throw Error(ErrorKind::unavailable, "make a file in memory", std::strerror(error));
}

MemoryFile::~MemoryFile() {
    close(descriptor_);
}

std::filesystem::path MemoryFile::path() const {
    return fmt::format("/proc/{}/fd/{}", getpid(), descriptor_);
}

}  // namespace breakeven
