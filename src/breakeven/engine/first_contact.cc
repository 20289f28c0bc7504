// First contact: see first_contact.h.
#include "breakeven/engine/first_contact.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "breakeven/engine/child_process.h"
#include "breakeven/error.h"
#include "breakeven/files/memory_file.h"
#include "breakeven/model/sha256.h"

namespace breakeven {
namespace {

/// The child's one line of error without the program's name in front, nor what it attempted: that is known here.
std::string reason_of(const ChildResult& child, const Platform& platform) {
    std::string text = child.errors;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    const std::size_t line = text.rfind('\n');
    if (line != std::string::npos) text.erase(0, line + 1);
    constexpr std::string_view prefix = "breakeven: ";
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
    const std::string attempt_end = fmt::format("' on {}: ", to_text(platform));
    const std::size_t reason = text.find(attempt_end);
    if (text.starts_with("load model '") && reason != std::string::npos) text.erase(0, reason + attempt_end.size());
    return text.empty() ? fmt::format("it ended with code {} and no message", child.exit_code) : text;
}

std::filesystem::path mark_of(const FirstContact& contact, const ModelImage& model, const Platform& platform) {
    std::string name = fmt::format("{}-{}-{}", model.sha256, platform.engine, contact.engine_version);
    if (platform.unit != "cpu") name += "-" + platform.unit;
    if (!platform.options.empty()) name += "-" + sha256(platform.options);
    std::replace(name.begin(), name.end(), '/', '_');
    return contact.memory / name;
}

/// Another file of the same name is another library.
std::filesystem::path mark_of(const FirstContact& contact, const std::filesystem::path& library) {
    std::error_code ignored;
    const auto changed = std::filesystem::last_write_time(library, ignored).time_since_epoch().count();
    return contact.memory / ("library-" + sha256(fmt::format("{} {} {}", library.string(),
                                                             std::filesystem::file_size(library, ignored), changed)));
}

void remember(const std::filesystem::path& mark) {
    // Remembering is only a saving: a folder that cannot be written costs a second contact next time, nothing else.
    std::error_code ignored;
    std::filesystem::create_directories(mark.parent_path(), ignored);
    std::ofstream(mark).put('\n');
}

}  // namespace

std::string FirstContact::refusal_of_library(const std::filesystem::path& library, const std::string& engine) const {
    std::error_code ignored;
    const std::filesystem::path mark = mark_of(*this, library);
    if (!memory.empty() && std::filesystem::exists(mark, ignored)) return "";
    const ChildResult child =
        run_child({executable.string(), "first-contact", library.string(), "--library", engine}, {.time = limit});
    if (child.output.find(library_survived) != std::string::npos) {
        if (!memory.empty()) remember(mark);
        return "";
    }
    std::string end = fmt::format("ended a program that loaded it, with code {}", child.exit_code);
    if (child.signal) end = "ended a program that loaded it: " + signal_text(*child.signal);
    if (child.timed_out) end = fmt::format("does not load within {:.0f} s", limit.count());
    return fmt::format("'{}' {}, as one does that is damaged or built for another processor", library.string(), end);
}

void FirstContact::with(const ModelImage& model, const Platform& platform) const {
    if (!model.path.empty()) return with(model.path, model, platform);
    with(MemoryFile(model.bytes).path(), model, platform);
}

void FirstContact::with(const std::filesystem::path& path, const ModelImage& model, const Platform& platform) const {
    std::error_code ignored;
    const std::filesystem::path mark = mark_of(*this, model, platform);
    if (!memory.empty() && std::filesystem::exists(mark, ignored)) return;

    const ChildResult child = run_child({executable.string(), "first-contact", std::filesystem::absolute(path).string(),
                                         "--platform", to_text(platform)},
                                        {.time = limit});
    const std::string attempt = fmt::format("load model '{}' on {}", model.name, to_text(platform));
    if (child.timed_out) {
        throw Error(ErrorKind::input, attempt,
                    fmt::format("its first run in a child process did not end within {:.0f} s", limit.count()));
    }
    if (child.signal) {
        throw Error(ErrorKind::input, attempt,
                    fmt::format("the engine died on it in a child process: {}; the file is damaged or hostile, or this "
                                "is a fault of {} {}",
                                signal_text(*child.signal), platform.engine, engine_version));
    }
    if (child.exit_code != 0) {
        const ErrorKind kind = child.exit_code == 4 ? ErrorKind::unsupported : ErrorKind::input;
        throw Error(kind, attempt, reason_of(child, platform));
    }
    if (child.output.find(first_contact_survived) == std::string::npos) {
        throw Error(ErrorKind::input, attempt,
                    fmt::format("{} {} ended the child process that ran it first, as though all were well",
                                platform.engine, engine_version));
    }
    if (!memory.empty()) remember(mark);
}

}  // namespace breakeven
