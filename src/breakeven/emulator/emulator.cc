// Two wardens and a pump: see emulator.h.
#include "breakeven/emulator/emulator.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>

#include "breakeven/emulator/warden.h"
#include "breakeven/error.h"

namespace breakeven {
namespace {

/// Setting a host up takes milliseconds; a machine that is this busy cannot emulate anything.
constexpr int setup_patience_ms = 20'000;
constexpr Seconds queue_max{60.0};
/// Beyond these nothing gets through that could be called a connection.
constexpr double loss_max = 0.9;
constexpr double burst_max = 1e6;

constexpr std::array handled_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/// While it lives these signals do not interrupt this thread: they are read from `descriptor()`.
class SignalEvents final {
   public:
    SignalEvents() {
        sigset_t handled;
        sigemptyset(&handled);
        for (const int signal : handled_signals) sigaddset(&handled, signal);
        ::pthread_sigmask(SIG_BLOCK, &handled, &before_);
        events_ = Descriptor(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
    }
    ~SignalEvents() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalEvents(const SignalEvents&) = delete;
    SignalEvents& operator=(const SignalEvents&) = delete;

    const sigset_t& before() const { return before_; }
    int descriptor() const { return events_.number(); }

    /// Hands what came to the device command, and returns the last. A terminal sends its signals to the whole
    /// foreground group, the command included; passing those on would interrupt it twice.
    std::optional<int> forward(const Warden& device) const {
        std::optional<int> last;
        signalfd_siginfo signal{};
        while (::read(events_.number(), &signal, sizeof signal) == sizeof signal) {
            last = static_cast<int>(signal.ssi_signo);
            if (signal.ssi_code != SI_KERNEL) device.order({.kind = WardenOrder::Kind::signal, .value = *last});
        }
        return last;
    }

   private:
    sigset_t before_{};
    Descriptor events_;
};

[[noreturn]] void lost(const char* whose) {
    throw Error(ErrorKind::unavailable, "emulate a link",
                fmt::format("the process that holds the {} host ended unexpectedly; try again", whose));
}

[[noreturn]] void rethrow(const WardenReport& report) {
    // The text is a whole error line already: "attempt: reason".
    const std::string text = report.text.data();
    const std::size_t colon = text.find(": ");
    const auto kind = static_cast<ErrorKind>(report.value);
    if (colon == std::string::npos) throw Error(kind, "emulate a link", text);
    throw Error(kind, text.substr(0, colon), text.substr(colon + 2));
}

/// The next report, which must be of this kind.
WardenReport expect(Warden& warden, WardenReport::Kind kind, const char* whose) {
    const auto report = warden.report(setup_patience_ms);
    if (!report) lost(whose);
    if (report->kind == WardenReport::Kind::refused) rethrow(*report);
    if (report->kind != kind) lost(whose);
    return *report;
}

/// The fastest stretch of a recording: of its seconds, or of its 10,000th parts where it is very long.
BytesPerSecond peak_rate(const Capacity& capacity) {
    constexpr int parts_max = 10'000;
    const int parts = static_cast<int>(std::clamp(std::ceil(capacity.duration().count()), 1.0, double{parts_max}));
    const Seconds part = capacity.duration() / parts;
    BytesPerSecond peak{};
    for (int i = 0; i < parts; ++i) peak = std::max(peak, capacity.mean_rate({.from = part * i, .to = part * (i + 1)}));
    return peak;
}

BytesPerSecond peak_rate(const EmulatedRun& run) {
    if (!run.trace) return std::max(run.link.up, run.link.down);
    return std::max(peak_rate(run.trace->link.up), peak_rate(run.trace->link.down));
}

/// The longest round trip there will be, without queues.
Seconds round_trip(const EmulatedRun& run) {
    if (!run.trace) return 2.0 * run.link.one_way_latency;
    Seconds longest{0.0};
    for (const RoundTrip& trip : run.trace->link.round_trips) longest = std::max(longest, trip.time);
    return longest;
}

void check_troubles(const EmulatedRun& run) {
    const auto refuse = [&](const std::string& reason) {
        throw Error(ErrorKind::usage, fmt::format("emulate link '{}'", run.link.name), reason);
    };
    if (!(run.loss.share >= 0.0 && run.loss.share <= loss_max)) {
        refuse(fmt::format("packets are lost with a share from 0 to {:g} %", loss_max * 100.0));
    }
    if (run.loss.burst && !(*run.loss.burst >= 1.0 && *run.loss.burst <= burst_max)) {
        refuse(fmt::format("a burst of losses has 1 to {:g} packets", burst_max));
    }
    for (const Outage& outage : run.outages) {
        if (outage.start.count() >= 0.0 && outage.length.count() > 0.0) continue;
        refuse("an outage starts at 0 or later and lasts");
    }
}

void check(const EmulatedRun& run) {
    if (!run.trace) check_link_profile(run.link, run.link.name);
    check_troubles(run);
    if (peak_rate(run) > emulated_rate_max) {
        throw Error(ErrorKind::unsupported, fmt::format("emulate link '{}'", run.link.name),
                    fmt::format("its rate is beyond {} MB/s, more packets than can be carried in time",
                                emulated_rate_max.in(megabytes_per_second)));
    }
    if (!(run.queue > Seconds(0.0) && run.queue <= queue_max)) {
        throw Error(ErrorKind::usage, fmt::format("emulate link '{}'", run.link.name),
                    fmt::format("a queue holds more than 0 and at most {} s", queue_max.count()));
    }
}

/// A window that fills the link, its queue included, and room to grow: the kernel lets data fill half of a buffer.
Bytes window_of(const EmulatedRun& run) {
    const Seconds held = round_trip(run) + run.queue;
    const double bytes = peak_rate(run).in(bytes_per_second)*held.count();
    constexpr double largest = 512.0 * 1024 * 1024;
    return Bytes(std::llround(std::min(4.0 * bytes, largest)));
}

Line line_of(const EmulatedRun& run, Direction direction) {
    Line line = run.trace ? line_of(run.trace->link, direction, {.queue = run.queue, .at_end = run.trace->at_end})
                          : line_of(run.link, direction, run.queue);
    line.loss = run.loss;
    line.outages = run.outages;
    line.seed = 2 * run.seed + (direction == Direction::up ? 0 : 1);
    return line;
}

WardenTask task_of(const EmulatedRun& run, Role role) {
    const bool device = role == Role::device;
    return {.role = role,
            .host = {.address = device ? device_address : server_address,
                     .peer = device ? server_address : device_address,
                     .congestion = run.congestion,
                     .window = window_of(run),
                     .entry = run.entry},
            .command = device ? run.device_command : run.server_command,
            .awaited_port = device ? std::nullopt : run.server_port,
            .output_to_errors = device && run.device_output_to_errors,
            .environment = {"BREAKEVEN_DEVICE", device_address, "BREAKEVEN_SERVER", server_address}};
}

/// Two hosts and what happens between them, in order.
class Emulation final {
   public:
    explicit Emulation(const EmulatedRun& run)
        : run_(run),
          server_task_(task_of(run, Role::server)),
          device_task_(device_task(run)),
          server_(server_task_, signals_.before(), {signals_.descriptor()}),
          device_(device_task_, signals_.before(), {signals_.descriptor(), server_.socket()}) {}

    EmulatedResult complete() {
        expect(server_, WardenReport::Kind::ready, "server");
        const WardenReport ready = expect(device_, WardenReport::Kind::ready, "device");
        result_.entered = static_cast<NamespaceEntry>(ready.value);
        Pump pump({.device = device_.take_tun(), .server = server_.take_tun()},
                  {.up = line_of(run_, Direction::up), .down = line_of(run_, Direction::down)});
        server_.order({.kind = WardenOrder::Kind::start});
        expect(server_, WardenReport::Kind::started, "server");
        if (!run_.server_port || await_server()) {
            device_.order({.kind = WardenOrder::Kind::start});
            expect(device_, WardenReport::Kind::started, "device");
            pump.begin();
            while (!device_ended_) attend(-1);
        }
        server_.end();
        device_.end();
        result_.lines = pump.stop();
        return std::move(result_);
    }

   private:
    /// Makes the group that slows the device: its warden is to know it.
    WardenTask device_task(const EmulatedRun& run) {
        if (run.slowness) slow_.emplace(*run.slowness);
        WardenTask task = task_of(run, Role::device);
        task.slow = slow_ ? &*slow_ : nullptr;
        return task;
    }

    /// False when a signal asked to stop before the server was there.
    bool await_server() {
        const auto deadline = std::chrono::steady_clock::now() + run_.server_patience;
        while (!listening_) {
            const auto left = deadline - std::chrono::steady_clock::now();
            attend(static_cast<int>(
                std::max<long>(0, std::chrono::duration_cast<std::chrono::milliseconds>(left).count())));
            if (interruption_) {
                result_.device_status = 128 + *interruption_;
                return false;
            }
            if (result_.server_status) {
                refuse_server(fmt::format("the server command ended with status {}", *result_.server_status));
            }
            if (!listening_ && std::chrono::steady_clock::now() >= deadline) {
                refuse_server(fmt::format("nothing listens there after {} s", run_.server_patience.count()));
            }
        }
        return true;
    }

    [[noreturn]] void refuse_server(const std::string& reason) const {
        throw Error(ErrorKind::unavailable, fmt::format("wait for port {} of the server host", *run_.server_port),
                    reason);
    }

    /// Waits for the next report or signal and notes it.
    void attend(int patience_ms) {
        std::array<pollfd, 3> events{
            {{signals_.descriptor(), POLLIN, 0}, {device_.socket(), POLLIN, 0}, {server_.socket(), POLLIN, 0}}};
        if (::poll(events.data(), events.size(), patience_ms) <= 0) return;
        if (events[0].revents != 0) interruption_ = signals_.forward(device_);
        if (events[1].revents != 0) note_device();
        if (events[2].revents != 0) note_server();
    }

    void note_device() {
        const auto report = device_.report(0);
        if (!report) lost("device");
        if (report->kind != WardenReport::Kind::exited) return;
        result_.device_status = report->value;
        device_ended_ = true;
    }

    void note_server() {
        const auto report = server_.report(0);
        if (!report) lost("server");
        if (report->kind == WardenReport::Kind::listening) listening_ = true;
        if (report->kind == WardenReport::Kind::exited) result_.server_status = report->value;
    }

    const EmulatedRun& run_;
    SignalEvents signals_;
    std::optional<SlowDevice> slow_;
    WardenTask server_task_;
    WardenTask device_task_;
    Warden server_;
    Warden device_;
    EmulatedResult result_;
    bool device_ended_ = false;
    bool listening_ = false;
    std::optional<int> interruption_;
};

}  // namespace

LinkProfile profile_of(const RecordedLink& link) {
    LinkProfile profile;
    profile.name = link.name;
    profile.one_way_latency = link.round_trip_at(Seconds(0.0)) / 2;
    profile.up = link.up.mean_rate();
    profile.down = link.down.mean_rate();
    return profile;
}

EmulatedResult run_emulated(const EmulatedRun& run) {
    check(run);
    if (run.device_command.empty()) {
        throw Error(ErrorKind::usage, "emulate a link", "no command to run; write it after --");
    }
    return Emulation(run).complete();
}

EmulatorSupport emulator_support() {
    const EmulatedRun run{.link = study_links()[0],
                          .congestion = std::nullopt,
                          .device_command = {},
                          .server_command = {},
                          .server_port = std::nullopt};
    EmulatorSupport support;
    try {
        const SignalEvents signals;
        const WardenTask task = task_of(run, Role::device);
        Warden warden(task, signals.before(), {signals.descriptor()});
        const WardenReport ready = expect(warden, WardenReport::Kind::ready, "device");
        support.available = true;
        support.entry = static_cast<NamespaceEntry>(ready.value);
    } catch (const Error& error) {
        const std::string text = error.what();
        const std::size_t colon = text.find(": ");
        support.reason = colon == std::string::npos ? text : text.substr(colon + 2);
    }
    return support;
}

}  // namespace breakeven
