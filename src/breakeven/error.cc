// Error: see error.h.
#include "breakeven/error.h"

#include <string_view>

namespace breakeven {
namespace {

/// Longest part kept: some libraries put a whole graph into their message.
constexpr std::size_t part_length_max = 600;

std::string one_line(std::string_view text) {
    std::string line;
    bool space = false;
    for (const char c : text.substr(0, part_length_max)) {
        const bool blank = static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
        if (blank) {
            space = !line.empty();
            continue;
        }
        if (space) line += ' ';
        space = false;
        line += c;
    }
    if (text.size() > part_length_max) line += " ...";
    return line;
}

}  // namespace

Error::Error(ErrorKind kind, const std::string& attempt, const std::string& reason)
    : kind_(kind), text_(one_line(attempt) + ": " + one_line(reason)) {}

namespace detail {

void assertion_failed(const char* condition, const char* file, int line) {
    throw Error(ErrorKind::internal, std::string("check '") + condition + "'",
                std::string("does not hold at ") + file + ":" + std::to_string(line) +
                    "; this is a fault in breakeven, please report it");
}

}  // namespace detail
}  // namespace breakeven
