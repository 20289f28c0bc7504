// The threads that carry packets: see pump.h.
#include "breakeven/emulator/pump.h"

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <optional>
#include <thread>
#include <vector>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// After a rest the processor sleeps deeply and a timer wakes us 30 to 90 us late (measured), which an exchange over a
/// 2 ms link would show. So the first packet after `rest` is awaited awake for its last stretch. Packets that follow
/// closely are not: there a late one delays nobody, and two busy threads would starve the hosts on a small machine.
constexpr Seconds awake_before{120e-6};
constexpr Seconds rest{500e-6};

/// Packets read in one go before those that are due are handed over.
constexpr int packets_at_once = 16;

/// What one direction may hold: a slip in queue or delay must not eat the memory. 1 Gbit/s for 2 s.
constexpr std::size_t held_max = 170'000;

Seconds now() {
    return std::chrono::steady_clock::now().time_since_epoch();
}

/// Counts lateness by microsecond, so that a long run needs no more memory than a short one.
class Lateness final {
   public:
    void add(Seconds late) {
        max_ = std::max(max_, late);
        const auto bin = static_cast<std::size_t>(std::max(0.0, late.count() * 1e6));
        ++counts_[std::min(bin, counts_.size() - 1)];
        ++total_;
    }
    Seconds max() const { return max_; }
    Seconds percentile(double share) const {
        std::int64_t seen = 0;
        for (std::size_t bin = 0; bin < counts_.size(); ++bin) {
            seen += counts_[bin];
            if (seen > 0 && static_cast<double>(seen) >= share * static_cast<double>(total_)) {
                return std::min(max_, Seconds(static_cast<double>(bin + 1) * 1e-6));
            }
        }
        return max_;
    }

   private:
    std::array<std::int64_t, 10'000> counts_{};  // 10 ms; beyond it only max() tells
    std::int64_t total_ = 0;
    Seconds max_{0.0};
};

struct Held {
    Seconds due;
    std::uint16_t size;
    std::array<char, static_cast<std::size_t>(packet_size_max.count())> bytes;
};

struct Ports {
    int in;
    int out;
    int stop;
};

/// One direction: takes packets in, holds them until they are due, hands them over in order.
class Carrier final {
   public:
    Carrier(const Ports& ports, const Line& line) : ports_(ports), line_(line), shaper_(line) {}

    /// From another thread: what is read from now on meets a line at this moment of ours as its 0.
    void begin(Seconds zero) { zero_asked_.store(zero.count(), std::memory_order_relaxed); }

    void carry(const std::atomic<bool>& stopping) {
        ::prctl(PR_SET_TIMERSLACK, 1UL);  // wake when asked, not up to 50 us later
        // Ahead of ordinary threads where the kernel lets us (root): with both cores of a machine busy, 99 of 100
        // packets left at most 0.05 ms late instead of more than 10 ms (measured). Where not, the report tells.
        const sched_param first{.sched_priority = 1};
        ::sched_setscheduler(0, SCHED_FIFO, &first);
        while (!gone_ && !stopping.load(std::memory_order_relaxed)) {
            hand_over_due();
            if (take_in()) continue;
            wait();
        }
    }

    LineReport report() const {
        LineReport report = report_;
        report.lost = lost_before_ + shaper_.lost();
        report.dropped -= report.lost;
        report.late_p50 = lateness_.percentile(0.50);
        report.late_p99 = lateness_.percentile(0.99);
        report.late_max = lateness_.max();
        return report;
    }

   private:
    void hand_over_due() {
        while (!held_.empty()) {
            const Seconds time = now();
            Held& packet = held_.front();
            if (packet.due > time) return;
            if (::write(ports_.out, packet.bytes.data(), packet.size) == packet.size) {
                ++report_.packets;
                report_.bytes += Bytes(packet.size);
                lateness_.add(time - packet.due);
            } else {
                ++report_.refused;
            }
            last_handed_over_ = time;
            held_.pop_front();
        }
    }

    /// The line's 0; where it was moved, a new line.
    Seconds follow_zero() {
        const Seconds zero(zero_asked_.load(std::memory_order_relaxed));
        if (zero != zero_) {
            zero_ = zero;
            lost_before_ += shaper_.lost();
            shaper_ = Shaper(line_);
        }
        return zero_;
    }

    /// False when there was nothing to read.
    bool take_in() {
        for (int i = 0; i < packets_at_once; ++i) {
            const ssize_t size = ::read(ports_.in, buffer_.data(), buffer_.size());
            if (size <= 0) {
                gone_ = size == 0 || (errno != EAGAIN && errno != EINTR);
                return i > 0;
            }
            const Seconds zero = follow_zero();
            const auto due = held_.size() < held_max ? shaper_.depart(now() - zero, Bytes(size)) : std::nullopt;
            if (!due) {
                ++report_.dropped;
                continue;
            }
            Held& packet = held_.emplace_back();
            packet.due = zero + *due;
            packet.size = static_cast<std::uint16_t>(size);
            std::memcpy(packet.bytes.data(), buffer_.data(), static_cast<std::size_t>(size));
        }
        return true;
    }

    void wait() {
        timespec timeout{};
        const timespec* until = nullptr;  // nothing held: until a packet comes
        if (!held_.empty()) {
            const Seconds time = now();
            Seconds left = held_.front().due - time;
            if (time - last_handed_over_ > rest) left -= awake_before;
            if (left.count() <= 0.0) return;
            timeout.tv_sec = static_cast<time_t>(left.count());
            timeout.tv_nsec = static_cast<long>((left.count() - std::floor(left.count())) * 1e9);
            until = &timeout;
        }
        std::array<pollfd, 2> events{{{ports_.in, POLLIN, 0}, {ports_.stop, POLLIN, 0}}};
        ::ppoll(events.data(), events.size(), until, nullptr);
    }

    Ports ports_;
    Line line_;
    Shaper shaper_;
    Seconds zero_ = now();
    std::atomic<double> zero_asked_{zero_.count()};
    std::int64_t lost_before_ = 0;
    std::deque<Held> held_;
    std::array<char, static_cast<std::size_t>(packet_size_max.count())> buffer_{};
    Seconds last_handed_over_{0.0};
    bool gone_ = false;  ///< the host that sends is no more
    LineReport report_;
    Lateness lateness_;
};

}  // namespace

struct Pump::State {
    State(Ends owned, Descriptor stop, const Lines& lines)
        : ends(std::move(owned)),
          stop_event(std::move(stop)),
          up({ends.device.number(), ends.server.number(), stop_event.number()}, lines.up),
          down({ends.server.number(), ends.device.number(), stop_event.number()}, lines.down) {}

    Ends ends;
    Descriptor stop_event;
    std::atomic<bool> stopping{false};
    Carrier up;
    Carrier down;
    std::vector<std::thread> threads;
};

Pump::Pump(Ends ends, const Lines& lines) {
    Descriptor stop(::eventfd(0, EFD_CLOEXEC));
    if (!stop.is_open()) {
        throw Error(ErrorKind::unsupported, "emulate a link", fmt::format("no eventfd: {}", std::strerror(errno)));
    }
    state_ = std::make_unique<State>(std::move(ends), std::move(stop), lines);
    state_->threads.emplace_back([state = state_.get()] { state->up.carry(state->stopping); });
    state_->threads.emplace_back([state = state_.get()] { state->down.carry(state->stopping); });
}

Pump::~Pump() {
    stop();
}

void Pump::begin() {
    const Seconds zero = now();
    state_->up.begin(zero);
    state_->down.begin(zero);
}

LineReports Pump::stop() {
    state_->stopping = true;
    const std::uint64_t once = 1;
    [[maybe_unused]] const ssize_t written = ::write(state_->stop_event.number(), &once, sizeof once);
    for (std::thread& thread : state_->threads) thread.join();
    state_->threads.clear();
    return {.up = state_->up.report(), .down = state_->down.report()};
}

}  // namespace breakeven
