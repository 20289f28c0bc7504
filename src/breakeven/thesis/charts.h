// Charts: every figure of the thesis (and some of our own) as data, made from a results table. The page draws them, the
// CSV files hold them, and a test holds the one against the other.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/stats/correlation.h"
#include "breakeven/thesis/checks.h"
#include "breakeven/thesis/quantities.h"
#include "breakeven/thesis/results.h"

namespace breakeven {

enum class ChartKind {
    dots,     ///< a line for each category, a mark for each series
    stacked,  ///< a bar for each category, its parts the series
    scatter,  ///< marks by two figures, their area a third where there is one
};
enum class Scale { linear, log };

struct ChartAxis {
    std::string name;
    Measure measure = Measure::count;
    Scale scale = Scale::linear;
};

struct ChartPoint {
    double x = 0.0;
    double y = 0.0;  ///< of dots and stacked: the category's index
    std::optional<double> size;
    std::string label;
    Origin origin = Origin::measured;
};

struct ChartSeries {
    std::string name;
    std::vector<ChartPoint> points;
    std::optional<Correlation> correlation;
};

struct Chart {
    std::string id;      ///< a file's name too: "latency"
    std::string group;   ///< charts of one group share a place, where one is chosen; empty: its own
    std::string choice;  ///< what it is called in that place
    std::string figure;  ///< of the thesis: "4.1, A.14 to A.16"; empty: ours
    std::string title;
    std::string lead;
    ChartKind kind = ChartKind::scatter;
    ChartAxis x, y;
    std::vector<std::string> categories;
    std::string size_name;  ///< what a mark's area means; empty: nothing
    std::vector<ChartSeries> series;
    std::string reason;  ///< why there is nothing to draw; empty where there is
};

/// In the order of the page. A figure whose data are missing is there with the reason.
std::vector<Chart> charts(const Results& results, const ThesisChecks& checks);

}  // namespace breakeven
