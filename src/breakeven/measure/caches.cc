// Caches: see caches.h.
#include "breakeven/measure/caches.h"

#include <fmt/format.h>
#include <hwloc.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

namespace breakeven {
namespace {

std::vector<CacheLevel> levels_by_hwloc() {
    hwloc_topology_t topology = nullptr;
    if (hwloc_topology_init(&topology) != 0) return {};
    const std::unique_ptr<hwloc_topology, decltype(&hwloc_topology_destroy)> owner(topology, hwloc_topology_destroy);
    if (hwloc_topology_load(topology) != 0) return {};
    std::vector<CacheLevel> levels;
    for (hwloc_obj_t object = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PU, 0); object != nullptr;
         object = object->parent) {
        if (hwloc_obj_type_is_dcache(object->type) == 0 || object->attr->cache.size == 0) continue;
        const unsigned depth = object->attr->cache.depth;
        levels.push_back({fmt::format("L{}{}", depth, depth == 1 ? "d" : ""),
                          Bytes(static_cast<std::int64_t>(object->attr->cache.size))});
    }
    return levels;
}

/// "512K", as the kernel prints it.
std::optional<Bytes> kernel_size(const std::string& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number <= 0) return std::nullopt;
    const std::string unit(end, text.data() + text.size());
    if (unit == "K") return Bytes(number << 10);
    if (unit == "M") return Bytes(number << 20);
    return unit.empty() ? std::optional(Bytes(number)) : std::nullopt;
}

}  // namespace

Caches caches_in(const SystemFiles& files) {
    Caches caches;
    const auto folder = files.sys / "devices/system/cpu/cpu0/cache";
    for (int index = 0; index < 16; ++index) {
        const auto entry = folder / fmt::format("index{}", index);
        const std::string type = first_line(entry / "type");
        const std::string level = first_line(entry / "level");
        const auto size = kernel_size(first_line(entry / "size"));
        if (!size || level.empty() || (type != "Data" && type != "Unified")) continue;
        caches.levels.push_back({fmt::format("L{}{}", level, level == "1" ? "d" : ""), *size});
    }
    std::sort(caches.levels.begin(), caches.levels.end(),
              [](const CacheLevel& a, const CacheLevel& b) { return a.name < b.name; });
    if (caches.levels.empty()) caches.reason = "neither hwloc nor the kernel tells the sizes of this machine's caches";
    return caches;
}

Caches this_machines_caches() {
    std::vector<CacheLevel> levels = levels_by_hwloc();
    return levels.empty() ? caches_in(SystemFiles()) : Caches{.levels = std::move(levels), .reason = {}};
}

}  // namespace breakeven
