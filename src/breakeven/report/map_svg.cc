// The break-even map as a picture: see map_svg.h. Neighbours in a row that one plan wins are one rectangle.
#include "breakeven/report/map_svg.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/report/html.h"
#include "breakeven/report/map_text.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

// In the picture's own units; it is scaled to the page.
constexpr double cell_width = 12.0;
constexpr double cell_height = 16.0;
constexpr double left = 150.0;
constexpr double top = 10.0;
constexpr double below = 62.0;
constexpr double right = 20.0;
constexpr std::size_t colours = 8;  ///< page.css: .place-0 and so on; local plans have a colour of their own

std::string colour_of(const BreakEvenMap& map, std::size_t plan) {
    if (map.kinds[plan] == PlanKind::local) return "place-local";
    std::size_t before = 0;
    for (std::size_t i = 0; i < plan; ++i) before += map.kinds[i] == PlanKind::local ? 0U : 1U;
    return fmt::format("place-{}", before % colours);
}

std::string figure_text(Goal goal, double figure) {
    switch (goal) {
        case Goal::latency: return to_text(Seconds(figure));
        case Goal::energy: return to_text(joules(figure));
        case Goal::energy_delay: return to_text(joule_seconds(figure));
    }
    return {};
}

class Picture {
   public:
    explicit Picture(const BreakEvenMap& map) : map_(map) {}

    double x(double column) const { return left + column * cell_width; }
    /// The slowest uplink is at the bottom.
    double y(double row) const { return top + (static_cast<double>(map_.axes.rows) - row) * cell_height; }

    std::string places() const {
        std::string out;
        for (std::size_t row = 0; row < map_.axes.rows; ++row) {
            for (std::size_t from = 0; from < map_.axes.columns;) {
                std::size_t to = from;
                while (to < map_.axes.columns && map_.at(row, to).plan == map_.at(row, from).plan) ++to;
                out += run(row, from, to);
                from = to;
            }
        }
        return out;
    }

    std::string axes() const {
        std::string out;
        for (const double milliseconds : {0.3, 1.0, 5.0, 20.0, 80.0, 400.0}) {
            const Seconds time(milliseconds / 1e3);
            if (time < map_.axes.round_trip_min || time > map_.axes.round_trip_max) continue;
            const double at = x(map_.axes.column_of(time) + 0.5);
            const bool is_minor = milliseconds == 1.0 || milliseconds == 20.0 || milliseconds == 0.3;
            out += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\"{}>{}</text>\n", at, y(0) + 24,
                               is_minor ? " class=\"minor\"" : "", axis_text(time));
        }
        for (const double mbit : {0.1, 1.0, 10.0, 100.0, 1000.0}) {
            const BytesPerSecond rate = megabits_per_second(mbit);
            out += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"end\">{}</text>\n", left - 8,
                               y(map_.axes.row_of(rate) + 0.5) + 5, axis_text(rate));
        }
        return out + fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">round-trip time</text>\n",
                                 x(static_cast<double>(map_.axes.columns) / 2), y(0) + 54);
    }

    std::string marks() const {
        std::string out;
        for (const BreakEvenMap::Mark& mark : map_.marks) {
            const double at_x = x(mark.column + 0.5);
            const double at_y = y(mark.row + 0.5);
            const bool is_far_right = mark.column > 0.75 * static_cast<double>(map_.axes.columns);
            out += fmt::format(
                "<circle cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"6\" class=\"mark\"/>"
                "<text x=\"{2:.1f}\" y=\"{3:.1f}\" text-anchor=\"{4}\" class=\"mark-name\">{5}</text>\n",
                at_x, at_y, is_far_right ? at_x - 11 : at_x + 11, at_y + 5, is_far_right ? "end" : "start",
                html_text(mark.link));
        }
        return out;
    }

    double width() const { return x(static_cast<double>(map_.axes.columns)) + right; }
    double height() const { return y(0) + below; }

   private:
    std::string run(std::size_t row, std::size_t from, std::size_t to) const {
        const BreakEvenMap::Place& first = map_.at(row, from);
        const std::string range = fmt::format("{} to {}", figure_text(map_.goal, first.figure),
                                              figure_text(map_.goal, map_.at(row, to - 1).figure));
        return fmt::format(
            "<rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"{:.0f}\" height=\"{:.0f}\" class=\"{}\">"
            "<title>{}: {}</title></rect>\n",
            x(static_cast<double>(from)), y(static_cast<double>(row) + 1), static_cast<double>(to - from) * cell_width,
            cell_height, colour_of(map_, first.plan), html_text(map_.titles[first.plan]), range);
    }

    const BreakEvenMap& map_;
};

std::string legend(const BreakEvenMap& map) {
    std::string out = "<ul class=\"legend\">";
    for (std::size_t i = 0; i < map.titles.size(); ++i) {
        out += fmt::format(
            "<li><svg class=\"swatch\" aria-hidden=\"true\" viewBox=\"0 0 10 10\"><rect width=\"10\" "
            "height=\"10\" class=\"{}\"/></svg> {}</li>",
            colour_of(map, i), html_text(map.titles[i]));
    }
    return out + "</ul>";
}

}  // namespace

std::string map_svg(const BreakEvenMap& map) {
    const Picture picture(map);
    return fmt::format(
        "<svg class=\"map\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}, over round-trip time and "
        "uplink "
        "rate\">\n{}{}{}</svg>\n{}",
        picture.width(), picture.height(), map_subject(map.goal), picture.places(), picture.axes(), picture.marks(),
        legend(map));
}

}  // namespace breakeven
