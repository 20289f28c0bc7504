// Record: see record.h. A line is: 16 letters of the SHA-256 of what follows, a space, a JSON object. The first line is
// the header {"breakeven_cells": version}; the others are {"key": ..., "value": ...}.
#include "breakeven/study/record.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/model/sha256.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

constexpr int version = 1;
constexpr std::size_t digest_length = 16;
/// A study has some hundreds of cells of a few kB.
constexpr Bytes record_max{std::int64_t{1} << 30};

std::string line_of(const Json& content) {
    const std::string text = content.dump(-1, ' ', false, Json::error_handler_t::replace);
    return sha256(text).substr(0, digest_length) + " " + text + "\n";
}

/// The object of a line without its break; nothing for one that is not whole.
std::optional<Json> content_of(std::string_view line) {
    if (line.size() < digest_length + 2 || line[digest_length] != ' ') return std::nullopt;
    const std::string_view text = line.substr(digest_length + 1);
    if (sha256(text).compare(0, digest_length, line.substr(0, digest_length)) != 0) return std::nullopt;
    Json content = Json::parse(text, nullptr, false);
    return content.is_object() ? std::optional(std::move(content)) : std::nullopt;
}

struct Parsed {
    std::vector<RecordEntry> entries;
    std::size_t whole = 0;  ///< bytes up to the end of the last whole line
    bool has_header = false;
};

Parsed parse(std::string_view bytes, const std::filesystem::path& file) {
    const std::string attempt = fmt::format("read the cells in '{}'", file.string());
    Parsed parsed;
    std::size_t number = 0;
    while (parsed.whole < bytes.size()) {
        const std::size_t end = bytes.find('\n', parsed.whole);
        if (end == std::string_view::npos) break;  // cut off while it was written
        ++number;
        const std::optional<Json> content = content_of(bytes.substr(parsed.whole, end - parsed.whole));
        if (!content) {
            if (number > 1 && end + 1 == bytes.size())
                break;  // the last line: cut off, its end written before its middle
            throw Error(
                ErrorKind::input, attempt,
                fmt::format("line {} is damaged or no cell of a study; mend or remove that line, or say another "
                            "folder",
                            number));
        }
        if (number == 1) {
            const int found = content->value("breakeven_cells", -1);
            if (found != version) {
                throw Error(
                    found < 0 ? ErrorKind::input : ErrorKind::unsupported, attempt,
                    fmt::format("it was written by {} version of Breakeven (format {}, this one reads {}): measure "
                                "into another folder, or use that version",
                                found > version ? "a newer" : "an older", found, version));
            }
            parsed.has_header = true;
        } else {
            if (!content->contains("key") || !content->at("key").is_string() || !content->contains("value")) {
                throw Error(ErrorKind::input, attempt, fmt::format("line {} is no cell", number));
            }
            parsed.entries.push_back({content->at("key").get<std::string>(), content->at("value")});
        }
        parsed.whole = end + 1;
    }
    return parsed;
}

Error write_failure(const std::filesystem::path& file, int fault) {
    const bool full = fault == ENOSPC || fault == EDQUOT || fault == EFBIG;
    return Error(full ? ErrorKind::unavailable : ErrorKind::usage, fmt::format("keep a cell in '{}'", file.string()),
                 full ? fmt::format("{}: make room and run the same command again; the cells so far are kept",
                                    std::strerror(fault))
                      : std::strerror(fault));
}

/// 0, or errno.
int write_whole(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return ::fsync(descriptor) == 0 ? 0 : errno;
}

void make_folder(const std::filesystem::path& folder) {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) {
        throw Error(failed == std::errc::no_space_on_device ? ErrorKind::unavailable : ErrorKind::usage,
                    fmt::format("make the folder '{}'", folder.string()), failed.message());
    }
}

}  // namespace

std::vector<RecordEntry> read_record(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / record_name;
    Parsed parsed = parse(read_file(file, record_max), file);
    if (!parsed.has_header) {
        throw Error(ErrorKind::input, fmt::format("read the cells in '{}'", file.string()), "it has none");
    }
    return std::move(parsed.entries);
}

Record::Record(const std::filesystem::path& folder) : file_(folder / record_name) {
    make_folder(folder);
    lock_ = ::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock_ < 0) throw write_failure(folder / ".lock", errno);
    try {
        if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
            throw Error(ErrorKind::unavailable, fmt::format("study into '{}'", folder.string()),
                        "another study writes to this folder; wait for it, or say another one");
        }
        descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (descriptor_ < 0) throw write_failure(file_, errno);
        Parsed parsed = parse(read_file(file_, record_max), file_);
        if (::ftruncate(descriptor_, static_cast<off_t>(parsed.whole)) != 0) throw write_failure(file_, errno);
        entries_ = std::move(parsed.entries);
        if (!parsed.has_header) {
            if (const int fault = write_whole(descriptor_, line_of({{"breakeven_cells", version}}))) {
                (void)::ftruncate(descriptor_, 0);
                throw write_failure(file_, fault);
            }
            // The file's name must last as well as its bytes.
            const int place = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (place >= 0) {
                ::fsync(place);
                ::close(place);
            }
        }
    } catch (...) {
        if (descriptor_ >= 0) ::close(descriptor_);
        ::close(lock_);
        throw;
    }
}

Record::~Record() {
    ::close(descriptor_);
    ::close(lock_);  // and with it the lock
}

const Json* Record::find(const std::string& key) const {
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
        if (entry->key == key) return &entry->value;
    }
    return nullptr;
}

void Record::append(const std::string& key, const Json& value) {
    const off_t before = ::lseek(descriptor_, 0, SEEK_END);
    if (const int fault = write_whole(descriptor_, line_of({{"key", key}, {"value", value}}))) {
        if (::ftruncate(descriptor_, before) == 0) ::fsync(descriptor_);
        throw write_failure(file_, fault);
    }
    entries_.push_back({key, value});
}

}  // namespace breakeven
