// Rows of the small tables that lie beside samples: `labels.csv`, `boxes.csv`. Read strictly, errors name the line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace breakeven {

/// One row's fields, and what was attempted with it for an error: "read 'labels.csv' line 7".
using RowReader = std::function<void(const std::vector<std::string>& fields, const std::string& attempt)>;

/// Calls `read` for each row below the header, which must be exactly `header` ("file,label"). A field may be quoted, a
/// quote inside it doubled; empty rows are passed over. `subject` names the text in messages. Throws Error{input} for a
/// row with more or fewer fields than the header.
void each_row(std::string_view text, std::string_view subject, std::string_view header, const RowReader& read);

/// Whether a relative path stays where it is, by its words alone.
bool stays_inside(const std::filesystem::path& file);

/// The field `file` of a row. Throws Error{input} for a path that leaves the folder.
std::string row_file(const std::string& field, const std::string& attempt);

/// The field `label` of a row: a whole number, not negative. Throws Error{input} otherwise.
std::int64_t row_label(const std::string& field, const std::string& attempt);

}  // namespace breakeven
