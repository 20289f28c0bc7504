// Reading traces from text, line by line: see trace.h.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "breakeven/error.h"
#include "breakeven/link/profile.h"
#include "breakeven/link/tcp.h"
#include "breakeven/link/trace.h"

namespace breakeven {
namespace {

/// A round trip beyond this is a slip of the unit.
constexpr double round_trip_max = 600.0;
/// About 30 years; keeps sums of times exact to a microsecond.
constexpr double time_max = 1e9;

/// The lines of a text with their numbers; a carriage return before the line break is dropped.
class Lines final {
   public:
    Lines(std::string_view text, const std::string& name) : text_(text), name_(name) {}

    bool next(std::string_view& line) {
        if (text_.empty()) return false;
        ++number_;
        const std::size_t end = text_.find('\n');
        line = text_.substr(0, end);
        text_ = end == std::string_view::npos ? std::string_view{} : text_.substr(end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        return true;
    }
    Error refusal(const std::string& reason) const {
        return Error(ErrorKind::input, fmt::format("read trace '{}', line {}", name_, number_), reason);
    }

   private:
    std::string_view text_;
    const std::string& name_;
    std::int64_t number_ = 0;
};

/// What a foreign text shows of itself in an error: short, and no control characters.
std::string shown(std::string_view text) {
    std::string copy(text.substr(0, 40));
    std::replace_if(
        copy.begin(), copy.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
    return copy;
}

enum Column : std::size_t { time_column, up_column, down_column, rtt_column, column_count };
constexpr std::array<std::string_view, column_count> column_names{"time_s", "uplink_Bps", "downlink_Bps", "rtt_s"};

std::size_t count_cells(std::string_view line) {
    return static_cast<std::size_t>(std::count(line.begin(), line.end(), ',')) + 1;
}

std::string_view next_cell(std::string_view& line) {
    const std::size_t end = line.find(',');
    const std::string_view cell = line.substr(0, end);
    line = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
    return cell;
}

/// Which cell of a row belongs to which column of ours; the others are passed over.
struct Header {
    std::size_t cells = 0;
    std::array<std::optional<std::size_t>, column_count> place;
};

Header parse_header(Lines& lines) {
    std::string_view line;
    if (!lines.next(line)) throw lines.refusal("it is empty");
    Header header{.cells = count_cells(line), .place = {}};
    for (std::size_t i = 0; i < header.cells; ++i) {
        const std::string_view cell = next_cell(line);
        const auto found = std::find(column_names.begin(), column_names.end(), cell);
        if (found == column_names.end()) continue;
        auto& place = header.place[static_cast<std::size_t>(found - column_names.begin())];
        if (place) throw lines.refusal(fmt::format("the column {} stands twice in the header", cell));
        place = i;
    }
    if (!header.place[time_column]) {
        throw lines.refusal(
            "the header has no column time_s; it is like time_s,uplink_Bps,downlink_Bps,rtt_s, or the file is in "
            "mahimahi's format with a number a line");
    }
    if (!header.place[up_column] && !header.place[down_column] && !header.place[rtt_column]) {
        throw lines.refusal("the header has none of the columns uplink_Bps, downlink_Bps, rtt_s");
    }
    return header;
}

double parse_number(std::string_view cell, std::string_view column, const Lines& lines) {
    double number = 0.0;
    const auto [end, code] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
    if (code != std::errc{} || end != cell.data() + cell.size() || !std::isfinite(number)) {
        throw lines.refusal(fmt::format("{} '{}' is not a number", column, shown(cell)));
    }
    return number;
}

double parse_limited(std::string_view cell, std::size_t column, double max, const Lines& lines) {
    const double number = parse_number(cell, column_names[column], lines);
    if (number < 0.0 || number > max) {
        throw lines.refusal(fmt::format("{} {:g} is not between 0 and {:g}", column_names[column], number, max));
    }
    return number;
}

/// One row; an empty cell is nothing.
using Row = std::array<std::optional<double>, column_count>;

Row parse_row(std::string_view line, const Header& header, const Lines& lines) {
    const std::size_t cells = count_cells(line);
    if (cells != header.cells) {
        throw lines.refusal(fmt::format("it has {} cells, the header has {}", cells, header.cells));
    }
    constexpr std::array<double, column_count> largest{time_max, link_rate_max.in(bytes_per_second),
                                                       link_rate_max.in(bytes_per_second), round_trip_max};
    Row row;
    for (std::size_t i = 0; i < cells; ++i) {
        const std::string_view cell = next_cell(line);
        for (std::size_t column = 0; column < column_count; ++column) {
            if (header.place[column] != i || cell.empty()) continue;
            row[column] = parse_limited(cell, column, largest[column], lines);
        }
    }
    if (!row[time_column]) throw lines.refusal("its time_s is empty");
    return row;
}

/// How long the last row holds: as long as the rows before did, by their median.
double median_step(const std::vector<Row>& rows) {
    std::vector<double> steps;
    for (std::size_t i = 1; i < rows.size(); ++i) steps.push_back(*rows[i][time_column] - *rows[i - 1][time_column]);
    const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
    std::nth_element(steps.begin(), middle, steps.end());
    return *middle;
}

/// A column's values, one a row, gaps held from before (or from the first value there is); empty if it has none.
std::vector<double> held(const std::vector<Row>& rows, Column column, std::int64_t& cells_held) {
    const auto first = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row[column].has_value(); });
    if (first == rows.end()) return {};
    std::vector<double> values;
    double value = *(*first)[column];
    for (const Row& row : rows) {
        if (!row[column]) ++cells_held;
        value = row[column].value_or(value);
        values.push_back(value);
    }
    return values;
}

std::optional<Capacity> capacity_of(const std::vector<Row>& rows, const std::vector<double>& rates, Seconds duration) {
    if (rates.empty()) return std::nullopt;
    std::vector<Capacity::Step> steps;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        steps.push_back({.start = Seconds(*rows[i][time_column]), .rate = bytes_per_second(rates[i])});
    }
    return Capacity::of_steps(steps, duration);
}

}  // namespace

Trace parse_trace_csv(std::string_view text, const std::string& name) {
    Lines lines(text, name);
    const Header header = parse_header(lines);
    std::vector<Row> rows;
    for (std::string_view line; lines.next(line);) {
        Row row = parse_row(line, header, lines);
        if (!rows.empty() && *row[time_column] <= *rows.back()[time_column]) {
            throw lines.refusal(fmt::format("time_s {:g} does not rise", *row[time_column]));
        }
        rows.push_back(row);
    }
    if (rows.size() < 2) throw lines.refusal("a trace has at least two rows");
    const double start = *rows.front()[time_column];
    for (Row& row : rows) *row[time_column] -= start;

    Trace trace;
    trace.name = name;
    trace.duration = Seconds(*rows.back()[time_column] + median_step(rows));
    trace.up = capacity_of(rows, held(rows, up_column, trace.cells_held), trace.duration);
    trace.down = capacity_of(rows, held(rows, down_column, trace.cells_held), trace.duration);
    const std::vector<double> trips = held(rows, rtt_column, trace.cells_held);
    for (std::size_t i = 0; i < trips.size(); ++i) {
        trace.round_trips.push_back({.start = Seconds(*rows[i][time_column]), .time = Seconds(trips[i])});
    }
    if (!trace.up && !trace.down && trips.empty()) throw lines.refusal("none of its rows has a rate or a round trip");
    return trace;
}

std::string trace_csv_row(const TraceRow& row) {
    std::string text = fmt::format("{:.3f},", row.time.count());
    if (row.up) text += fmt::format("{:.0f}", row.up->in(bytes_per_second));
    text += ',';
    if (row.down) text += fmt::format("{:.0f}", row.down->in(bytes_per_second));
    text += ',';
    if (row.round_trip) text += fmt::format("{:.6f}", row.round_trip->count());
    return text + '\n';
}

bool is_mahimahi(std::string_view text) {
    const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
    return !line.empty() && line.find_first_not_of("0123456789") == std::string_view::npos;
}

Capacity parse_mahimahi(std::string_view text, const std::string& name) {
    Lines lines(text, name);
    std::vector<Seconds> moments;
    std::int64_t last = 0;
    for (std::string_view line; lines.next(line);) {
        std::int64_t milliseconds = 0;
        const auto [end, code] = std::from_chars(line.data(), line.data() + line.size(), milliseconds);
        if (code != std::errc{} || end != line.data() + line.size() || milliseconds < 0 ||
            milliseconds > static_cast<std::int64_t>(time_max) * 1000) {
            throw lines.refusal(fmt::format("'{}' is not a time in whole milliseconds", shown(line)));
        }
        if (milliseconds < last) throw lines.refusal(fmt::format("{} ms comes after {} ms", milliseconds, last));
        last = milliseconds;
        moments.push_back(Seconds(static_cast<double>(milliseconds) / 1000.0));
    }
    if (last == 0) throw lines.refusal("a trace of packets ends after 0 ms");
    return Capacity::of_packets(moments, moments.back(), tcp_segment);
}

}  // namespace breakeven
