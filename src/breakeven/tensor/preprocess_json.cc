// Reading preprocess.json: every key is checked, and one that is not known is refused rather than ignored.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "breakeven/error.h"
#include "breakeven/tensor/preprocess.h"

namespace breakeven {
namespace {

using nlohmann::json;

/// More text than any such file needs; nested brackets cannot exhaust the parser's stack below it.
constexpr std::size_t json_bytes_max = 64U << 10U;
constexpr std::int64_t side_max = 1 << 20;

class Reader {
   public:
    Reader(std::string_view subject, std::string_view key) : subject_(subject), key_(key) {}

    [[noreturn]] void refuse(std::string_view wanted) const {
        throw Error(ErrorKind::input, fmt::format("read preprocessing {}", subject_),
                    fmt::format("`{}` must be {}", key_, wanted));
    }

    double number(const json& value) const {
        if (!value.is_number() || !std::isfinite(value.get<double>())) refuse("a number");
        return value.get<double>();
    }

    std::int64_t side(const json& value) const {
        if (!value.is_number_integer() || value.get<double>() < 1 || value.get<double>() > side_max) {
            refuse("a whole number of pixels, or [height, width]");
        }
        return value.get<std::int64_t>();
    }

    ImageSize size(const json& value) const {
        if (!value.is_array() || value.size() != 2) refuse("a whole number of pixels, or [height, width]");
        return {.height = side(value[0]), .width = side(value[1])};
    }

    /// One number, or one for each channel.
    std::vector<double> numbers(const json& value) const {
        if (!value.is_array()) return {number(value)};
        if (value.size() != 1 && value.size() != 3) refuse("a number, or one for each channel");
        std::vector<double> result;
        for (const json& element : value) result.push_back(number(element));
        return result;
    }

    std::string word(const json& value) const { return value.is_string() ? value.get<std::string>() : std::string(); }

   private:
    std::string_view subject_;
    std::string_view key_;
};

void read_crop(const json& value, const Reader& reader, Preprocess& to) {
    if (value.is_number_float()) {
        const double fraction = reader.number(value);
        if (fraction <= 0.0 || fraction > 1.0) reader.refuse("pixels, [height, width], or a fraction up to 1");
        to.crop_fraction = fraction;
    } else if (value.is_array()) {
        to.crop = reader.size(value);
    } else {
        to.crop = ImageSize{.height = reader.side(value), .width = reader.side(value)};
    }
}

void read_size(const json& value, const Reader& reader, Preprocess& to) {
    if (value.is_array()) {
        to.size = reader.size(value);
    } else {
        to.short_side = reader.side(value);
    }
}

void read_words(const std::string& key, const std::string& word, const Reader& reader, Preprocess& to) {
    if (key == "layout") {
        if (word != "NCHW" && word != "NHWC") reader.refuse("\"NCHW\" or \"NHWC\"");
        to.layout = word == "NCHW" ? ImageLayout::nchw : ImageLayout::nhwc;
    } else if (key == "channels") {
        if (word != "rgb" && word != "bgr" && word != "grey") reader.refuse("\"rgb\", \"bgr\" or \"grey\"");
        to.channels = word == "rgb" ? ChannelOrder::rgb : word == "bgr" ? ChannelOrder::bgr : ChannelOrder::grey;
    } else {
        for (const DType dtype :
             {DType::uint8, DType::int8, DType::float32, DType::float64, DType::int32, DType::int64}) {
            if (name(dtype) == word) to.dtype = dtype;
        }
        if (!to.dtype) reader.refuse("\"uint8\", \"int8\", \"float32\", \"float64\", \"int32\" or \"int64\"");
    }
}

void read_scaling(const std::string& key, const json& value, const Reader& reader, Preprocess& to) {
    if (key == "range") {
        if (!value.is_array() || value.size() != 2) reader.refuse("[lo, hi]: what pixels 0 and 255 become");
        to.range = {reader.number(value[0]), reader.number(value[1])};
    } else if (key == "mean") {
        to.mean = reader.numbers(value);
    } else {
        to.deviation = reader.numbers(value);
        for (const double deviation : to.deviation) {
            if (deviation <= 0) reader.refuse("above 0");
        }
    }
}

void read_key(const std::string& key, const json& value, std::string_view subject, Preprocess& to) {
    const Reader reader(subject, key);
    if (key == "size") {
        read_size(value, reader, to);
    } else if (key == "crop") {
        read_crop(value, reader, to);
    } else if (key == "layout" || key == "channels" || key == "dtype") {
        read_words(key, reader.word(value), reader, to);
    } else if (key == "range" || key == "mean" || key == "std") {
        read_scaling(key, value, reader, to);
    } else if (key == "label_offset") {
        if (!value.is_number_integer() || std::abs(value.get<double>()) > side_max) reader.refuse("a whole number");
        to.label_offset = value.get<std::int64_t>();
    } else {
        throw Error(ErrorKind::input, fmt::format("read preprocessing {}", subject),
                    fmt::format("it knows no key `{}`; the keys are size, crop, layout, channels, range, mean, std, "
                                "dtype, label_offset",
                                key.substr(0, 40)));
    }
}

}  // namespace

Preprocess parse_preprocess(std::string_view text, std::string_view subject) {
    const std::string attempt = fmt::format("read preprocessing {}", subject);
    if (text.size() > json_bytes_max) throw Error(ErrorKind::input, attempt, "it is longer than 64 KiB");
    const json document = json::parse(text, nullptr, false);
    if (!document.is_object()) throw Error(ErrorKind::input, attempt, "it is no JSON object");
    Preprocess preprocess;
    for (const auto& [key, value] : document.items()) read_key(key, value, subject, preprocess);
    return preprocess;
}

}  // namespace breakeven
