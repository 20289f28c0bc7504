// onnx_text: see onnx_text.h.
#include "breakeven/model/onnx_text.h"

#include <fmt/format.h>

namespace breakeven {

namespace {

/// Length of the UTF-8 sequence at `at` (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF); 0: none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) {
        return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
    };
    const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (!continues(1) || !continues(2)) return 0;
        if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (!continues(1) || !continues(2) || !continues(3)) return 0;
        if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
        return 4;
    }
    return 0;
}

}  // namespace

std::string printable(std::string_view foreign, std::size_t length_max) {
    std::string text;
    for (std::size_t i = 0; i < foreign.size();) {
        const std::size_t length = sequence_length(foreign, i);
        if (text.size() + length > length_max) return text + "...";
        if (length == 0 || (length == 1 && (foreign[i] < ' ' || foreign[i] == 0x7f))) {
            if (foreign[i] == '\n' || foreign[i] == '\t' || foreign[i] == ' ') {
                if (!text.empty() && text.back() != ' ') text += ' ';
            } else {
                text += '?';
            }
            ++i;
            continue;
        }
        text += foreign.substr(i, length);
        i += length;
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
}

bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = sequence_length(text, i);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

Error bad_model(std::string_view model, const std::string& reason) {
    return Error(ErrorKind::input, fmt::format("load model '{}'", printable(model, 120)), reason);
}

}  // namespace breakeven
