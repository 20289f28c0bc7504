// Control groups as folders: see slow_device.h. Interfaces: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max)
// and Documentation/scheduler/sched-bwc.rst (cpu.cfs_quota_us).
#include "breakeven/emulator/slow_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// The kernel takes quotas from 1 ms and periods up to 1 s. It looks at a running thread at each tick (up to 4 ms), so a
/// shorter quota is overdrawn and paid back later, which is the same as a longer period.
constexpr Seconds quota_min{4e-3};
constexpr Seconds period_max{1.0};

constexpr std::string_view group_prefix = "breakeven-";

Error not_possible(const std::string& reason) {
    return Error(ErrorKind::unsupported, "slow this machine down", reason);
}

/// Files of a control group take one write, and say in it what is wrong.
void write_setting(const std::filesystem::path& file, const std::string& text) {
    const Descriptor out(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (out.is_open() && ::write(out.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return;
    throw not_possible(
        fmt::format("writing '{}' to {}: {}; it needs root, or a delegated control group with the cpu controller", text,
                    file.string(), std::strerror(errno)));
}

std::string microseconds(Seconds time) {
    return std::to_string(std::llround(time.count() * 1e6));
}

void set_quota(const ControlGroups& groups, const std::filesystem::path& folder, const CpuQuota& quota) {
    if (groups.version == ControlGroups::Version::v2) {
        write_setting(folder / "cpu.max", microseconds(quota.quota) + " " + microseconds(quota.period));
        return;
    }
    write_setting(folder / "cpu.cfs_period_us", microseconds(quota.period));
    write_setting(folder / "cpu.cfs_quota_us", microseconds(quota.quota));
}

/// The process that made a group of this name; nothing for other names.
std::optional<pid_t> maker_of(const std::string& name) {
    if (!name.starts_with(group_prefix)) return std::nullopt;
    pid_t process = 0;
    const char* first = name.data() + group_prefix.size();
    const auto [end, code] = std::from_chars(first, name.data() + name.size(), process);
    if (code != std::errc{} || *end != '-' || process <= 0) return std::nullopt;
    return process;
}

/// Groups whose maker is gone: it was killed. A group with processes in it stays (removing fails).
void remove_orphans(const std::filesystem::path& parent) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
        const auto maker = maker_of(entry.path().filename());
        if (maker && ::kill(*maker, 0) != 0 && errno == ESRCH) ::rmdir(entry.path().c_str());
    }
}

std::filesystem::path make_group(const ControlGroups& groups) {
    static std::atomic<int> made{0};
    remove_orphans(groups.folder);
    const auto folder = groups.folder / fmt::format("{}{}-{}", group_prefix, ::getpid(), ++made);
    std::error_code code;
    if (std::filesystem::create_directory(folder, code)) return folder;
    throw not_possible(fmt::format("making the control group {}: {}; it needs root, or a delegated control group",
                                   folder.string(), code ? code.message() : "it is there already"));
}

/// The words of a line, split at blanks.
std::vector<std::string> words_of(const std::string& line) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

bool has_option(const std::string& options, std::string_view wanted) {
    std::istringstream in(options);
    for (std::string option; std::getline(in, option, ',');) {
        if (option == wanted) return true;
    }
    return false;
}

/// From lines like "4:cpu,cpuacct:/user" or, with no controller, "0::/user": the path after the last colon.
std::filesystem::path own_group(const std::string& groups, std::string_view controller) {
    std::istringstream lines(groups);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos || line.compare(second, 2, ":/") != 0) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        if (controller.empty() ? controllers.empty() : has_option(controllers, controller))
            return line.substr(second + 2);
    }
    return {};
}

std::string file_text(const char* path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

CpuQuota cpu_quota(const Slowness& slowness) {
    if (!(slowness.slowdown >= 1.0 && slowness.slowdown <= slowdown_max) || slowness.processors < 1) {
        throw Error(ErrorKind::usage, "slow this machine down",
                    fmt::format("a device is 1 to {:g} times slower, not {:g}", slowdown_max, slowness.slowdown));
    }
    const double share = static_cast<double>(slowness.processors) / slowness.slowdown;
    const Seconds period = std::clamp(quota_min / share, quota_min, period_max);
    return {.period = period, .quota = std::max(period * share, Seconds(1e-3))};
}

bool spans_enough_periods(Seconds unslowed, const Slowness& slowness) {
    return unslowed * slowness.slowdown >= cpu_quota(slowness).period * slow_periods_min;
}

ControlGroups control_groups(const std::string& mounts, const std::string& own_groups) {
    std::optional<ControlGroups> found;
    std::istringstream lines(mounts);
    for (std::string line; std::getline(lines, line);) {
        const std::vector<std::string> words = words_of(line);  // device, folder, type, options
        if (words.size() < 4) continue;
        const bool is_v1 = words[2] == "cgroup" && has_option(words[3], "cpu");
        // Where v1 has the CPU, v2 has not.
        if (is_v1) found = {.version = ControlGroups::Version::v1, .folder = words[1], .home = {}};
        if (words[2] == "cgroup2" && !found) {
            found = {.version = ControlGroups::Version::v2, .folder = words[1], .home = {}};
        }
    }
    if (!found) throw not_possible("no control groups are mounted here (cgroup v2, or v1 with cpu)");
    const bool is_v1 = found->version == ControlGroups::Version::v1;
    const std::filesystem::path own = own_group(own_groups, is_v1 ? "cpu" : "");
    found->home = found->folder / own;
    // In v2 a group with processes may have no controlled groups below it, so ours lie beside it.
    found->folder /= is_v1 ? own : own.parent_path();
    return *found;
}

ControlGroups control_groups() {
    const ControlGroups groups = control_groups(file_text("/proc/mounts"), file_text("/proc/self/cgroup"));
    const SlowDevice trial({.slowdown = 2.0, .processors = 1}, groups);
    return groups;
}

SlowDevice::SlowDevice(const Slowness& slowness, const ControlGroups& groups)
    : groups_(groups), quota_(cpu_quota(slowness)), folder_(make_group(groups)) {
    try {
        set_quota(groups_, folder_, quota_);
        entrance_ = Descriptor(::open((folder_ / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
        if (!entrance_.is_open()) {
            throw not_possible(fmt::format("{}: {}", (folder_ / "cgroup.procs").string(), std::strerror(errno)));
        }
    } catch (...) {
        ::rmdir(folder_.c_str());
        throw;
    }
}

SlowDevice::~SlowDevice() {
    std::ifstream members(folder_ / "cgroup.procs");
    for (pid_t process = 0; members >> process;) {
        try {
            release(process);
        } catch (const Error&) {  // it ended meanwhile, or stays as it is and the folder with it
        }
    }
    ::rmdir(folder_.c_str());
}

void SlowDevice::take(pid_t process) const {
    write_setting(folder_ / "cgroup.procs", std::to_string(process));
}

void SlowDevice::release(pid_t process) const {
    write_setting(groups_.home / "cgroup.procs", std::to_string(process));
}

}  // namespace breakeven
