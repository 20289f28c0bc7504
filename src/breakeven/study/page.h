// The report of a study: one HTML page that needs nothing else, and the same figures as JSON and CSV files.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "breakeven/thesis/charts.h"
#include "breakeven/thesis/findings.h"
#include "breakeven/thesis/results.h"

namespace breakeven {

struct Report {
    std::filesystem::path page, json, rows;
    std::size_t figures = 0;  ///< CSV files in figures/
    std::string headline, lead;
    std::vector<std::pair<std::string, std::vector<std::string>>> findings;  ///< titles and lines, for the terminal
    std::vector<std::string> notes;                                          ///< what must be known to trust it
    std::string document;                                                    ///< results.json's text
};

/// What a page says. `tables` is HTML (html_table), all else is text.
struct PageContent {
    std::string question;
    std::string title;
    StudyAnswer answer;
    std::vector<std::string> notes;
    std::vector<Chart> charts;
    std::string tables;
    std::vector<std::string> circumstances;
};

/// A table of the page; every cell is text.
std::string html_table(const std::string& title, const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows);

/// Writes the page, `rows` as results.csv, `document` as results.json and the charts' CSV files; as write_report.
Report write_page(const PageContent& content, const std::string& rows, const std::string& document,
                  const std::filesystem::path& folder);

/// Writes report.html, results.json, results.csv and figures/*.csv into `folder`, which is made. Throws Error{usage}
/// for a folder that cannot be written to, {unavailable} for a full disk.
Report write_report(const Results& results, const std::filesystem::path& folder);

}  // namespace breakeven
