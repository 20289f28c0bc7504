// Columns of time, two logarithmic axes and a strip a policy: see course_svg.h.
#include "breakeven/report/course_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "breakeven/report/html.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

// In the picture's own units; it is scaled to the page.
constexpr double left = 116.0;
constexpr double width = 560.0;
constexpr double right = 14.0;
constexpr double panel_height = 120.0;
constexpr double panel_gap = 34.0;
constexpr double strip_height = 14.0;
constexpr double strip_step = 20.0;
constexpr std::size_t columns_max = 280;
constexpr std::size_t colours = 8;  ///< page.css: .place-0 and so on; local plans have a colour of their own

/// What was drawn below a thousandth of the largest is outages: how deep they are is no matter.
constexpr double depth = 1e4;

struct Column {
    Seconds start{0.0};
    Seconds end{0.0};
    double rate_low = 0.0;
    double rate_high = 0.0;
    std::size_t first = 0;  ///< requests [first, last)
    std::size_t last = 0;
};

std::vector<Column> columns_of(const RecordedLink& link, const TraceResult& trace) {
    const auto& requests = trace.courses.front();
    const std::size_t count = std::clamp<std::size_t>(requests.size(), 1, columns_max);
    std::vector<Column> columns;
    std::size_t next = 0;
    for (std::size_t i = 0; i < count; ++i) {
        Column column{.start = trace.duration * (static_cast<double>(i) / static_cast<double>(count)),
                      .end = trace.duration * (static_cast<double>(i + 1) / static_cast<double>(count)),
                      .first = next};
        while (next < requests.size() && (requests[next].at < column.end || i + 1 == count)) ++next;
        column.last = next;
        const int seconds = std::clamp(static_cast<int>((column.end - column.start).count()), 1, 100);
        column.rate_low = 1e18;
        for (int part = 0; part < seconds; ++part) {
            const Seconds step = (column.end - column.start) / seconds;
            const double rate =
                link.up.mean_rate({.from = column.start + step * part, .to = column.start + step * (part + 1)})
                    .in(bytes_per_second);
            column.rate_low = std::min(column.rate_low, rate);
            column.rate_high = std::max(column.rate_high, rate);
        }
        columns.push_back(column);
    }
    return columns;
}

/// A logarithmic axis from the bottom of a panel to its top.
struct Axis {
    double low = 1.0;
    double high = 10.0;
    double top = 0.0;

    static Axis of(double least, double most, double top) {
        const double high = std::max(most, 1e-9);
        const double low = std::max(least, high / depth);
        return {.low = std::pow(10.0, std::floor(std::log10(low))),
                .high = std::pow(10.0, std::ceil(std::log10(high * 1.01))),
                .top = top};
    }
    double y(double value) const {
        const double place = std::log(std::clamp(value, low, high) / low) / std::log(high / low);
        return top + panel_height * (1.0 - place);
    }
};

class Picture {
   public:
    Picture(const RecordedLink& link, const TraceResult& trace, const PlanTable& plans)
        : trace_(trace), plans_(plans), columns_(columns_of(link, trace)) {}

    std::string text() const {
        const double strips = 2.0 * (panel_height + panel_gap) + 12.0;
        const double height = strips + strip_step * static_cast<double>(trace_.policies.size()) + 34.0;
        std::string out = fmt::format(
            "<svg class=\"course\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}: rate, latency and "
            "choices over {}\">",
            left + width + right, height, html_text(trace_.name), to_text(trace_.duration));
        out += rates(22.0) + latencies(22.0 + panel_height + panel_gap);
        for (std::size_t i = 0; i < trace_.policies.size(); ++i) {
            out += strip(i, strips + strip_step * static_cast<double>(i));
        }
        return out + time_axis(height - 30.0) + "</svg>";
    }

   private:
    double x(Seconds time) const { return left + width * (time / trace_.duration); }

    template <class Text>
    std::string grid(const Axis& axis, const std::string& title, Text text_of) const {
        std::string out =
            fmt::format("<text class=\"title\" x=\"{}\" y=\"{:.1f}\">{}</text>", left, axis.top - 7.0, title);
        for (double value = axis.low; value <= axis.high * 1.001; value *= 10.0) {
            const double y = axis.y(value);
            out += fmt::format(
                "<path class=\"grid\" d=\"M{} {:.1f}h{}\"/><text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>",
                left, y, width, left - 8.0, y + 4.5, text_of(value));
        }
        return out;
    }

    std::string rates(double top) const {
        double most = 0.0;
        double least = 1e18;
        for (const Column& column : columns_) {
            most = std::max(most, column.rate_high);
            if (column.rate_low > 0.0) least = std::min(least, column.rate_low);
        }
        const Axis axis = Axis::of(least, most, top);
        std::string over;
        std::string back;
        for (const Column& column : columns_) {
            over += fmt::format("L{:.1f} {:.1f}H{:.1f}", x(column.start), axis.y(column.rate_high), x(column.end));
        }
        for (auto column = columns_.rbegin(); column != columns_.rend(); ++column) {
            back +=
                fmt::format("L{:.1f} {:.1f}H{:.1f}", x(column->end), axis.y(column->rate_low) + 1.5, x(column->start));
        }
        over[0] = 'M';
        return grid(axis, "uplink", [](double rate) { return to_text(bytes_per_second(rate)); }) +
               fmt::format("<path class=\"rate\" d=\"{}{}Z\"/>", over, back);
    }

    Seconds median_latency(std::size_t policy, const Column& column) const {
        std::vector<Seconds> latencies;
        for (std::size_t i = column.first; i < column.last; ++i) {
            latencies.push_back(trace_.courses[policy][i].latency);
        }
        const auto middle = latencies.begin() + static_cast<std::ptrdiff_t>(latencies.size() / 2);
        std::nth_element(latencies.begin(), middle, latencies.end());
        return *middle;
    }

    std::string line(std::size_t policy, const Axis& axis, const char* look) const {
        std::string path;
        for (const Column& column : columns_) {
            if (column.first == column.last) continue;
            path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', x((column.start + column.end) / 2),
                                axis.y(median_latency(policy, column).count()));
        }
        return fmt::format("<path class=\"{}\" d=\"{}\"/>", look, path);
    }

    /// The first policy before the one that sees the future.
    std::string latencies(double top) const {
        double most = 0.0;
        double least = 1e18;
        std::optional<std::size_t> oracle;
        for (std::size_t policy = 0; policy < trace_.policies.size(); ++policy) {
            if (trace_.policies[policy].kind == PolicyKind::oracle) oracle = policy;
            if (policy > 0 && oracle != policy) continue;
            for (const Column& column : columns_) {
                if (column.first == column.last) continue;
                const double latency = median_latency(policy, column).count();
                most = std::max(most, latency);
                least = std::min(least, latency);
            }
        }
        const Axis axis = Axis::of(least, most, top);
        const std::string title = fmt::format("latency of {}{}", name(trace_.policies.front().kind),
                                              oracle && *oracle > 0 ? ", and of the oracle (dashed)" : "");
        std::string out = grid(axis, title, [](double seconds) { return to_text(Seconds(seconds)); });
        if (oracle && *oracle > 0) out += line(*oracle, axis, "future");
        return out + line(0, axis, "latency");
    }

    std::size_t usual_plan(std::size_t policy, const Column& column) const {
        std::vector<std::size_t> chosen(plans_.points.size(), 0);
        for (std::size_t i = column.first; i < column.last; ++i) ++chosen[trace_.courses[policy][i].plan];
        return static_cast<std::size_t>(std::max_element(chosen.begin(), chosen.end()) - chosen.begin());
    }

    /// Neighbours with one plan are one rectangle.
    std::string strip(std::size_t policy, double y) const {
        std::string out = fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", left - 8.0, y + 11.5,
                                      name(trace_.policies[policy].kind));
        for (std::size_t from = 0; from < columns_.size();) {
            std::size_t to = from + 1;
            const std::size_t plan = usual_plan(policy, columns_[from]);
            while (to < columns_.size() && usual_plan(policy, columns_[to]) == plan) ++to;
            const double start = x(columns_[from].start);
            out += fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\"/>",
                               plan_colour(plans_, plan), start, y, x(columns_[to - 1].end) - start, strip_height);
            from = to;
        }
        return out;
    }

    std::string time_axis(double y) const {
        std::string out;
        for (const double share : {0.0, 0.25, 0.5, 0.75, 1.0}) {
            const Seconds time = trace_.duration * share;
            out += fmt::format(
                "<path class=\"grid\" d=\"M{0:.1f} {1:.1f}v5\"/><text x=\"{0:.1f}\" y=\"{2:.1f}\" "
                "text-anchor=\"{3}\">{4:.0f} s</text>",
                x(time), y, y + 19.0,
                share == 0.0   ? "start"
                : share == 1.0 ? "end"
                               : "middle",
                time.count());
        }
        return out;
    }

    const TraceResult& trace_;
    const PlanTable& plans_;
    std::vector<Column> columns_;
};

}  // namespace

std::string plan_colour(const PlanTable& plans, std::size_t plan) {
    if (plans.points[plan].is_local()) return "place-local";
    std::size_t before = 0;
    for (std::size_t i = 0; i < plan; ++i) before += plans.points[i].is_local() ? 0U : 1U;
    return fmt::format("place-{}", before % colours);
}

std::string course_svg(const RecordedLink& link, const TraceResult& trace, const PlanTable& plans) {
    return Picture(link, trace, plans).text();
}

}  // namespace breakeven
