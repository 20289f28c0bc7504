// Boards: see boards.h.
#include "breakeven/measure/boards.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "breakeven/error.h"
#include "breakeven/units/text.h"

extern "C" {
extern const char breakeven_boards_json_start[];
extern const char breakeven_boards_json_end[];
}

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t text_max = std::size_t{1} << 20;

std::string text_of(const Json& entry, const char* key) {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_string())
        throw Error(ErrorKind::input, "a board", fmt::format("its '{}' must be a text", key));
    return found->get<std::string>();
}

Board board_of(const std::string& name, const Json& entry) {
    if (!entry.is_object()) throw Error(ErrorKind::input, "a board", "it must be an object");
    Board board{.name = name, .title = text_of(entry, "title"), .levels = {}, .source = text_of(entry, "source")};
    const auto levels = entry.find("levels");
    if (levels == entry.end() || !levels->is_object() || levels->empty()) {
        throw Error(ErrorKind::input, "a board", "its 'levels' must be like {\"L1d\": \"32KiB\"}");
    }
    for (const auto& [level, size] : levels->items()) {
        if (!size.is_string())
            throw Error(ErrorKind::input, "a board", fmt::format("the size of {} must be like \"32KiB\"", level));
        const Bytes bytes = parse_bytes(size.get<std::string>(), level);
        if (bytes <= Bytes(0))
            throw Error(ErrorKind::input, "a board", fmt::format("the size of {} must be above 0", level));
        board.levels.push_back({level, bytes});
    }
    return board;
}

}  // namespace

std::vector<Board> parse_boards(std::string_view text, const std::string& name) {
    const std::string attempt = fmt::format("read boards '{}'", name);
    if (text.size() > text_max) throw Error(ErrorKind::input, attempt, "it is too large");
    Json json;
    try {
        json = Json::parse(text);
    } catch (const Json::exception& error) {
        throw Error(ErrorKind::input, attempt, fmt::format("it is not JSON: {}", error.what()));
    }
    if (!json.is_object()) throw Error(ErrorKind::input, attempt, "it must be an object of boards by name");
    std::vector<Board> boards;
    for (const auto& [key, entry] : json.items()) {
        try {
            boards.push_back(board_of(key, entry));
        } catch (const Error& error) {  // the words of a file are input, not usage
            throw Error(ErrorKind::input, attempt, fmt::format("{}: {}", key, error.what()));
        }
    }
    return boards;
}

const std::vector<Board>& known_boards() {
    static const std::vector<Board> boards =
        parse_boards({breakeven_boards_json_start,
                      static_cast<std::size_t>(breakeven_boards_json_end - breakeven_boards_json_start)},
                     "boards.json");
    return boards;
}

const Board& known_board(std::string_view name) {
    const std::vector<Board>& boards = known_boards();
    const auto found =
        std::find_if(boards.begin(), boards.end(), [&](const Board& board) { return board.name == name; });
    if (found != boards.end()) return *found;
    std::vector<std::string> names;
    for (const Board& board : boards) names.push_back(board.name);
    throw Error(ErrorKind::usage, fmt::format("find board '{}'", name),
                fmt::format("there is {}", fmt::join(names, ", ")));
}

}  // namespace breakeven
