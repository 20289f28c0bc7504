// The parts of `breakeven study` that live in files of their own.
#pragma once

#include "breakeven/study/page.h"
#include "cli/shell.h"

namespace breakeven::cli {

/// `breakeven study edge`
void add_study_edge(CLI::App& study, Shell& shell);

/// The report's answer, and where it lies.
void tell_report(const Shell& shell, const Report& report);

}  // namespace breakeven::cli
