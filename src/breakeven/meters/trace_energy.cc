// MLPerf Tiny's energy trace: see recordings.h.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "breakeven/error.h"
#include "breakeven/meters/recordings.h"

namespace breakeven {
namespace {

constexpr std::size_t header_size = 5;
constexpr unsigned char version = 0xF1;
constexpr double microjoules = 1e-6;
/// Two samples a second is no trace of inferences; 10 MHz no instrument of today.
constexpr double rate_min = 2.0;
constexpr double rate_max = 1e7;
constexpr std::size_t stamps_max = 1'000'000;

Error refusal(const std::string& name, const std::string& reason) {
    return Error(ErrorKind::input, fmt::format("read energy trace '{}'", name), reason);
}

float float_at(std::string_view bytes, std::size_t offset) {
    static_assert(std::endian::native == std::endian::little);
    float value = 0.0F;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

}  // namespace

Recording parse_trace_energy(std::string_view bytes, const std::string& name) {
    if (bytes.size() < header_size || static_cast<unsigned char>(bytes[0]) != version) {
        throw refusal(name, "it does not begin with 0xF1, as an energy runner's trace does");
    }
    const double rate = float_at(bytes, 1);
    if (!(rate >= rate_min && rate <= rate_max)) {
        throw refusal(name, fmt::format("its sample rate is {} Hz", rate));
    }
    if ((bytes.size() - header_size) % sizeof(float) != 0) throw refusal(name, "it ends within a sample");
    std::vector<PowerPiece> pieces;
    const std::size_t count = (bytes.size() - header_size) / sizeof(float);
    pieces.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const double energy = float_at(bytes, header_size + i * sizeof(float));
        if (!std::isfinite(energy)) continue;  // the instrument lost a sample: a gap
        pieces.push_back({Seconds(static_cast<double>(i) / rate), Seconds(static_cast<double>(i + 1) / rate),
                          watts(energy * microjoules * rate)});
    }
    return {.trace = PowerTrace(std::move(pieces)), .has_calendar_time = false};
}

std::vector<TimeWindow> parse_measured_windows(std::string_view text, const std::string& name) {
    nlohmann::json stamps;
    try {
        stamps = nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        throw refusal(name, fmt::format("it is not JSON: {}", error.what()));
    }
    const auto is_number = [](const nlohmann::json& stamp) { return stamp.is_number(); };
    if (!stamps.is_array() || stamps.size() > stamps_max || !std::all_of(stamps.begin(), stamps.end(), is_number)) {
        throw refusal(name, "it must be a JSON array of seconds");
    }
    std::vector<TimeWindow> windows;
    for (std::size_t i = 1; i < stamps.size(); ++i) {
        const TimeWindow window{Seconds(stamps[i - 1].get<double>()), Seconds(stamps[i].get<double>())};
        if (!(window.from <= window.to)) throw refusal(name, fmt::format("stamp {} goes back in time", i));
        if (i % 2 == 0) windows.push_back(window);
    }
    return windows;
}

}  // namespace breakeven
