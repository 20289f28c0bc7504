// SlowDevice: makes processes as slow as a device with so much less computing power, for real: a control group with a
// CPU quota (Linux, cgroup v2 or v1), so that caches, threads and sleeps are the true ones and only time is scarcer.
// What runs there pauses in every period; work must span several of them to take its multiple of time.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "breakeven/emulator/descriptor.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// In each period all threads of a group together may compute for `quota`.
struct CpuQuota {
    Seconds period{0.0};
    Seconds quota{0.0};
    friend bool operator==(const CpuQuota&, const CpuQuota&) = default;
};

struct Slowness {
    double slowdown = 1.0;  ///< work on all processors takes so many times longer
    int processors = 1;     ///< that the work would keep busy
};

/// Beyond this the shortest quota needs a period longer than the kernel takes.
inline constexpr double slowdown_max = 500.0;

/// The shortest period that the kernel keeps to. Throws Error{usage} for a slowdown below 1 or beyond the largest.
CpuQuota cpu_quota(const Slowness& slowness);

/// Work that begins anywhere in a period is off by up to one pause; over so many periods that is a fifth at most.
inline constexpr double slow_periods_min = 5.0;

/// Does work that takes `unslowed` here span enough periods for its slowed time to be true?
bool spans_enough_periods(Seconds unslowed, const Slowness& slowness);

/// Where control groups are made: v2 has one tree, v1 one for the CPU.
struct ControlGroups {
    enum class Version { v1, v2 } version = Version::v2;
    std::filesystem::path folder;  ///< below which ours are made
    std::filesystem::path home;    ///< where this process is, and processes go when they are released
};

/// This machine's, tried out: a group is made, set and removed. Throws Error{unsupported} with what to do.
ControlGroups control_groups();
/// From the text of /proc/mounts and /proc/self/cgroup, without trying. Throws Error{unsupported} where there is none.
ControlGroups control_groups(const std::string& mounts, const std::string& own_groups);

class SlowDevice final {
   public:
    /// Makes a group of its own; removes those that killed processes left. Throws Error{usage, unsupported}.
    explicit SlowDevice(const Slowness& slowness) : SlowDevice(slowness, control_groups()) {}
    SlowDevice(const Slowness& slowness, const ControlGroups& groups);
    /// Lets go whoever is left in the group, and removes it.
    ~SlowDevice();
    SlowDevice(const SlowDevice&) = delete;
    SlowDevice& operator=(const SlowDevice&) = delete;

    /// From now on this process is slowed with all its threads and whatever it starts. Throws Error{unsupported}.
    void take(pid_t process) const;
    /// It is as fast as before.
    void release(pid_t process) const;

    /// A process that writes "0" here joins; for one that may not open the file any more.
    int entrance() const { return entrance_.number(); }
    const std::filesystem::path& folder() const { return folder_; }
    const CpuQuota& quota() const { return quota_; }

   private:
    ControlGroups groups_;
    CpuQuota quota_;
    std::filesystem::path folder_;
    Descriptor entrance_;
};

}  // namespace breakeven
