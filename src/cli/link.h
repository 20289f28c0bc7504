// The parts of `breakeven link` that live in files of their own.
#pragma once

#include "cli/shell.h"

namespace breakeven::cli {

/// `breakeven link probe HOST:PORT`
void add_link_probe(CLI::App& link, Shell& shell);

}  // namespace breakeven::cli
