// Warden: the process that is a network host. It sets the host up, runs one command there, and leaves no descendant of
// it behind, whatever happens to the emulator (its control socket closes, or its death signal comes).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/emulator/descriptor.h"
#include "breakeven/emulator/network_host.h"
#include "breakeven/emulator/slow_device.h"

namespace breakeven {

/// Who reads the terminal and what becomes of standard output.
enum class Role {
    device,  ///< as if it ran without us
    server,  ///< in the background: no input, output with the errors, no interrupts from the terminal
};

struct WardenTask {
    Role role = Role::device;
    HostSettings host;
    std::vector<std::string> command;           ///< empty: the host only answers packets
    std::optional<std::uint16_t> awaited_port;  ///< tell when the host listens there
    bool output_to_errors = false;
    std::array<const char*, 4> environment{};  ///< name, value, name, value
    const SlowDevice* slow = nullptr;          ///< what the command joins; removed here if the emulator is killed
};

/// What a warden tells, one message each on its control socket.
struct WardenReport {
    enum class Kind { ready, refused, started, listening, exited } kind;
    int value = 0;  ///< ready: NamespaceEntry. exited: the exit status, 128 + n after signal n. refused: ErrorKind.
    std::array<char, 1200> text{};  ///< refused: why
};

/// What it is told.
struct WardenOrder {
    enum class Kind { start, signal, stop } kind;
    int value = 0;  ///< signal: which
};

/// A warden from outside. The host's TUN descriptor comes with its first report.
class Warden final {
   public:
    /// Forks. Call it before any thread starts, with the signals that the emulator handles blocked; `signals` is the
    /// mask that the command gets. `others` are closed in the new process: they belong to the emulator alone.
    Warden(const WardenTask& task, const sigset_t& signals, const std::vector<int>& others);
    ~Warden();
    Warden(const Warden&) = delete;
    Warden& operator=(const Warden&) = delete;

    /// The next report, or nothing when the warden is gone or `patience_ms` is over (negative: no limit).
    std::optional<WardenReport> report(int patience_ms);
    void order(const WardenOrder& order) const;
    /// Waits until the warden and everything below it is gone.
    void end();

    int socket() const { return socket_.number(); }
    Descriptor take_tun() { return std::move(tun_); }

   private:
    Descriptor socket_;
    Descriptor tun_;
    pid_t process_ = -1;
};

}  // namespace breakeven
