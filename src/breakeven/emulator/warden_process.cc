// A host's own process: sets it up, runs its command, ends all that came of it. See warden.h.
#include "breakeven/emulator/warden_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "breakeven/error.h"

namespace breakeven {
namespace {

using SteadyTime = std::chrono::steady_clock;

/// How long a command may take to end after SIGTERM, before SIGKILL.
constexpr std::chrono::milliseconds grace{2000};
/// Comes when the emulator dies. None that a person or `timeout` sends to the whole process group.
const int death_signal = SIGRTMIN;
/// How often a host is asked whether its server listens.
constexpr int listening_poll_ms = 3;

/// The parent of a process, from /proc; 0 when it is gone.
pid_t parent_of(const std::filesystem::path& process) {
    std::ifstream file(process / "stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::size_t end_of_name = text.rfind(')');  // the name itself may hold anything
    pid_t parent = 0;
    if (end_of_name == std::string::npos || std::sscanf(text.c_str() + end_of_name, ") %*c %d", &parent) != 1) return 0;
    return parent;
}

void kill_children() {
    const pid_t self = ::getpid();
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        if (parent_of(entry.path()) == self) ::kill(std::atoi(name.c_str()), SIGKILL);
    }
}

/// Ends every descendant: as a subreaper this process becomes the parent of orphans, so that killing children until
/// there are none reaches daemons too.
void kill_descendants() {
    while (true) {
        kill_children();
        if (::waitpid(-1, nullptr, 0) < 0 && errno == ECHILD) return;
    }
}

/// Whether a TCP socket of this network namespace listens on `port`.
bool listens(std::uint16_t port) {
    for (const char* path : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
        std::ifstream table(path);
        std::string line;
        while (std::getline(table, line)) {
            unsigned local = 0;
            unsigned state = 0;
            constexpr unsigned listening = 0x0A;  // TCP_LISTEN
            if (std::sscanf(line.c_str(), "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", &local, &state) == 2 &&
                local == port && state == listening) {
                return true;
            }
        }
    }
    return false;
}

class WardenProcess final {
   public:
    WardenProcess(const WardenTask& task, Descriptor socket, const sigset_t& signals, pid_t emulator)
        : task_(task), socket_(std::move(socket)), signals_(signals), emulator_(emulator) {}

    void run() {
        die_with_emulator();
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        sigset_t handled;  // interrupts are blocked already: they are for the command
        sigemptyset(&handled);
        sigaddset(&handled, SIGCHLD);
        sigaddset(&handled, death_signal);
        ::sigprocmask(SIG_BLOCK, &handled, nullptr);
        signal_events_ = Descriptor(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
        try {
            NetworkHost host = become_network_host(task_.host);
            die_with_emulator();  // new credentials clear the request
            tell({.kind = WardenReport::Kind::ready, .value = static_cast<int>(host.entered)}, host.tun.number());
        } catch (const Error& error) {
            refuse(error);
            return;
        }
        while (!over_) attend();
        if (command_ > 0) ::kill(command_, SIGKILL);
        kill_descendants();
        if (task_.slow != nullptr) ::rmdir(task_.slow->folder().c_str());  // when the emulator is no more to do so
    }

   private:
    void die_with_emulator() {
        ::prctl(PR_SET_PDEATHSIG, death_signal);
        if (::getppid() != emulator_) over_ = true;
    }

    void tell(const WardenReport& report, int descriptor = -1) {
        WardenReport copy = report;
        iovec part{.iov_base = &copy, .iov_len = sizeof copy};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        if (descriptor >= 0) {
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            cmsghdr* attached = CMSG_FIRSTHDR(&message);
            attached->cmsg_level = SOL_SOCKET;
            attached->cmsg_type = SCM_RIGHTS;
            attached->cmsg_len = CMSG_LEN(sizeof(int));
            std::memcpy(CMSG_DATA(attached), &descriptor, sizeof descriptor);
        }
        [[maybe_unused]] const ssize_t sent = ::sendmsg(socket_.number(), &message, MSG_NOSIGNAL);
    }

    void refuse(const Error& error) {
        WardenReport report{.kind = WardenReport::Kind::refused, .value = static_cast<int>(error.kind()), .text = {}};
        std::strncpy(report.text.data(), error.what(), report.text.size() - 1);
        tell(report);
    }

    /// Waits for what comes next and deals with it.
    void attend() {
        std::array<pollfd, 2> events{{{socket_.number(), POLLIN, 0}, {signal_events_.number(), POLLIN, 0}}};
        ::poll(events.data(), events.size(), patience_ms());
        if ((events[1].revents & POLLIN) != 0) take_signals();
        if (events[0].revents != 0) take_order();
        if (awaiting_ && listens(*task_.awaited_port)) {
            awaiting_ = false;
            tell({.kind = WardenReport::Kind::listening});
        }
        if (stopping_ && (!has_children() || SteadyTime::now() >= deadline_)) over_ = true;
    }

    static bool has_children() {
        siginfo_t info{};
        return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
    }

    int patience_ms() const {
        if (awaiting_) return listening_poll_ms;
        if (!stopping_) return -1;
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - SteadyTime::now()).count();
        return left > 0 ? static_cast<int>(left) + 1 : 0;
    }

    void take_signals() {
        signalfd_siginfo signal{};
        while (::read(signal_events_.number(), &signal, sizeof signal) == sizeof signal) {
            if (signal.ssi_signo == static_cast<unsigned>(death_signal)) over_ = true;
        }
        int status = 0;
        pid_t process = 0;
        while ((process = ::waitpid(-1, &status, WNOHANG)) > 0) {
            if (process != command_) continue;
            command_ = -1;
            awaiting_ = false;
            const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            tell({.kind = WardenReport::Kind::exited, .value = code});
        }
    }

    void take_order() {
        WardenOrder order{};
        if (::recv(socket_.number(), &order, sizeof order, 0) != static_cast<ssize_t>(sizeof order)) {
            over_ = true;  // the emulator is gone
            return;
        }
        switch (order.kind) {
            case WardenOrder::Kind::start: start(); break;
            case WardenOrder::Kind::signal:
                if (command_ > 0) ::kill(command_, order.value);
                break;
            case WardenOrder::Kind::stop: stop(); break;
        }
    }

    /// A server, with what it started, may end in its own way; what a device command left behind may not.
    void stop() {
        stopping_ = true;
        awaiting_ = false;
        deadline_ = SteadyTime::now();
        if (task_.role == Role::device || server_group_ <= 0) return;
        deadline_ += grace;
        ::kill(-server_group_, SIGTERM);
    }

    void start() {
        if (!task_.command.empty()) {
            try {
                launch();
            } catch (const Error& error) {
                refuse(error);
                return;
            }
        }
        awaiting_ = task_.awaited_port.has_value();
        tell({.kind = WardenReport::Kind::started});
    }

    /// Starts the command; a failed exec comes back through a pipe that a good one closes.
    void launch() {
        std::array<int, 2> ends{};
        const auto fail = [&](ErrorKind kind, int code) {
            throw Error(kind, fmt::format("run '{}'", task_.command.front()), std::strerror(code));
        };
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(ErrorKind::unsupported, errno);
        Descriptor reader(ends[0]);
        Descriptor writer(ends[1]);
        const pid_t warden = ::getpid();
        command_ = ::fork();
        if (command_ < 0) fail(ErrorKind::unsupported, errno);
        if (command_ == 0) become_command(writer.number(), warden);
        if (task_.role == Role::server) {
            ::setpgid(command_, command_);  // here and there: whoever comes first
            server_group_ = command_;
        }
        writer.close();
        int code = 0;
        if (::read(reader.number(), &code, sizeof code) == sizeof code) {
            ::waitpid(command_, nullptr, 0);
            command_ = -1;
            fail(ErrorKind::usage, code);
        }
    }

    [[noreturn]] void become_command(int failures, pid_t warden) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != warden) ::_exit(127);
        if (task_.role == Role::server) {
            ::setpgid(0, 0);  // out of the reach of the terminal's interrupts
            const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
            ::dup2(nothing, STDIN_FILENO);
        }
        if (task_.role == Role::server || task_.output_to_errors) ::dup2(STDERR_FILENO, STDOUT_FILENO);
        for (std::size_t i = 0; i + 1 < task_.environment.size(); i += 2) {
            if (task_.environment[i] != nullptr) ::setenv(task_.environment[i], task_.environment[i + 1], 1);
        }
        if (task_.slow != nullptr && ::write(task_.slow->entrance(), "0", 1) != 1) {
            const int refused = errno;
            [[maybe_unused]] const ssize_t told = ::write(failures, &refused, sizeof refused);
            ::_exit(127);
        }
        std::vector<char*> words;
        for (const std::string& word : task_.command) words.push_back(const_cast<char*>(word.c_str()));
        words.push_back(nullptr);
        ::signal(SIGPIPE, SIG_DFL);  // the program ignores it; commands expect the default
        ::sigprocmask(SIG_SETMASK, &signals_, nullptr);
        ::execvp(words.front(), words.data());
        const int code = errno;
        [[maybe_unused]] const ssize_t written = ::write(failures, &code, sizeof code);
        ::_exit(127);
    }

    const WardenTask& task_;
    Descriptor socket_;
    sigset_t signals_;
    pid_t emulator_;
    Descriptor signal_events_;
    pid_t command_ = -1;
    pid_t server_group_ = -1;
    bool awaiting_ = false;
    bool stopping_ = false;
    bool over_ = false;
    SteadyTime::time_point deadline_;
};

}  // namespace

void run_warden(const WardenTask& task, Descriptor socket, const sigset_t& signals, pid_t emulator) {
    try {
        WardenProcess(task, std::move(socket), signals, emulator).run();
    } catch (...) {
        ::_exit(1);  // the emulator sees the socket close
    }
    ::_exit(0);
}

}  // namespace breakeven
