// Tables of power over time, Joulescope's statistics among them: see recordings.h.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "breakeven/error.h"
#include "breakeven/meters/recordings.h"

namespace breakeven {
namespace {

/// 2001-09-09: seconds since 1970 that are larger are taken for the calendar's; no recording lasts that long.
constexpr double calendar_least = 1e9;
/// Beyond these a number is a slip of the unit or damage.
constexpr double time_max = 1e11;
constexpr double power_max = 1e7;

enum Column : std::size_t { time_column, current_column, voltage_column, power_column, energy_column, column_count };
struct Name {
    std::string_view word;
    Column column;
};
constexpr std::array names{
    Name{"time", time_column},     Name{"timestamp", time_column},  Name{"t", time_column},
    Name{"seconds", time_column},  Name{"current", current_column}, Name{"i", current_column},
    Name{"amps", current_column},  Name{"voltage", voltage_column}, Name{"v", voltage_column},
    Name{"volts", voltage_column}, Name{"power", power_column},     Name{"p", power_column},
    Name{"watts", power_column},   Name{"energy", energy_column},   Name{"joules", energy_column},
};

/// What one of a column is in its SI unit.
struct Scale {
    std::string_view unit;
    Column column;
    double factor;
};
constexpr std::array scales{
    Scale{"s", time_column, 1.0},      Scale{"ms", time_column, 1e-3},    Scale{"us", time_column, 1e-6},
    Scale{"ns", time_column, 1e-9},    Scale{"a", current_column, 1.0},   Scale{"ma", current_column, 1e-3},
    Scale{"ua", current_column, 1e-6}, Scale{"na", current_column, 1e-9}, Scale{"v", voltage_column, 1.0},
    Scale{"mv", voltage_column, 1e-3}, Scale{"uv", voltage_column, 1e-6}, Scale{"w", power_column, 1.0},
    Scale{"mw", power_column, 1e-3},   Scale{"uw", power_column, 1e-6},   Scale{"j", energy_column, 1.0},
    Scale{"mj", energy_column, 1e-3},  Scale{"uj", energy_column, 1e-6},  Scale{"wh", energy_column, 3600.0},
    Scale{"mwh", energy_column, 3.6},
};

std::string_view trimmed(std::string_view text) {
    const std::size_t from = text.find_first_not_of(" \t\"");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\"") - from + 1);
}

std::string shown(std::string_view text) {
    std::string copy(text.substr(0, 40));
    std::replace_if(
        copy.begin(), copy.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
    return copy;
}

class Table final {
   public:
    Table(std::string_view text, const std::string& name) : text_(text), name_(name) {}

    bool next(std::string_view& line) {
        while (!text_.empty()) {
            ++number_;
            const std::size_t end = text_.find('\n');
            line = text_.substr(0, end);
            text_ = end == std::string_view::npos ? std::string_view{} : text_.substr(end + 1);
            if (line.ends_with('\r')) line.remove_suffix(1);
            if (!trimmed(line).empty()) return true;
        }
        return false;
    }
    /// The file's end without a line break: a row half written.
    bool is_last() const { return text_.empty(); }
    Error refusal(const std::string& reason) const {
        return Error(ErrorKind::input, fmt::format("read power recording '{}', line {}", name_, number_), reason);
    }

   private:
    std::string_view text_;
    const std::string& name_;
    std::int64_t number_ = 0;
};

struct Place {
    std::size_t cell = 0;
    double factor = 1.0;
};
using Header = std::array<std::optional<Place>, column_count>;

std::string_view next_cell(std::string_view& line, char separator) {
    const std::size_t end = line.find(separator);
    const std::string_view cell = line.substr(0, end);
    line = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
    return trimmed(cell);
}

/// "Current (mA)", "voltage_V", "time": the column and its scale; nothing for a column that is passed over.
std::optional<std::pair<Column, double>> column_of(std::string_view title) {
    std::string word;
    std::string unit;
    std::string* part = &word;
    for (const char letter : title) {
        if (letter == '#' || letter == ' ' || letter == ')' || letter == ']') continue;
        if (letter == '_' || letter == '(' || letter == '[') {
            if (part == &unit) return std::nullopt;  // current_min_a: some other figure
            part = &unit;
            continue;
        }
        *part += static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
    }
    const auto name = std::find_if(names.begin(), names.end(), [&](const Name& each) { return each.word == word; });
    if (name == names.end()) return std::nullopt;
    if (unit.empty()) return std::pair(name->column, 1.0);
    const auto scale = std::find_if(scales.begin(), scales.end(), [&](const Scale& each) {
        return each.unit == unit && each.column == name->column;
    });
    if (scale == scales.end()) return std::nullopt;
    return std::pair(name->column, scale->factor);
}

char separator_of(std::string_view header) {
    return header.find(',') != std::string_view::npos ? ',' : header.find(';') != std::string_view::npos ? ';' : '\t';
}

Header parse_header(std::string_view line, char separator, const Table& table) {
    Header header;
    for (std::size_t cell = 0; !line.empty(); ++cell) {
        const std::string_view title = next_cell(line, separator);
        const auto found = column_of(title);
        if (!found) continue;
        std::optional<Place>& place = header[found->first];
        if (place) throw table.refusal(fmt::format("a second column '{}' says the same", shown(title)));
        place = Place{cell, found->second};
    }
    if (!header[time_column]) {
        throw table.refusal(
            "there is no column 'time'; the first line must name the columns, like time,current,voltage");
    }
    if (!header[power_column] && !header[energy_column] && !(header[current_column] && header[voltage_column])) {
        throw table.refusal(header[current_column]   ? "there is no column 'voltage' beside 'current'"
                            : header[voltage_column] ? "there is no column 'current' beside 'voltage'"
                                                     : "there is neither 'power' nor 'current' and 'voltage'");
    }
    return header;
}

using Row = std::array<std::optional<double>, column_count>;

Row parse_row(std::string_view line, const Header& header, char separator, const Table& table) {
    Row row;
    std::size_t cells = 0;
    for (; !line.empty(); ++cells) {
        const std::string_view cell = next_cell(line, separator);
        for (std::size_t column = 0; column < column_count; ++column) {
            if (!header[column] || header[column]->cell != cells || cell.empty()) continue;
            double number = 0.0;
            const auto [end, code] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
            if (code != std::errc{} || end != cell.data() + cell.size()) {
                throw table.refusal(fmt::format("'{}' is not a number", shown(cell)));
            }
            if (std::isfinite(number)) row[column] = number * header[column]->factor;
        }
    }
    if (row[time_column] && std::abs(*row[time_column]) > time_max) {
        throw table.refusal(fmt::format("its time is {} s", *row[time_column]));
    }
    return row;
}

std::optional<double> power_of(const Row& row) {
    if (row[power_column]) return row[power_column];
    if (!row[current_column] || !row[voltage_column]) return std::nullopt;
    return *row[current_column] * *row[voltage_column];
}

/// Rows of a counting energy: each piece has the mean power between two of them.
class Counted final {
   public:
    void add(Seconds at, Joules energy, const Table& table) {
        if (!pieces_.empty() || has_first_) {
            if (energy < last_energy_) throw table.refusal("its energy, which counts up, goes back");
            pieces_.push_back({last_at_, at, (energy - last_energy_) / (at - last_at_)});
        }
        has_first_ = true;
        last_at_ = at;
        last_energy_ = energy;
    }
    PowerTrace trace() { return PowerTrace(std::move(pieces_)); }

   private:
    std::vector<PowerPiece> pieces_;
    bool has_first_ = false;
    Seconds last_at_{0.0};
    Joules last_energy_;
};

}  // namespace

void check_power_csv_header(std::string_view begin, const std::string& name) {
    const std::size_t end = begin.rfind('\n');
    if (end == std::string_view::npos) return;
    Table table(begin.substr(0, end + 1), name);
    std::string_view line;
    if (table.next(line)) parse_header(line, separator_of(line), table);
}

Recording parse_power_csv(std::string_view text, const std::string& name) {
    Table table(text, name);
    std::string_view line;
    if (!table.next(line)) throw table.refusal("it is empty");
    const char separator = separator_of(line);
    const Header header = parse_header(line, separator, table);
    const bool counts = header[energy_column].has_value();
    std::vector<PowerSample> samples;
    Counted counted;
    std::optional<double> before;
    std::size_t rows = 0;
    while (table.next(line)) {
        if (table.is_last() && !text.ends_with('\n')) break;  // a row that is still being written
        if (trimmed(line).starts_with('#')) continue;
        const Row row = parse_row(line, header, separator, table);
        if (!row[time_column]) throw table.refusal("its time is empty");
        const double at = *row[time_column];
        if (before && at <= *before)
            throw table.refusal(fmt::format("its time {} does not come after {}", at, *before));
        before = at;
        ++rows;
        if (counts) {
            if (row[energy_column]) counted.add(Seconds(at), joules(*row[energy_column]), table);
            continue;
        }
        const std::optional<double> power = power_of(row);
        if (!power) continue;  // an empty cell: not measured
        if (std::abs(*power) > power_max) throw table.refusal(fmt::format("its power is {} W", *power));
        samples.push_back({Seconds(at), watts(*power)});
    }
    if (rows < 2) throw table.refusal("it has fewer than two rows");
    PowerTrace trace = counts ? counted.trace() : PowerTrace::of_samples(samples);
    if (trace.empty()) throw table.refusal("no row has a power");
    const bool has_calendar_time = trace.span().from.count() > calendar_least;
    return {.trace = std::move(trace), .has_calendar_time = has_calendar_time};
}

}  // namespace breakeven
