// Core kinds: see core_kinds.h.
#include "breakeven/measure/core_kinds.h"

#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <map>

namespace breakeven {
namespace {

/// More processors than any machine has are a damaged file.
constexpr int processors_max = 65536;

/// The whole of `text` as a number in range.
bool read(std::string_view text, int& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && value >= 0 && value < processors_max;
}

}  // namespace

std::vector<int> parse_processor_list(std::string_view text) {
    std::vector<int> all;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view part = text.substr(0, comma);
        const std::size_t dash = part.find('-');
        int first = 0;
        int last = 0;
        if (!read(part.substr(0, dash), first)) return {};
        if (dash == std::string_view::npos) {
            last = first;
        } else if (!read(part.substr(dash + 1), last) || last < first) {
            return {};
        }
        for (int processor = first; processor <= last; ++processor) all.push_back(processor);
        if (all.size() > static_cast<std::size_t>(processors_max)) return {};
        text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    }
    return all;
}

CoreKinds core_kinds(const SystemFiles& files) {
    const std::filesystem::path folder = files.sys / "devices/system/cpu";
    std::map<int, std::vector<int>, std::greater<>> by_capacity;
    for (const int processor : parse_processor_list(first_line(folder / "present"))) {
        int capacity = 0;
        if (read(first_line(folder / fmt::format("cpu{}/cpu_capacity", processor)), capacity)) {
            by_capacity[capacity].push_back(processor);
        }
    }
    CoreKinds kinds;
    for (auto& [capacity, kind] : by_capacity) kinds.push_back(std::move(kind));
    if (!kinds.empty()) return kinds;
    for (const char* name : {"cpu_core", "cpu_atom"}) {
        std::vector<int> kind = parse_processor_list(first_line(files.sys / "devices" / name / "cpus"));
        if (!kind.empty()) kinds.push_back(std::move(kind));
    }
    return kinds;
}

}  // namespace breakeven
