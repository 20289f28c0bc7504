// A child process with limits: for work that may crash, hang or eat memory, such as the first contact with a model.
// posix_spawn, never fork: threads of gRPC and of the engines may be running.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/units/units.h"

namespace breakeven {

struct ChildResult {
    int exit_code = 0;          ///< when it exited by itself
    std::optional<int> signal;  ///< when a signal ended it
    bool timed_out = false;     ///< when it was ended because `limit` passed
    std::string output;         ///< its stdout, at most output_max
    std::string errors;         ///< its stderr's end, at most errors_max
};

struct ChildLimits {
    Seconds time{60.0};
    Bytes output_max{64LL << 20};
    Bytes errors_max{64LL << 10};
};

/// Runs `command` (a path and its arguments; no shell), without standard input, and waits. When the limit passes, the
/// child gets SIGTERM, then SIGKILL. Throws Error{unavailable} when it cannot be started.
ChildResult run_child(const std::vector<std::string>& command, const ChildLimits& limits);

/// A program that runs beside us until this object ends it: SIGTERM, a grace, SIGKILL.
class BackgroundChild final {
   public:
    /// Throws Error{unavailable} when it cannot be started.
    explicit BackgroundChild(const std::vector<std::string>& command);
    ~BackgroundChild();
    BackgroundChild(const BackgroundChild&) = delete;
    BackgroundChild& operator=(const BackgroundChild&) = delete;

    /// The first line on its stderr that contains `word`; nothing when it ends or `limit` passes before.
    std::optional<std::string> line_with(const std::string& word, Seconds limit);
    /// What it has written to stderr so far.
    const std::string& errors() const { return errors_; }

   private:
    int process_ = -1;
    int errors_end_ = -1;
    std::string errors_;
};

/// "segmentation fault (signal 11)"
std::string signal_text(int signal);

}  // namespace breakeven
