// Rows: see rows.h.
#include "breakeven/files/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "breakeven/error.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;

/// Nothing where the row has another number of fields than `count`, or a quote is left open.
std::optional<std::vector<std::string>> split(std::string_view row, std::size_t count) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (row[i] == '"' && quoted && i + 1 < row.size() && row[i + 1] == '"') {
            fields.back() += row[++i];
        } else if (row[i] == '"' && (quoted || fields.back().empty())) {
            quoted = !quoted;
        } else if (row[i] == ',' && !quoted) {
            if (fields.size() == count) return std::nullopt;
            fields.emplace_back();
        } else {
            fields.back() += row[i];
        }
    }
    if (quoted || fields.size() != count) return std::nullopt;
    return fields;
}

}  // namespace

void each_row(std::string_view text, std::string_view subject, std::string_view header, const RowReader& read) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark, as spreadsheets write it
    const auto count = static_cast<std::size_t>(std::ranges::count(header, ',')) + 1;
    for (std::size_t line = 1; !text.empty(); ++line) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view row = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (row.ends_with('\r')) row.remove_suffix(1);
        const std::string attempt = fmt::format("read {} line {}", subject, line);
        if (line == 1) {
            if (row != header) throw Error(ErrorKind::input, attempt, fmt::format("the header is not `{}`", header));
        } else if (!row.empty()) {
            const auto fields = split(row, count);
            if (!fields) throw Error(ErrorKind::input, attempt, fmt::format("the row is not `{}`", header));
            read(*fields, attempt);
        }
    }
}

bool stays_inside(const fs::path& file) {
    if (file.empty() || file.is_absolute()) return false;
    return std::ranges::none_of(file, [](const fs::path& part) { return part == ".."; });
}

std::string row_file(const std::string& field, const std::string& attempt) {
    if (field.find('\0') != std::string::npos || !stays_inside(field)) {
        throw Error(ErrorKind::input, attempt,
                    fmt::format("'{}' is not a file inside the folder", field.substr(0, 100)));
    }
    return field;
}

std::int64_t row_label(const std::string& field, const std::string& attempt) {
    std::int64_t number = 0;
    const auto [end, status] = std::from_chars(field.data(), field.data() + field.size(), number);
    if (status != std::errc() || end != field.data() + field.size() || number < 0) {
        throw Error(ErrorKind::input, attempt, fmt::format("label '{}' is no whole number", field.substr(0, 40)));
    }
    return number;
}

}  // namespace breakeven
