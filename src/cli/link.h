// The parts of `breakeven link` that live in files of their own.
#pragma once

#include "breakeven/link/profile.h"
#include "cli/shell.h"

namespace breakeven::cli {

Json link_json(const LinkProfile& link);

/// `breakeven link run LINK|--trace FILE -- CMD`
void add_link_run(CLI::App& link, Shell& shell);
/// `breakeven link record HOST:PORT|--interface NAME`
void add_link_record(CLI::App& link, Shell& shell);

/// `breakeven link energy`, `link fit`, `link factors`
void add_link_energy(CLI::App& link, Shell& shell);

/// `breakeven link probe HOST:PORT`
void add_link_probe(CLI::App& link, Shell& shell);

}  // namespace breakeven::cli
