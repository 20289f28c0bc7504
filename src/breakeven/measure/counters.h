// Counters: how many instructions, loads, misses, ... a stretch of work took, by the processor's own counters and the
// kernel's. What this machine does not count says why; that is a value, not a failure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace breakeven {

/// Those of the study (chapter 4.3), and three more.
enum class Event { instructions, l1d_loads, l1d_misses, page_faults, cycles, llc_misses, branch_misses };
inline constexpr std::size_t event_count = 7;
/// As `perf` calls it: "instructions", "L1-dcache-load-misses".
std::string_view name(Event event);

struct EventCount {
    Event event = Event::instructions;
    std::optional<double> count;  ///< events; a mean may have a fraction
    std::string reason;           ///< why there is none; empty where there is
    friend bool operator==(const EventCount&, const EventCount&) = default;
};

/// What the kernel says of one counter. It counts only while it is on the processor, which it shares with others.
struct RawCount {
    std::uint64_t value = 0;
    std::uint64_t enabled = 0;  ///< nanoseconds for which it was asked to count
    std::uint64_t running = 0;  ///< nanoseconds for which it did
};
/// As though it had counted all the time: value * enabled / running (perf_event_open(2), time_running). Nothing where
/// it never did.
std::optional<double> corrected(const RawCount& raw);

/// Counts in stretches, over all threads of this process.
class Counters {
   public:
    virtual ~Counters() = default;
    virtual void start() = 0;
    /// One entry an event, in the order of Event, for the time since start().
    virtual std::vector<EventCount> stop() = 0;
};

/// Through perf_event_open, on every thread there is now and those they start: make it when all models are loaded.
/// Where the kernel lets only root count what happens inside it, user code alone is counted.
std::unique_ptr<Counters> make_counters();

/// One entry an event: whether it can be counted here. Opens and closes each for this thread.
std::vector<EventCount> countable_events();

}  // namespace breakeven
