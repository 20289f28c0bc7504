// files: see files.h.
#include "breakeven/files/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <utility>

#include "breakeven/error.h"
#include "breakeven/units/text.h"

namespace breakeven {

namespace {

std::string reason_of(int number) {
    return std::strerror(number);
}

class Descriptor {
   public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int number() const { return number_; }
    /// Some file systems tell of a full disk only here.
    bool close() { return ::close(std::exchange(number_, -1)) == 0; }

   private:
    int number_;
};

Error write_error(const std::filesystem::path& path, int number) {
    const std::array full{ENOSPC, EDQUOT, EIO, EFBIG};
    const bool disk = std::find(full.begin(), full.end(), number) != full.end();
    return Error(disk ? ErrorKind::unavailable : ErrorKind::usage, fmt::format("write '{}'", path.string()),
                 reason_of(number));
}

/// 0, or what went wrong.
int write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

void write_directly(const std::filesystem::path& path, std::string_view bytes) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.number() < 0) throw write_error(path, errno);
    if (const int fault = write_all(file.number(), bytes)) throw write_error(path, fault);
}

/// Where a path leads once symbolic links are followed, so that renaming replaces the file and not the link.
std::filesystem::path target_of(const std::filesystem::path& path) {
    std::error_code error;
    const auto target = std::filesystem::canonical(path, error);
    return error ? path : target;
}

mode_t usual_mode() {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    return 0666U & ~mask;
}

std::int64_t number_in(const char* path) {
    std::ifstream file(path);
    std::int64_t number = 0;
    return file >> number && number > 0 ? number : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

std::string read_file(const std::filesystem::path& path, Bytes size_max) {
    const auto fail = [&](const std::string& reason) {
        return Error(ErrorKind::input, fmt::format("read '{}'", path.string()), reason);
    };
    // Without waiting: opening a pipe would hang until somebody writes to it.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.number() < 0) throw fail(reason_of(errno));
    struct stat facts {};
    if (::fstat(file.number(), &facts) != 0) throw fail(reason_of(errno));
    if (S_ISDIR(facts.st_mode)) throw fail("it is a folder, a file is needed");
    if (!S_ISREG(facts.st_mode)) throw fail("it is a device or a pipe, a file is needed");
    if (facts.st_size > size_max.count()) {
        throw fail(fmt::format("it is {} long, at most {} are read", to_text(Bytes(facts.st_size)), to_text(size_max)));
    }
    std::string bytes(static_cast<std::size_t>(facts.st_size), '\0');
    std::size_t at = 0;
    while (at < bytes.size()) {
        const ssize_t count = ::read(file.number(), bytes.data() + at, bytes.size() - at);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw fail(reason_of(errno));
        if (count == 0) throw fail("it became shorter while it was read");
        at += static_cast<std::size_t>(count);
    }
    return bytes;
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) == 0) {
        if (S_ISDIR(facts.st_mode)) throw write_error(path, EISDIR);
        if (!S_ISREG(facts.st_mode)) return write_directly(path, bytes);
    }
    const std::filesystem::path target = target_of(path);
    std::string beside = (target.parent_path() / ".breakeven-XXXXXX").string();
    Descriptor file(::mkostemp(beside.data(), O_CLOEXEC));
    if (file.number() < 0) throw write_error(path, errno);
    int fault = write_all(file.number(), bytes);
    if (fault == 0 && ::fchmod(file.number(), usual_mode()) != 0) fault = errno;
    if (fault == 0 && ::fsync(file.number()) != 0) fault = errno;
    if (fault == 0 && !file.close()) fault = errno;
    if (fault == 0 && ::rename(beside.c_str(), target.c_str()) != 0) fault = errno;
    if (fault != 0) {
        ::unlink(beside.c_str());
        throw write_error(path, fault);
    }
}

Bytes memory_limit() {
    std::int64_t limit = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
    struct rlimit address {};
    if (::getrlimit(RLIMIT_AS, &address) == 0 && address.rlim_cur != RLIM_INFINITY) {
        limit = std::min(limit, static_cast<std::int64_t>(address.rlim_cur));
    }
    for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
        limit = std::min(limit, number_in(file));
    }
    return Bytes(limit);
}

}  // namespace breakeven
