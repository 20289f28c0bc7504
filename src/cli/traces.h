// Recorded links as commands are given them: files in two formats, and the options that fill what a recording lacks.
#pragma once

#include <string>

#include "breakeven/link/trace.h"
#include "cli/shell.h"

namespace breakeven::cli {

/// A file of a recorded link: our CSV, or mahimahi's NAME.up with NAME.down beside it. Throws Error.
Trace read_trace(const std::string& path);

/// The other direction of a file in mahimahi's format: NAME.down for NAME.up, and back; empty for other names.
std::string other_direction(const std::string& path);

/// --uplink-share, --downlink-share, --rtt, --up, --down.
struct FillOptions {
    std::string uplink_share;
    std::string downlink_share = "1";
    std::string up;
    std::string down;
    std::string round_trip;
};
void add_fill_options(CLI::App& command, FillOptions& options);
TraceFill fill_of(const FillOptions& options);

}  // namespace breakeven::cli
