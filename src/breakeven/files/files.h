// files: whole files in and out, with limits, and nothing half written.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "breakeven/units/units.h"

namespace breakeven {

/// The bytes of a regular file. Throws Error{input} when it is not there, is no file, cannot be read or is larger than
/// `size_max`.
std::string read_file(const std::filesystem::path& path, Bytes size_max);

/// Writes beside the file, then renames: at any moment the old file or the new one is there, whole, and nothing is left
/// behind by a failure. A device such as /dev/stdout is written to directly. Throws Error{usage} for a path that cannot
/// be written to, {unavailable} for a full disk.
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// What this process may use: the machine's memory, or less where a control group or a limit says so.
Bytes memory_limit();

}  // namespace breakeven
