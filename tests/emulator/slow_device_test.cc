// Slowing a process down: the quota's arithmetic, where control groups are, and the real thing where it is allowed.
#include "breakeven/emulator/slow_device.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <optional>

#include "breakeven/error.h"

namespace breakeven {
namespace {

using namespace literals;

RC_GTEST_PROP(CpuQuota, IsTheShareThatIsLeft, ()) {
    const Slowness slowness{.slowdown = *rc::gen::inRange(100, 50'001) / 100.0, .processors = *rc::gen::inRange(1, 65)};
    const CpuQuota quota = cpu_quota(slowness);
    RC_ASSERT(std::abs(quota.quota / quota.period * slowness.slowdown / slowness.processors - 1.0) < 1e-9);
    RC_ASSERT(quota.quota >= 1_ms);     // the kernel's least
    RC_ASSERT(quota.period >= 1_ms);    // the same
    RC_ASSERT(quota.period <= 1.01_s);  // its largest
}

TEST(CpuQuota, RefusesWhatIsNoSlowdown) {
    for (const double slowdown : {0.0, 0.99, -1.0, 1e9, std::nan("")}) {
        EXPECT_THROW(cpu_quota({.slowdown = slowdown, .processors = 1}), Error) << slowdown;
    }
}

TEST(CpuQuota, WorkMustSpanFivePeriods) {
    const Slowness slowness{.slowdown = 10.0, .processors = 1};
    const Seconds period = cpu_quota(slowness).period;
    EXPECT_TRUE(spans_enough_periods(period * 0.5, slowness));
    EXPECT_FALSE(spans_enough_periods(period * 0.49, slowness));
}

TEST(ControlGroups, AreFoundInTheTextOfTheKernel) {
    const ControlGroups v2 =
        control_groups("cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n", "0::/user.slice/shell.scope\n");
    EXPECT_EQ(v2.version, ControlGroups::Version::v2);
    EXPECT_EQ(v2.folder, "/sys/fs/cgroup/user.slice") << "beside its own, which has processes";
    EXPECT_EQ(v2.home, "/sys/fs/cgroup/user.slice/shell.scope");
    const ControlGroups v1 = control_groups(
        "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\n"
        "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ncgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n",
        "5:cpuset:/other\n4:cpu,cpuacct:/own\n0::/x\n");
    EXPECT_EQ(v1.version, ControlGroups::Version::v1) << "where v1 has the CPU, v2 has not";
    EXPECT_EQ(v1.folder, "/sys/fs/cgroup/cpu,cpuacct/own");
    EXPECT_EQ(v1.home, v1.folder);
    EXPECT_THROW(control_groups("proc /proc proc rw 0 0\ncgroup", ""), Error);
    EXPECT_THROW(control_groups("", ""), Error);
}

class GroupsFolder : public testing::Test {
   protected:
    GroupsFolder() {
        std::string name = std::filesystem::temp_directory_path() / "breakeven-groups-XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~GroupsFolder() override { std::filesystem::remove_all(folder_); }
    ControlGroups groups() const { return {.version = ControlGroups::Version::v2, .folder = folder_, .home = folder_}; }
    const std::filesystem::path& folder() const { return folder_; }

   private:
    std::filesystem::path folder_;
};

TEST_F(GroupsFolder, WithoutAQuotaToSetIsRefusedAndLeftAsItWas) {
    try {
        const SlowDevice device({.slowdown = 4.0, .processors = 1}, groups());
        FAIL() << "a plain folder slows nobody down";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unsupported);
        EXPECT_NE(std::string(error.what()).find("cpu.max"), std::string::npos) << error.what();
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder()));
}

TEST_F(GroupsFolder, GroupsOfKilledProcessesGo) {
    const pid_t dead = ::fork();
    if (dead == 0) ::_exit(0);
    ::waitpid(dead, nullptr, 0);
    const auto orphan = folder() / ("breakeven-" + std::to_string(dead) + "-1");
    const auto alive = folder() / ("breakeven-" + std::to_string(::getppid()) + "-1");
    for (const auto& group : {orphan, alive, folder() / "breakeven-x", folder() / "other"}) {
        std::filesystem::create_directory(group);
    }
    EXPECT_THROW(SlowDevice({.slowdown = 4.0, .processors = 1}, groups()), Error);
    EXPECT_FALSE(std::filesystem::exists(orphan));
    EXPECT_TRUE(std::filesystem::exists(alive));
    EXPECT_TRUE(std::filesystem::exists(folder() / "breakeven-x"));
    EXPECT_TRUE(std::filesystem::exists(folder() / "other"));
}

Seconds processor_time() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return Seconds(static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9);
}

/// In a process of its own that joins by itself: how many times longer than its computing it took.
double measured_slowdown(const SlowDevice& device, Seconds work) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return 0.0;
    const pid_t child = ::fork();
    if (child == 0) {
        if (::write(device.entrance(), "0", 1) != 1) ::_exit(1);
        const auto start = std::chrono::steady_clock::now();
        const Seconds before = processor_time();
        while (processor_time() - before < work) continue;
        const double ratio = Seconds(std::chrono::steady_clock::now() - start) / work;
        ::_exit(::write(ends[1], &ratio, sizeof ratio) == sizeof ratio ? 0 : 1);
    }
    ::waitpid(child, nullptr, 0);
    ::close(ends[1]);
    double ratio = 0.0;
    if (::read(ends[0], &ratio, sizeof ratio) != sizeof ratio) ratio = 0.0;
    ::close(ends[0]);
    return ratio;
}

TEST(SlowDevice, SlowsOrSaysWhatToDo) {
    std::filesystem::path folder;
    try {
        const SlowDevice device({.slowdown = 8.0, .processors = 1});
        folder = device.folder();
        // A busy machine makes it slower still; a pause too few is the most it may be too fast.
        EXPECT_GE(measured_slowdown(device, 40_ms), 8.0 * 0.85);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unsupported);
        EXPECT_NE(std::string(error.what()).find("control group"), std::string::npos) << error.what();
        return;
    }
    EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(SlowDevice, LetsGoAtTheEndWhomItTook) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    const auto groups_of = [child] {
        std::ifstream in("/proc/" + std::to_string(child) + "/cgroup");
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    const std::string before = groups_of();
    try {
        const SlowDevice device({.slowdown = 4.0, .processors = 1});
        device.take(child);
        EXPECT_NE(groups_of().find(device.folder().filename()), std::string::npos);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    }
    EXPECT_EQ(groups_of(), before);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace breakeven
