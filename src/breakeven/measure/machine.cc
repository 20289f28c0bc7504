// Machine: see machine.h.
#include "breakeven/measure/machine.h"

#include <fmt/format.h>
#include <hwloc.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <thread>

#include "breakeven/units/text.h"

namespace breakeven {
namespace {

/// The value of "key   : value" in a file such as /proc/cpuinfo; the first of the keys that is there.
std::string field(const std::filesystem::path& path, std::initializer_list<std::string_view> keys) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) continue;
        const std::size_t key_end = line.find_last_not_of(" \t", colon - 1);
        const std::string_view key = std::string_view(line).substr(0, key_end + 1);
        for (const std::string_view wanted : keys) {
            const std::size_t value = line.find_first_not_of(" \t", colon + 1);
            if (key == wanted && value != std::string::npos) return line.substr(value);
        }
    }
    return "";
}

/// FNV-1a (Fowler, Noll, Vo; 64 bit): tells hosts apart without showing the id, which is not for publication.
std::string hashed(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return fmt::format("{:016x}", hash);
}

int physical_cores() {
    hwloc_topology_t topology = nullptr;
    if (hwloc_topology_init(&topology) != 0) return 0;
    int cores = 0;
    if (hwloc_topology_load(topology) == 0) cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
    hwloc_topology_destroy(topology);
    return cores > 0 ? cores : 0;
}

int allowed_threads() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    return static_cast<int>(std::thread::hardware_concurrency());
}

std::optional<double> number(std::string_view text) {
    double value = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end == text.data()) return std::nullopt;
    return value;
}

/// cgroup v2: "max 100000" or "150000 100000"; v1: two files, quota -1 for none.
std::optional<Processors> quota(const SystemFiles& files) {
    const std::filesystem::path groups = files.sys / "fs/cgroup";
    std::string granted = first_line(groups / "cpu.max");
    std::string period;
    if (const std::size_t space = granted.find(' '); space != std::string::npos) {
        period = granted.substr(space + 1);
        granted.resize(space);
    } else {
        granted = first_line(groups / "cpu/cpu.cfs_quota_us");
        period = first_line(groups / "cpu/cpu.cfs_period_us");
    }
    const std::optional<double> share = number(granted);
    const std::optional<double> of = number(period);
    if (!share || !of || *share <= 0.0 || *of <= 0.0) return std::nullopt;
    return processors(*share / *of);
}

Bytes memory(const SystemFiles& files) {
    const std::optional<double> kibibytes = number(field(files.proc / "meminfo", {"MemTotal"}));
    return Bytes(kibibytes ? static_cast<std::int64_t>(*kibibytes) * 1024 : 0);
}

}  // namespace

std::string first_line(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

Machine this_machine(const SystemFiles& files) {
    Machine machine;
    utsname system{};
    if (uname(&system) == 0) {
        machine.name = system.nodename;
        machine.kernel = fmt::format("{} {}", system.sysname, system.release);
    }
    machine.identity = hashed("breakeven " + first_line(files.etc / "machine-id"));
    machine.cpu = field(files.proc / "cpuinfo", {"model name", "Model", "cpu model", "Processor"});
    if (machine.cpu.empty()) machine.cpu = fmt::format("unknown {}", system.machine);
    machine.cores = physical_cores();
    machine.threads = allowed_threads();
    machine.quota = quota(files);
    machine.memory = memory(files);
    const std::string governor = first_line(files.sys / "devices/system/cpu/cpu0/cpufreq/scaling_governor");
    if (!governor.empty()) machine.governor = governor;
    return machine;
}

std::string fingerprint(const Machine& machine) {
    return fmt::format("{} {} | {} | {} cores, {} threads, quota {} | governor {}", machine.name, machine.identity,
                       machine.cpu, machine.cores, machine.threads,
                       machine.quota ? fmt::format("{:.3g}", machine.quota->in(processors)) : "none",
                       machine.governor.value_or("unknown"));
}

std::string to_text(const Machine& machine) {
    const std::string limit =
        machine.quota ? fmt::format(", limited to {:.3g}", machine.quota->in(processors)) : std::string();
    return fmt::format("{} ({}, {} thread{}{}, {}, {})", machine.name, machine.cpu, machine.threads,
                       machine.threads == 1 ? "" : "s", limit, to_text(machine.memory), machine.kernel);
}

}  // namespace breakeven
