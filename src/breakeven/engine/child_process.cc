// A child process with limits: see child_process.h.
#include "breakeven/engine/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "breakeven/error.h"

extern char** environ;

namespace breakeven {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

/// How long a child may take to tidy up after SIGTERM: an emulated link's two hosts and their programs need a moment.
constexpr std::chrono::seconds grace{3};

struct Pipe {
    int read = -1;
    int write = -1;
    Pipe() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) {
            throw Error(ErrorKind::unavailable, "make a pipe to a child process", std::strerror(errno));
        }
        read = ends[0];
        write = ends[1];
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_read();
        close_write();
    }
    void close_read() { close_end(read); }
    void close_write() { close_end(write); }

   private:
    static void close_end(int& end) {
        if (end >= 0) close(end);
        end = -1;
    }
};

/// `output` null: what it prints is dropped.
pid_t spawn(const std::vector<std::string>& command, const Pipe* output, const Pipe& errors) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (output != nullptr) {
        posix_spawn_file_actions_adddup2(&actions, output->write, STDOUT_FILENO);
    } else {
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    }
    posix_spawn_file_actions_adddup2(&actions, errors.write, STDERR_FILENO);
    pid_t pid = 0;
    const int code = posix_spawn(&pid, command.front().c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (code != 0) {
        throw Error(ErrorKind::unavailable, fmt::format("start '{}'", command.front()), std::strerror(code));
    }
    return pid;
}

/// Reads what is there; false at the end. Of stdout the beginning is kept, of stderr the end.
bool drain(int descriptor, std::string& text, std::size_t size_max, bool keep_end) {
    std::array<char, 65536> buffer{};
    const ssize_t n = read(descriptor, buffer.data(), buffer.size());
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    if (n == 0) return false;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > size_max) {
        if (keep_end) {
            text.erase(0, text.size() - size_max);
        } else {
            text.resize(size_max);
        }
    }
    return true;
}

/// Collects both streams until they close or `deadline` passes; false when it passed.
bool collect(Pipe& output, Pipe& errors, const ChildLimits& limits, SteadyTime deadline, ChildResult& result) {
    while (output.read >= 0 || errors.read >= 0) {
        std::array<pollfd, 2> polls{pollfd{output.read, POLLIN, 0}, pollfd{errors.read, POLLIN, 0}};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        // A negative descriptor is one that poll passes over.
        if (poll(polls.data(), polls.size(), static_cast<int>(std::min<long long>(left.count(), 1000))) < 0) continue;
        if (polls[0].revents != 0 &&
            !drain(output.read, result.output, static_cast<std::size_t>(limits.output_max.count()), false)) {
            output.close_read();
        }
        if (polls[1].revents != 0 &&
            !drain(errors.read, result.errors, static_cast<std::size_t>(limits.errors_max.count()), true)) {
            errors.close_read();
        }
    }
    return true;
}

/// Waits until the child ends or `deadline` passes; false when it passed.
bool wait_until(pid_t pid, SteadyTime deadline, int& status) {
    for (;;) {
        const pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid) return true;
        if (ended < 0 && errno != EINTR) return true;
        if (std::chrono::steady_clock::now() >= deadline) return false;
        poll(nullptr, 0, 2);
    }
}

/// SIGTERM, a grace, SIGKILL; its status.
int end(pid_t pid) {
    int status = 0;
    kill(pid, SIGTERM);
    if (!wait_until(pid, std::chrono::steady_clock::now() + grace, status)) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    return status;
}

SteadyTime deadline_after(Seconds limit) {
    return std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::nanoseconds>(limit);
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& command, const ChildLimits& limits) {
    BREAKEVEN_ASSERT(!command.empty());
    Pipe output;
    Pipe errors;
    const pid_t pid = spawn(command, &output, errors);
    output.close_write();
    errors.close_write();

    ChildResult result;
    const SteadyTime deadline = deadline_after(limits.time);
    int status = 0;
    if (!collect(output, errors, limits, deadline, result) || !wait_until(pid, deadline, status)) {
        result.timed_out = true;
        status = end(pid);
    }
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    return result;
}

BackgroundChild::BackgroundChild(const std::vector<std::string>& command) {
    BREAKEVEN_ASSERT(!command.empty());
    Pipe errors;
    process_ = spawn(command, nullptr, errors);
    std::swap(errors_end_, errors.read);
}

BackgroundChild::~BackgroundChild() {
    end(process_);
    close(errors_end_);
}

std::optional<std::string> BackgroundChild::line_with(const std::string& word, Seconds limit) {
    const SteadyTime deadline = deadline_after(limit);
    const auto errors_max = static_cast<std::size_t>(ChildLimits{}.errors_max.count());
    for (bool open = true;;) {
        const std::size_t at = errors_.find(word);
        const std::size_t end_of_line = at == std::string::npos ? at : errors_.find('\n', at);
        if (end_of_line != std::string::npos) {
            const std::size_t start = errors_.rfind('\n', at);
            const std::size_t first = start == std::string::npos ? 0 : start + 1;
            return errors_.substr(first, end_of_line - first);
        }
        if (!open || std::chrono::steady_clock::now() >= deadline) return std::nullopt;
        pollfd waiting{errors_end_, POLLIN, 0};
        if (poll(&waiting, 1, 50) > 0) open = drain(errors_end_, errors_, errors_max, true);
    }
}

std::string signal_text(int signal) {
    const char* description = sigdescr_np(signal);
    return fmt::format("{} (signal {})", description == nullptr ? "unknown" : description, signal);
}

}  // namespace breakeven
