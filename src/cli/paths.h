// Where this program keeps what it remembers, by the XDG base directory rules.
#pragma once

#include <filesystem>

namespace breakeven::cli {

/// Measurements, to be kept: $XDG_DATA_HOME/breakeven, else ~/.local/share/breakeven.
std::filesystem::path data_folder();

/// What can be made again: $XDG_CACHE_HOME/breakeven, else ~/.cache/breakeven.
std::filesystem::path cache_folder();

}  // namespace breakeven::cli
