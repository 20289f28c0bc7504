// Boxes: where the objects of a picture are, for detectors. `boxes.csv` in a folder of samples has a row for each
// object: `file,label,top,left,bottom,right`, the last four in fractions of the picture. A picture of the folder
// without a row shows no object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/files/samples.h"

namespace breakeven {

/// In fractions of the picture, from its upper left corner.
struct Box {
    double top = 0.0;
    double left = 0.0;
    double bottom = 0.0;
    double right = 0.0;
    friend bool operator==(const Box&, const Box&) = default;
};

struct LabelledBox {
    std::int64_t label = 0;
    Box box;
    friend bool operator==(const LabelledBox&, const LabelledBox&) = default;
};

struct BoxRow {
    std::string file;  ///< relative to its folder, and inside it
    LabelledBox object;
    friend bool operator==(const BoxRow&, const BoxRow&) = default;
};

/// `subject` names the text in messages. Throws Error{input}, naming the line that is wrong.
std::vector<BoxRow> parse_boxes(std::string_view text, std::string_view subject);

/// The samples of the folder and what `boxes.csv` says is on each; files that only `boxes.csv` names come last.
struct BoxedSamples {
    std::vector<SampleFile> samples;
    std::vector<std::vector<LabelledBox>> objects;  ///< of each sample
};

/// Nothing where the folder has no `boxes.csv`. Throws Error{input} for one that is malformed or empty.
std::optional<BoxedSamples> read_boxes(const SampleFolder& folder);

}  // namespace breakeven
