// Platform: see platform.h.
#include "breakeven/plan/platform.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr std::string_view grpc_scheme = "grpc://";
constexpr std::string_view default_engine = "onnxruntime";
/// More threads than any machine has are a slip of the finger.
constexpr int number_max = 4096;

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts{""};
    for (const char c : text) {
        if (c == separator) {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

bool is_word(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

Error refusal(std::string_view text, const std::string& reason) {
    return Error(ErrorKind::usage, fmt::format("read platform '{}'", text),
                 reason + "; write it like cpu:4, openvino:cpu:2, openvino:gpu, cuda:0 or grpc://host:port");
}

Platform parse_server(std::string_view text) {
    const std::string_view address = text.substr(grpc_scheme.size());
    const std::size_t colon = address.rfind(':');
    if (colon == std::string_view::npos || colon == 0) throw refusal(text, "the port is missing");
    const std::string_view digits = address.substr(colon + 1);
    int port = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (code != std::errc{} || end != digits.data() + digits.size() || port < 1 || port > 65535) {
        throw refusal(text, "the port is not a number from 1 to 65535");
    }
    return {.engine = "grpc", .unit = std::string(address), .number = 0};
}

/// What follows the first comma, sorted; a key twice is a slip.
std::string parse_options(std::string_view text, std::string_view whole) {
    std::vector<std::string> options = split(text, ',');
    std::sort(options.begin(), options.end());
    for (std::size_t i = 0; i < options.size(); ++i) {
        const std::size_t equals = options[i].find('=');
        if (equals == std::string::npos || equals == 0) throw refusal(whole, "options are KEY=VALUE");
        if (i > 0 && options[i - 1].starts_with(options[i].substr(0, equals + 1))) {
            throw refusal(whole, "an option is given twice");
        }
    }
    return fmt::format("{}", fmt::join(options, ","));
}

Platform parse_unit(std::string_view text) {
    std::vector<std::string> parts = split(text, ':');
    int number = 0;
    const std::string& last = parts.back();
    const auto [end, code] = std::from_chars(last.data(), last.data() + last.size(), number);
    const bool numbered = code == std::errc{} && end == last.data() + last.size();
    if (numbered) {
        parts.pop_back();
    } else if (parts.size() != 2 || last == "cpu" || !is_word(last)) {  // openvino:gpu is its first, or only, one
        throw refusal(text, "the number of threads or of the unit is missing");
    }
    if (parts.empty() || parts.size() > 2 || parts.front().empty() || parts.back().empty()) {
        throw refusal(text, "it is not UNIT:N or ENGINE:UNIT:N");
    }
    if (number < 0 || number > number_max || (number == 0 && parts.back() == "cpu")) {
        throw refusal(text, "the number is out of range");
    }
    return {.engine = parts.size() == 2 ? parts.front() : std::string(default_engine),
            .unit = parts.back(),
            .number = number};
}

}  // namespace

std::vector<std::pair<std::string, std::string>> options_of(const Platform& platform) {
    std::vector<std::pair<std::string, std::string>> options;
    if (platform.options.empty()) return options;
    for (const std::string& option : split(platform.options, ',')) {
        const std::size_t equals = option.find('=');
        options.emplace_back(option.substr(0, equals), option.substr(equals + 1));
    }
    return options;
}

Platform parse_platform(std::string_view text) {
    if (text.starts_with(grpc_scheme)) return parse_server(text);
    const std::size_t comma = text.find(',');
    Platform platform = parse_unit(text.substr(0, comma));
    if (comma != std::string_view::npos) platform.options = parse_options(text.substr(comma + 1), text);
    return platform;
}

std::string to_text(const Platform& platform) {
    if (platform.is_remote()) return std::string(grpc_scheme) + platform.unit;
    const std::string options = platform.options.empty() ? "" : "," + platform.options;
    const std::string unit = fmt::format("{}:{}", platform.unit, platform.number);
    if (platform.engine == default_engine) return unit + options;
    return platform.engine + ":" + (platform.number == 0 ? platform.unit : unit) + options;
}

}  // namespace breakeven
