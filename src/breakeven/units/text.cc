// Quantities as text: see text.h.
#include "breakeven/units/text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <initializer_list>
#include <limits>

#include "breakeven/error.h"

namespace breakeven {
namespace {

struct Suffix {
    std::string_view text;
    double factor;
};
using Suffixes = std::initializer_list<Suffix>;

/// The number before its unit, in the base unit that the factors lead to.
double parse(std::string_view text, std::string_view what, const Suffixes& suffixes, std::string_view example) {
    const auto refuse = [&](const std::string& reason) {
        return Error(ErrorKind::usage, fmt::format("read {} '{}'", what, text),
                     fmt::format("{}; write it like {}", reason, example));
    };
    double number = 0.0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code == std::errc::result_out_of_range) throw refuse("the number is out of range");
    if (code != std::errc{}) throw refuse("it does not start with a number");
    if (!std::isfinite(number) || number < 0.0) throw refuse("it must be finite and not negative");
    std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
    if (unit.empty()) throw refuse("the unit is missing");
    for (const Suffix& suffix : suffixes) {
        if (unit != suffix.text) continue;
        // By the whole number, so that "57nJ/B" is the double nearest to 57e-9 (1e-9 itself is none).
        return suffix.factor < 1.0 ? number / std::round(1.0 / suffix.factor) : number * suffix.factor;
    }
    throw refuse(fmt::format("unknown unit '{}'", unit));
}

/// `value` with three significant digits and no exponent.
std::string three_digits(double value) {
    const double magnitude = std::fabs(value);
    const int decimals = magnitude >= 99.95 ? 0 : magnitude >= 9.995 ? 1 : 2;
    return fmt::format("{:.{}f}", value, decimals);
}

std::string with_prefix(double value, std::string_view unit, const Suffixes& prefixes) {
    const Suffix* best = prefixes.begin();
    for (const Suffix& prefix : prefixes) {
        // 0.9995 rounds to 1.00, so it belongs to the larger prefix already.
        if (std::fabs(value) >= 0.9995 * prefix.factor) best = &prefix;
    }
    if (value == 0.0) return fmt::format("0 {}", unit);
    return fmt::format("{} {}{}", three_digits(value / best->factor), best->text, unit);
}

}  // namespace

Bytes parse_bytes(std::string_view text, std::string_view what) {
    const double count = parse(text, what,
                               {{"B", 1},
                                {"kB", 1e3},
                                {"MB", 1e6},
                                {"GB", 1e9},
                                {"TB", 1e12},
                                {"KiB", 1024.0},
                                {"MiB", 1048576.0},
                                {"GiB", 1073741824.0}},
                               "49152B, 150kB or 2GiB");
    if (count > 1e18) {
        throw Error(ErrorKind::usage, fmt::format("read {} '{}'", what, text), "the number is out of range");
    }
    return Bytes(std::llround(count));
}

Seconds parse_seconds(std::string_view text, std::string_view what) {
    return Seconds(parse(text, what, {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"min", 60}, {"h", 3600}},
                         "50ms, 1.5s or 2min"));
}

BytesPerSecond parse_rate(std::string_view text, std::string_view what) {
    return bytes_per_second(parse(text, what,
                                  {{"B/s", 1},
                                   {"kB/s", 1e3},
                                   {"MB/s", 1e6},
                                   {"GB/s", 1e9},
                                   {"bit/s", 1.0 / 8},
                                   {"kbit/s", 1e3 / 8},
                                   {"Mbit/s", 1e6 / 8},
                                   {"Gbit/s", 1e9 / 8}},
                                  "3.04MB/s or 202Mbit/s"));
}

Watts parse_watts(std::string_view text, std::string_view what) {
    return watts(parse(text, what, {{"W", 1}, {"mW", 1e-3}, {"uW", 1e-6}, {"kW", 1e3}}, "5W or 900mW"));
}

JoulesPerByte parse_joules_per_byte(std::string_view text, std::string_view what) {
    return joules_per_byte(parse(text, what, {{"J/B", 1}, {"mJ/B", 1e-3}, {"uJ/B", 1e-6}, {"nJ/B", 1e-9}}, "57nJ/B"));
}

std::string to_text(Bytes size) {
    const auto count = static_cast<double>(size.count());
    if (std::fabs(count) < 1000) return fmt::format("{} B", size.count());
    return with_prefix(count, "B", {{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}});
}

std::string to_text(Seconds time) {
    return with_prefix(time.count(), "s", {{"n", 1e-9}, {"u", 1e-6}, {"m", 1e-3}, {"", 1.0}});
}

std::string to_text(BytesPerSecond rate) {
    return with_prefix(rate.in(bytes_per_second), "B/s", {{"", 1.0}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}});
}

std::string to_text(Joules energy) {
    return with_prefix(energy.in(joules), "J", {{"n", 1e-9}, {"u", 1e-6}, {"m", 1e-3}, {"", 1.0}, {"k", 1e3}});
}

std::string to_text(Watts power) {
    return with_prefix(power.in(watts), "W", {{"u", 1e-6}, {"m", 1e-3}, {"", 1.0}, {"k", 1e3}});
}

std::string to_text(JouleSeconds product) {
    return with_prefix(product.in(joule_seconds), "Js", {{"n", 1e-9}, {"u", 1e-6}, {"m", 1e-3}, {"", 1.0}});
}

}  // namespace breakeven
