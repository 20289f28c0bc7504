// The break-even map for the terminal: see map_text.h.
#include "breakeven/report/map_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

namespace breakeven {
namespace {

/// Local plans are the empty ground; the others have letters that differ in weight, so that borders are seen.
constexpr std::string_view grounds = ".,";
constexpr std::string_view letters = "#o+x=%s@*&";
constexpr std::size_t row_step = 2;  ///< a letter is about twice as high as it is wide
constexpr std::size_t margin = 11;
constexpr std::size_t legend_width = 78;

std::vector<char> symbols_of(const BreakEvenMap& map) {
    std::vector<char> symbols;
    std::size_t local = 0;
    std::size_t other = 0;
    for (const PlanKind kind : map.kinds) {
        symbols.push_back(kind == PlanKind::local ? grounds[std::min(local++, grounds.size() - 1)]
                                                  : letters[std::min(other++, letters.size() - 1)]);
    }
    return symbols;
}

/// A digit for each marked link, where it lies.
void put_marks(const BreakEvenMap& map, std::vector<std::string>& lines) {
    for (std::size_t i = 0; i < std::min<std::size_t>(map.marks.size(), 9); ++i) {
        const auto row = static_cast<std::size_t>(map.marks[i].row / static_cast<double>(row_step));
        const auto column = static_cast<std::size_t>(std::lround(map.marks[i].column));
        lines[std::min(row, lines.size() - 1)][std::min(column, map.axes.columns - 1)] = static_cast<char>('1' + i);
    }
}

/// The texts of the axis below, each beginning under its place.
std::string columns_axis(const MapAxes& axes) {
    std::string line(margin + axes.columns, ' ');
    for (const double milliseconds : {0.2, 2.0, 20.0, 200.0}) {
        const Seconds time(milliseconds / 1e3);
        if (time < axes.round_trip_min || time > axes.round_trip_max) continue;
        const std::string text = axis_text(time);
        const auto at = margin + static_cast<std::size_t>(std::lround(axes.column_of(time)));
        line.replace(at, text.size(), text);
    }
    return line.substr(0, line.find_last_not_of(' ') + 1) + "  RTT\n";
}

std::string rate_beside(const MapAxes& axes, std::size_t line) {
    for (const double mbit : {0.1, 1.0, 10.0, 100.0, 1000.0}) {
        const double row = axes.row_of(megabits_per_second(mbit)) / static_cast<double>(row_step);
        if (static_cast<std::size_t>(row) == line) return axis_text(megabits_per_second(mbit));
    }
    return {};
}

std::string legend(const BreakEvenMap& map, const std::vector<char>& symbols) {
    std::string out;
    std::string line;
    const auto add = [&](const std::string& item) {
        if (!line.empty() && line.size() + item.size() + 3 > legend_width) {
            out += line + "\n";
            line.clear();
        }
        line += (line.empty() ? "  " : "   ") + item;
    };
    for (std::size_t i = 0; i < map.titles.size(); ++i) add(fmt::format("{} {}", symbols[i], map.titles[i]));
    for (std::size_t i = 0; i < std::min<std::size_t>(map.marks.size(), 9); ++i) {
        add(fmt::format("{} {}", i + 1, map.marks[i].link));
    }
    return out + line + "\n";
}

}  // namespace

std::string map_subject(Goal goal) {
    switch (goal) {
        case Goal::latency: return "which plan is the quickest";
        case Goal::energy: return "which plan takes the least energy";
        case Goal::energy_delay: return "which plan has the least energy-delay product";
    }
    return {};
}

std::string axis_text(Seconds round_trip) {
    return fmt::format("{:g} ms", round_trip.count() * 1e3);
}

std::string axis_text(BytesPerSecond rate) {
    const double mbit = rate.in(bytes_per_second)*8.0 / 1e6;
    if (mbit >= 999.5) return fmt::format("{:g} Gbit/s", mbit / 1e3);
    return mbit < 0.9995 ? fmt::format("{:g} kbit/s", mbit * 1e3) : fmt::format("{:g} Mbit/s", mbit);
}

std::string map_text(const BreakEvenMap& map) {
    const std::vector<char> symbols = symbols_of(map);
    std::vector<std::string> lines;
    for (std::size_t row = 0; row < map.axes.rows; row += row_step) {
        std::string line;
        for (std::size_t column = 0; column < map.axes.columns; ++column) line += symbols[map.at(row, column).plan];
        lines.push_back(std::move(line));
    }
    put_marks(map, lines);
    std::string out = fmt::format("{}, over round-trip time and rate (both ways)\n", map_subject(map.goal));
    for (std::size_t i = lines.size(); i-- > 0;) {
        out += fmt::format("{:>{}} {}\n", rate_beside(map.axes, i), margin - 1, lines[i]);
    }
    return out + columns_axis(map.axes) + legend(map, symbols);
}

}  // namespace breakeven
