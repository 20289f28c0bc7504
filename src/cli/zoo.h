// What `breakeven zoo` is made of: list and build (zoo.cc), variants (zoo_variants.cc).
#pragma once

#include "cli/shell.h"

namespace breakeven::cli {

void add_zoo_variants(CLI::App& zoo, Shell& shell);

}  // namespace breakeven::cli
