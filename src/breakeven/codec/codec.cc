// Codec: see codec.h.
#include "breakeven/codec/codec.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr std::array<std::string_view, 6> names{"raw", "lossless", "q8", "q4", "q2", "jpeg"};

}  // namespace

std::string name(const Codec& codec) {
    const std::string_view word = names.at(static_cast<std::size_t>(codec.kind));
    return codec.kind == CodecKind::jpeg ? fmt::format("{}:{}", word, codec.quality) : std::string(word);
}

Codec parse_codec(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view word = text.substr(0, colon);
    Codec codec;
    bool known = false;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] != word) continue;
        codec.kind = static_cast<CodecKind>(i);
        known = true;
    }
    if (known && colon != std::string_view::npos) {
        const std::string_view number = text.substr(colon + 1);
        const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), codec.quality);
        known = codec.kind == CodecKind::jpeg && fault == std::errc() && end == number.data() + number.size() &&
                codec.quality >= 1 && codec.quality <= 100;
    }
    if (!known) {
        throw Error(ErrorKind::usage, fmt::format("read codec '{}'", text.substr(0, 40)),
                    "there are raw, lossless, q8, q4, q2, and jpeg:1 to jpeg:100");
    }
    return codec;
}

bool is_exact(const Codec& codec) {
    return codec.kind == CodecKind::raw || codec.kind == CodecKind::lossless;
}

std::vector<Codec> all_codecs() {
    std::vector<Codec> codecs;
    for (std::size_t i = 0; i < names.size(); ++i) codecs.push_back({.kind = static_cast<CodecKind>(i)});
    return codecs;
}

}  // namespace breakeven
