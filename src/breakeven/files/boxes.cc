// Boxes: see boxes.h.
#include "breakeven/files/boxes.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <system_error>
#include <unordered_map>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/files/rows.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;
using namespace literals;

constexpr Bytes boxes_size_max = 64_MiB;  ///< about a million rows
constexpr std::string_view header = "file,label,top,left,bottom,right";
constexpr std::array side_names{"top", "left", "bottom", "right"};

double side(std::size_t which, const std::string& field, const std::string& attempt) {
    double value = 0.0;
    const auto [end, status] = std::from_chars(field.data(), field.data() + field.size(), value);
    // Written so that not-a-number is refused, too.
    if (status != std::errc() || end != field.data() + field.size() || !(value >= 0.0 && value <= 1.0)) {
        throw Error(ErrorKind::input, attempt,
                    fmt::format("{} '{}' is no number from 0 to 1: boxes are in fractions of the picture",
                                side_names.at(which), field.substr(0, 40)));
    }
    return value;
}

Box row_box(const std::vector<std::string>& fields, const std::string& attempt) {
    std::array<double, 4> sides{};
    for (std::size_t i = 0; i < sides.size(); ++i) sides[i] = side(i, fields.at(i + 2), attempt);
    const Box box{.top = sides[0], .left = sides[1], .bottom = sides[2], .right = sides[3]};
    if (box.bottom <= box.top || box.right <= box.left) {
        throw Error(ErrorKind::input, attempt,
                    "the box has no area: bottom must be below top (greater), and right greater than left");
    }
    return box;
}

}  // namespace

std::vector<BoxRow> parse_boxes(std::string_view text, std::string_view subject) {
    std::vector<BoxRow> rows;
    each_row(text, subject, header, [&](const std::vector<std::string>& fields, const std::string& attempt) {
        rows.push_back({.file = row_file(fields.at(0), attempt),
                        .object = {.label = row_label(fields.at(1), attempt), .box = row_box(fields, attempt)}});
    });
    return rows;
}

std::optional<BoxedSamples> read_boxes(const SampleFolder& folder) {
    const fs::path file = folder.folder / "boxes.csv";
    std::error_code failed;
    if (!fs::exists(file, failed)) return std::nullopt;
    const std::string subject = fmt::format("'{}'", file.string());
    const std::vector<BoxRow> rows = parse_boxes(read_file(file, boxes_size_max), subject);
    if (rows.empty()) throw Error(ErrorKind::input, fmt::format("read {}", subject), "it has no rows");

    BoxedSamples boxed{.samples = folder.samples, .objects = {}};
    boxed.objects.resize(boxed.samples.size());
    std::unordered_map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < boxed.samples.size(); ++i) places.emplace(boxed.samples[i].file, i);
    for (const BoxRow& row : rows) {
        const auto [place, is_new] = places.emplace(row.file, boxed.samples.size());
        if (is_new) {
            boxed.samples.push_back({.file = row.file, .label = {}});
            boxed.objects.emplace_back();
        }
        boxed.objects[place->second].push_back(row.object);
    }
    return boxed;
}

}  // namespace breakeven
