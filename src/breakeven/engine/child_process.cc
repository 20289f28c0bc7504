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

pid_t spawn(const std::vector<std::string>& command, const Pipe& output, const Pipe& errors) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO);
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

}  // namespace

ChildResult run_child(const std::vector<std::string>& command, const ChildLimits& limits) {
    BREAKEVEN_ASSERT(!command.empty());
    Pipe output;
    Pipe errors;
    const pid_t pid = spawn(command, output, errors);
    output.close_write();
    errors.close_write();

    ChildResult result;
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::nanoseconds>(limits.time);
    int status = 0;
    bool ended = collect(output, errors, limits, deadline, result) && wait_until(pid, deadline, status);
    if (!ended) {
        result.timed_out = true;
        kill(pid, SIGTERM);
        ended = wait_until(pid, std::chrono::steady_clock::now() + grace, status);
        if (!ended) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
        }
    }
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    return result;
}

std::string signal_text(int signal) {
    const char* description = sigdescr_np(signal);
    return fmt::format("{} (signal {})", description == nullptr ? "unknown" : description, signal);
}

}  // namespace breakeven
