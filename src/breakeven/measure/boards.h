// Boards: the memories of boards that are not at hand, by name, from a data file with sources.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "breakeven/measure/caches.h"

namespace breakeven {

struct Board {
    std::string name;                ///< "imx8mp"
    std::string title;               ///< "NXP i.MX 8M Plus (Cortex-A53)"
    std::vector<CacheLevel> levels;  ///< nearest first; on-chip RAM is one
    std::string source;
};

/// Those that come with the program, by name.
const std::vector<Board>& known_boards();

/// Throws Error{usage} naming those that there are.
const Board& known_board(std::string_view name);

/// A file like boards.json. Throws Error{input}. `name` says in errors what was read.
std::vector<Board> parse_boards(std::string_view text, const std::string& name);

}  // namespace breakeven
