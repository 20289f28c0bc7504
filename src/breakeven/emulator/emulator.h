// The packet emulator: runs a command on a device host whose only way to a server host is an emulated link. Real TCP of
// this kernel in two network namespaces; the packets between them are carried, delayed, paced and dropped by us.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/emulator/network_host.h"
#include "breakeven/emulator/pump.h"
#include "breakeven/emulator/slow_device.h"
#include "breakeven/link/profile.h"
#include "breakeven/link/tcp.h"

namespace breakeven {

/// The hosts' addresses, the same in every run; commands find them in BREAKEVEN_DEVICE and BREAKEVEN_SERVER.
inline constexpr const char* device_address = "10.83.0.1";
inline constexpr const char* server_address = "10.83.0.2";

/// How long a link's queue is unless told otherwise: 500 kB on a 1 MB/s link, so that one request of a study (150 kB)
/// passes unharmed. A longer queue delays more under load; a shorter one drops more.
inline constexpr Seconds queue_default{0.5};

/// Faster links cannot be carried packet by packet in time: 4 Gbit/s.
inline constexpr BytesPerSecond emulated_rate_max = bytes_per_second(500e6);

/// A link whose rates change as a recording's do, from the moment the device command starts.
struct EmulatedTrace {
    RecordedLink link;
    AtEnd at_end = AtEnd::repeat;
};

/// The profile that stands for a recording where one is needed: its mean rates and its first round trip.
LinkProfile profile_of(const RecordedLink& link);

struct EmulatedRun {
    LinkProfile link;
    std::optional<EmulatedTrace> trace{};  ///< what happens instead of `link`, which then stands for it
    Loss loss{};                           ///< in both directions, each with luck of its own
    std::vector<Outage> outages{};         ///< of both directions, from the device command's start
    std::uint64_t seed = 1;                ///< of the losses
    Seconds queue = queue_default;         ///< what the queue before each direction holds, in time at that rate
    std::optional<Congestion> congestion;  ///< of every connection across the link; unset: the kernel's default
    std::vector<std::string> device_command;
    std::optional<Slowness> slowness{};  ///< of the device command: its CPU time is rationed
    /// Started first, in the background (no input, output to stderr); ended when the device command ends. May be empty.
    std::vector<std::string> server_command;
    /// The device command starts once the server host listens on this TCP port; unset: at once.
    std::optional<std::uint16_t> server_port;
    Seconds server_patience{30.0};         ///< how long that may take
    bool device_output_to_errors = false;  ///< the device command's stdout goes to stderr: ours is taken
    NamespaceEntry entry = NamespaceEntry::either;
};

struct EmulatedResult {
    int device_status = 0;             ///< its exit status; 128 + n when signal n ended it
    std::optional<int> server_status;  ///< set when the server command ended before the device command
    NamespaceEntry entered = NamespaceEntry::as_root;
    LineReports lines;
};

/// Runs to the end. SIGINT, SIGTERM, SIGHUP and SIGQUIT that come meanwhile go to the device command (which gets those
/// of the terminal without us). Nothing is left behind, even when this process is killed.
/// It forks: call it before this process starts a thread. Throws Error{usage} when a command cannot be run,
/// {unsupported} where this machine does not allow it, {unavailable} when the server does not come up.
EmulatedResult run_emulated(const EmulatedRun& run);

/// Whether links can be emulated here, tried out in a process of its own.
struct EmulatorSupport {
    bool available = false;
    NamespaceEntry entry = NamespaceEntry::either;  ///< which way works
    std::string reason;                             ///< why not, and what to do
};
EmulatorSupport emulator_support();

}  // namespace breakeven
