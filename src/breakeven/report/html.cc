// Html: see html.h.
#include "breakeven/report/html.h"

#include "breakeven/error.h"

namespace breakeven {

std::string html_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
        }
    }
    return out;
}

std::string html_sentence(std::string_view text) {
    std::string out = html_text(text);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    for (std::size_t i = 1; i + 1 < out.size(); ++i) {
        if (out[i] == ' ' && is_digit(out[i - 1]) && is_letter(out[i + 1])) out.replace(i, 1, "&nbsp;");
    }
    return out;
}

std::string script_json(std::string json) {
    // "<" occurs in JSON only inside strings, where its escape means the same.
    for (std::size_t at = json.find('<'); at != std::string::npos; at = json.find('<', at)) {
        json.replace(at, 1, "\\u003c");
    }
    return json;
}

std::string filled(std::string_view page, std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
    std::string out;
    while (true) {
        const std::size_t open = page.find("{{");
        out += page.substr(0, open);
        if (open == std::string_view::npos) return out;
        const std::size_t close = page.find("}}", open);
        BREAKEVEN_ASSERT(close != std::string_view::npos);
        const std::string_view name = page.substr(open + 2, close - open - 2);
        bool known = false;
        for (const auto& [key, value] : values) {
            if (key != name) continue;
            out += value;
            known = true;
        }
        BREAKEVEN_ASSERT(known);
        page.remove_prefix(close + 2);
    }
}

}  // namespace breakeven
