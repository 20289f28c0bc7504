// Counters through perf_event_open(2): see counters.h.
#include "breakeven/measure/counters.h"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// More threads than this are not inference's.
constexpr std::size_t threads_max = 1024;

struct Kind {
    Event event;
    std::string_view name;
    std::uint32_t type;
    std::uint64_t config;
};

constexpr std::uint64_t cache_event(std::uint64_t cache, std::uint64_t result) {
    return cache | (std::uint64_t{PERF_COUNT_HW_CACHE_OP_READ} << 8U) | (result << 16U);
}

constexpr std::array<Kind, event_count> kinds{{
    {Event::instructions, "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {Event::l1d_loads, "L1-dcache-loads", PERF_TYPE_HW_CACHE,
     cache_event(PERF_COUNT_HW_CACHE_L1D, PERF_COUNT_HW_CACHE_RESULT_ACCESS)},
    {Event::l1d_misses, "L1-dcache-load-misses", PERF_TYPE_HW_CACHE,
     cache_event(PERF_COUNT_HW_CACHE_L1D, PERF_COUNT_HW_CACHE_RESULT_MISS)},
    {Event::page_faults, "page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    {Event::cycles, "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {Event::llc_misses, "LLC-load-misses", PERF_TYPE_HW_CACHE,
     cache_event(PERF_COUNT_HW_CACHE_LL, PERF_COUNT_HW_CACHE_RESULT_MISS)},
    {Event::branch_misses, "branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
}};

class Descriptor final {
   public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    Descriptor& operator=(Descriptor&&) = delete;
    int number() const { return number_; }

   private:
    int number_;
};

int open_event(const Kind& kind, pid_t thread, bool with_kernel) {
    perf_event_attr attributes;
    std::memset(&attributes, 0, sizeof attributes);
    attributes.size = sizeof attributes;
    attributes.type = kind.type;
    attributes.config = kind.config;
    attributes.inherit = 1;
    attributes.exclude_kernel = with_kernel ? 0 : 1;
    attributes.exclude_hv = 1;
    attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    return static_cast<int>(syscall(SYS_perf_event_open, &attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

/// An open counter, or the error that the kernel gave.
struct Opened {
    std::optional<Descriptor> descriptor;
    int error = 0;
};

Opened open_counter(const Kind& kind, pid_t thread) {
    int number = open_event(kind, thread, true);
    if (number < 0 && (errno == EACCES || errno == EPERM)) number = open_event(kind, thread, false);
    if (number < 0) return {std::nullopt, errno};
    return {Descriptor(number), 0};
}

std::string reason_for(int error) {
    switch (error) {
        case ENOENT:
        case ENODEV:
        case EOPNOTSUPP: return "not supported: this processor, or virtual machine, has no such counter";
        case EACCES:
        case EPERM: return "the kernel forbids it: lower /proc/sys/kernel/perf_event_paranoid to 2, or run as root";
        case ENOSYS: return "not supported: this kernel was built without counters";
        case EMFILE: return "too many files are open";
        default: return fmt::format("the kernel refused: {}", std::strerror(error));
    }
}

std::vector<pid_t> threads_now() {
    std::vector<pid_t> threads;
    std::error_code none;
    const std::filesystem::path tasks("/proc/self/task");
    for (std::filesystem::directory_iterator entry(tasks, none), end; !none && entry != end; entry.increment(none)) {
        const std::string number = entry->path().filename().string();
        pid_t thread = 0;
        const auto [last, code] = std::from_chars(number.data(), number.data() + number.size(), thread);
        if (code == std::errc{} && threads.size() < threads_max) threads.push_back(thread);
    }
    return threads;
}

RawCount read_counter(const Descriptor& descriptor) {
    std::array<std::uint64_t, 3> values{};  // value, time enabled, time running
    if (read(descriptor.number(), values.data(), sizeof values) != static_cast<ssize_t>(sizeof values)) return {};
    return {values[0], values[1], values[2]};
}

/// One event on all threads.
struct Counted {
    const Kind& kind;
    std::string reason;  ///< why it cannot be counted
    std::vector<Descriptor> threads;
    std::vector<RawCount> before;
};

class PerfCounters final : public Counters {
   public:
    PerfCounters() {
        const std::vector<pid_t> threads = threads_now();
        for (const Kind& kind : kinds) {
            Counted counted{kind, "", {}, {}};
            for (const pid_t thread : threads) {
                Opened opened = open_counter(kind, thread);
                if (opened.error == ESRCH) continue;  // it ended meanwhile
                if (!opened.descriptor) {
                    counted.reason = reason_for(opened.error);
                    counted.threads.clear();
                    break;
                }
                counted.threads.push_back(std::move(*opened.descriptor));
            }
            events_.push_back(std::move(counted));
        }
    }

    void start() override {
        for (Counted& counted : events_) {
            counted.before.clear();
            for (const Descriptor& thread : counted.threads) counted.before.push_back(read_counter(thread));
        }
    }

    std::vector<EventCount> stop() override {
        std::vector<EventCount> result;
        for (const Counted& counted : events_) {
            EventCount count{counted.kind.event, std::nullopt, counted.reason};
            if (count.reason.empty()) add(counted, count);
            result.push_back(std::move(count));
        }
        return result;
    }

   private:
    /// A thread that slept all the time was not counted and had nothing to count.
    static void add(const Counted& counted, EventCount& count) {
        double total = 0.0;
        for (std::size_t i = 0; i < counted.threads.size(); ++i) {
            const RawCount now = read_counter(counted.threads[i]);
            const RawCount& before = counted.before[i];
            const RawCount since{now.value - before.value, now.enabled - before.enabled, now.running - before.running};
            const auto corrected_count = corrected(since);
            if (!corrected_count && since.enabled > 0) {
                count.reason = "it never came onto the processor: other counters held it";
                return;
            }
            total += corrected_count.value_or(0.0);
        }
        count.count = total;
    }

    std::vector<Counted> events_;
};

}  // namespace

std::string_view name(Event event) {
    const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.event == event; });
    BREAKEVEN_ASSERT(found != kinds.end());
    return found->name;
}

std::optional<double> corrected(const RawCount& raw) {
    if (raw.running == 0) return std::nullopt;
    return static_cast<double>(raw.value) * (static_cast<double>(raw.enabled) / static_cast<double>(raw.running));
}

std::unique_ptr<Counters> make_counters() {
    return std::make_unique<PerfCounters>();
}

std::vector<EventCount> countable_events() {
    std::vector<EventCount> result;
    for (const Kind& kind : kinds) {
        const Opened opened = open_counter(kind, 0);
        result.push_back({kind.event, std::nullopt, opened.descriptor ? "" : reason_for(opened.error)});
    }
    return result;
}

}  // namespace breakeven
