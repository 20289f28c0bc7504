// Reading recorded links: see traces.h.
#include "cli/traces.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/units/text.h"

namespace breakeven::cli {
namespace {

/// A day of packets at a gigabit is smaller.
constexpr Bytes trace_file_max{std::int64_t{1} << 30};

double parse_share(const std::string& text, const std::string& option) {
    double share = 0.0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), share);
    if (code == std::errc{} && end == text.data() + text.size() && share > 0.0 && share <= 1000.0) return share;
    throw Error(ErrorKind::usage, fmt::format("read {} '{}'", option, text),
                "it is a factor above 0 and up to 1000, like 0.3");
}

}  // namespace

std::string other_direction(const std::string& path) {
    if (path.ends_with(".up")) return path.substr(0, path.size() - 3) + ".down";
    if (path.ends_with(".down")) return path.substr(0, path.size() - 5) + ".up";
    return "";
}

Trace read_trace(const std::string& path) {
    const std::string text = read_file(path, trace_file_max);
    if (!is_mahimahi(text)) return parse_trace_csv(text, path);
    Capacity one = parse_mahimahi(text, path);
    std::optional<Capacity> other;
    const std::string beside = other_direction(path);
    if (!beside.empty() && std::filesystem::exists(beside)) {
        other = parse_mahimahi(read_file(beside, trace_file_max), beside);
    }
    if (path.ends_with(".down")) return mahimahi_trace(path, std::move(other), std::move(one));
    return mahimahi_trace(path, std::move(one), std::move(other));
}

void add_fill_options(CLI::App& command, FillOptions& options) {
    command.add_option("--uplink-share", options.uplink_share,
                       "uplink as a share of the downlink, where none (or only acknowledgements) was recorded");
    command
        .add_option("--downlink-share", options.downlink_share,
                    "downlink as a share of the uplink, where none (or only acknowledgements) was recorded")
        ->capture_default_str();
    command.add_option("--rtt", options.round_trip, "round trip where none was recorded, like 50ms");
    command.add_option("--up", options.up, "uplink where no rate at all was recorded, like 2MB/s");
    command.add_option("--down", options.down, "downlink where no rate at all was recorded");
}

TraceFill fill_of(const FillOptions& options) {
    TraceFill fill;
    if (!options.uplink_share.empty()) fill.uplink_share = parse_share(options.uplink_share, "--uplink-share");
    fill.downlink_share = parse_share(options.downlink_share, "--downlink-share");
    if (!options.up.empty()) fill.up = parse_rate(options.up, "--up");
    if (!options.down.empty()) fill.down = parse_rate(options.down, "--down");
    if (!options.round_trip.empty()) fill.round_trip = parse_seconds(options.round_trip, "--rtt");
    return fill;
}

}  // namespace breakeven::cli
