// What the figures are made of: marks of rows, by variant or by two figures. Shared by the files that make them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/thesis/charts.h"

namespace breakeven {

using RowFigure = std::function<std::optional<double>(const Row&)>;
using RowFilter = std::function<bool(const Row&)>;

/// For a file's name: letters, digits, single dashes.
std::string slug(const std::string& text);

/// Not the thesis' bare network, which no platform stands behind.
bool any_row(const Row& row);
double latency_of(const Row& row);
RowFigure energy_of(Idle idle);
std::vector<std::string> variant_titles(const Results& results);

/// Series without marks are dropped; a chart without series has the reason.
void say_if_empty(Chart& chart, const std::string& reason);
/// Why energies are missing, if any are.
std::string energy_reason(const Results& results);

/// A mark for each row: one line a variant, one colour a series.
Chart dots(const Results& results, Chart chart, const RowFilter& fits, const RowFigure& figure,
           const std::string& missing);
/// One mark a row by two figures; the correlation of each series beside it.
Chart scatter(const Results& results, Chart chart, const RowQuantity& x, const RowFigure& y, const RowFilter& fits,
              const RowFigure& size, const std::string& missing);

// Figures of one idea each, appended in their order; each in the file of its name.

/// Latency and energy against what a variant is, and the counters (charts_relations.cc).
void add_relations(const Results& results, std::vector<Chart>& out);
void add_counters(const Results& results, std::vector<Chart>& out);
/// What it takes of everybody (charts_system.cc).
void add_system(const Results& results, std::vector<Chart>& out);
/// The thesis beside its own equations (charts_checks.cc).
void add_checks(const ThesisChecks& checks, std::vector<Chart>& out);

}  // namespace breakeven
