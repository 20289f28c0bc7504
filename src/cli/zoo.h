// What `breakeven zoo` is made of: list and build (zoo.cc), variants (zoo_variants.cc).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "breakeven/engine/engines.h"
#include "cli/shell.h"

namespace breakeven::cli {

void add_zoo_variants(CLI::App& zoo, Shell& shell);

/// The study's variants of these networks (all of them where none is named) in the folder, as `zoo variants` makes them
/// by default; those that are there stay. False where the user stopped it.
bool build_study_variants(const Shell& shell, const Engines& engines, const std::filesystem::path& folder,
                          const std::vector<std::string>& networks);

}  // namespace breakeven::cli
