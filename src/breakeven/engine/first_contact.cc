// First contact: see first_contact.h.
#include "breakeven/engine/first_contact.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "breakeven/engine/child_process.h"
#include "breakeven/error.h"
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

}  // namespace

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
    if (memory.empty()) return;
    // Remembering is only a saving: a folder that cannot be written costs a second contact next time, nothing else.
    std::filesystem::create_directories(memory, ignored);
    std::ofstream(mark).put('\n');
}

}  // namespace breakeven
