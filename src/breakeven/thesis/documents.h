// Documents: a results table, its charts, its answer and the checks as JSON, and the tables as CSV. Text only; who
// writes files is study/.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "breakeven/thesis/charts.h"
#include "breakeven/thesis/checks.h"
#include "breakeven/thesis/findings.h"
#include "breakeven/thesis/results.h"

namespace breakeven {

/// {"title", "answer", "variants", "rows", "scenarios", "checks", ...}: docs/schema/study_thesis.json.
nlohmann::ordered_json results_json(const Results& results, const ThesisChecks& checks, const StudyAnswer& answer);

/// What the page's script draws from.
nlohmann::ordered_json charts_json(const std::vector<Chart>& charts);

/// A line for each row of the table, in SI units.
std::string rows_csv(const Results& results);

/// A line for each mark: series, label, x, y (a category's name where there are categories), size, origin.
std::string chart_csv(const Chart& chart);

/// A field of a CSV file: quoted where it must be, and never a formula to a spreadsheet.
std::string csv_field(const std::string& text);

}  // namespace breakeven
