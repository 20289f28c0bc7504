// PowerFit: see power_fit.h.
#include "breakeven/link/power_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr double power_max = 1e6;
constexpr double rate_max = 125e9;
constexpr std::array<std::string_view, 3> columns{"uplink_Bps", "downlink_Bps", "device_power_W"};

Error refusal(const std::string& name, std::size_t line, const std::string& reason) {
    return Error(ErrorKind::input, fmt::format("read powers of '{}', line {}", name, line), reason);
}

std::string_view cut_at(std::string_view& text, char end) {
    const std::size_t place = text.find(end);
    std::string_view part = text.substr(0, place);
    text = place == std::string_view::npos ? std::string_view{} : text.substr(place + 1);
    if (end == '\n' && part.ends_with('\r')) part.remove_suffix(1);
    return part;
}

using Places = std::array<std::optional<std::size_t>, columns.size()>;

Places places_of(std::string_view header, const std::string& name) {
    Places places;
    for (std::size_t cell = 0; !header.empty(); ++cell) {
        const auto found = std::find(columns.begin(), columns.end(), cut_at(header, ','));
        if (found != columns.end()) places[static_cast<std::size_t>(found - columns.begin())] = cell;
    }
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (!places[i]) throw refusal(name, 1, fmt::format("there is no column '{}'", columns[i]));
    }
    return places;
}

double rate_of(const PowerPoint& point, DataDirection direction) {
    return (direction == DataDirection::up ? point.up : point.down).in(bytes_per_second);
}

struct Line {
    double base = 0.0;
    double slope = 0.0;
    double mean_rate = 0.0;
    double rate_variance = 0.0;
    double power_variance = 0.0;
    double residual_variance = 0.0;
};

Line line_through(std::span<const PowerPoint> points, DataDirection direction) {
    const auto n = static_cast<double>(points.size());
    Line line;
    double mean_power = 0.0;
    for (const PowerPoint& point : points) {
        line.mean_rate += rate_of(point, direction) / n;
        mean_power += point.power.in(watts) / n;
    }
    double together = 0.0;
    for (const PowerPoint& point : points) {
        const double rate = rate_of(point, direction) - line.mean_rate;
        const double power = point.power.in(watts)-mean_power;
        line.rate_variance += rate * rate / n;
        line.power_variance += power * power / n;
        together += rate * power / n;
    }
    line.slope = line.rate_variance > 0.0 ? together / line.rate_variance : 0.0;
    line.base = mean_power - line.slope * line.mean_rate;
    line.residual_variance = std::max(line.power_variance - line.slope * together, 0.0);
    return line;
}

/// The slope's standard error from the long-run variance of rate times residual: both last from second to second
/// (Newey & West 1987, with the window of stats/interval.h).
double slope_error(std::span<const PowerPoint> points, DataDirection direction, const Line& line, LongRun& spread) {
    std::vector<double> scores;
    for (const PowerPoint& point : points) {
        const double rate = rate_of(point, direction);
        scores.push_back((rate - line.mean_rate) * (point.power.in(watts)-line.base - line.slope * rate));
    }
    spread = long_run(scores);
    return std::sqrt(std::max(spread.variance, 0.0) / static_cast<double>(points.size())) / line.rate_variance;
}

double held_out(std::span<const PowerPoint> points, DataDirection direction) {
    const std::size_t half = points.size() / 2;
    const Line line = line_through(points.first(half), direction);
    double predicted = 0.0;
    double measured = 0.0;
    for (const PowerPoint& point : points.subspan(half)) {
        predicted += line.base + line.slope * rate_of(point, direction);
        measured += point.power.in(watts);
    }
    return measured > 0.0 ? predicted / measured - 1.0 : 0.0;
}

}  // namespace

std::vector<PowerPoint> parse_power_points(std::string_view text, const std::string& name) {
    const Places places = places_of(cut_at(text, '\n'), name);
    std::vector<PowerPoint> points;
    for (std::size_t number = 2; !text.empty(); ++number) {
        std::string_view line = cut_at(text, '\n');
        std::array<std::optional<double>, columns.size()> values;
        for (std::size_t cell = 0; !line.empty(); ++cell) {
            const std::string_view word = cut_at(line, ',');
            for (std::size_t i = 0; i < columns.size(); ++i) {
                if (places[i] != cell || word.empty()) continue;
                double value = 0.0;
                const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
                const bool whole = code == std::errc{} && end == word.data() + word.size();
                if (!whole || !(value >= 0.0 && value <= (i == 2 ? power_max : rate_max))) {
                    throw refusal(name, number,
                                  fmt::format("its {} is not a number of a link or a device", columns[i]));
                }
                values[i] = value;
            }
        }
        if (!values[0] || !values[1] || !values[2]) continue;
        points.push_back({bytes_per_second(*values[0]), bytes_per_second(*values[1]), watts(*values[2])});
    }
    return points;
}

DataDirection busier(std::span<const PowerPoint> points) {
    double more = 0.0;
    for (const PowerPoint& point : points) more += point.up.in(bytes_per_second)-point.down.in(bytes_per_second);
    return more > 0.0 ? DataDirection::up : DataDirection::down;
}

PowerFit fit_power(std::span<const PowerPoint> points, DataDirection direction, const std::string& name) {
    const std::string attempt = fmt::format("fit the power of '{}'", name);
    if (points.size() < power_points_min) {
        throw Error(ErrorKind::input, attempt,
                    fmt::format("it has {} moments with rates and a power; at least {} are needed", points.size(),
                                power_points_min));
    }
    const Line line = line_through(points, direction);
    if (!(line.rate_variance > 0.0)) throw Error(ErrorKind::input, attempt, "its rate never changes");
    LongRun spread;
    const double error = slope_error(points, direction, line, spread);
    const double reach = student_factor(degrees_of_freedom(points.size(), spread)) * error;
    PowerFit fit;
    fit.direction = direction;
    fit.n = points.size();
    fit.base = watts(line.base);
    fit.slope = joules_per_byte(line.slope);
    fit.slope_ci95 = {joules_per_byte(line.slope - reach), joules_per_byte(line.slope + reach)};
    fit.r_squared = line.power_variance > 0.0 ? 1.0 - line.residual_variance / line.power_variance : 1.0;
    fit.rmse = watts(std::sqrt(line.residual_variance));
    for (const PowerPoint& point : points) {
        fit.rate_max = std::max(fit.rate_max, bytes_per_second(rate_of(point, direction)));
    }
    fit.held_out_error = held_out(points, direction);
    return fit;
}

JointPowerFit fit_power_jointly(std::span<const PowerPoint> points, const std::string& name) {
    const std::string attempt = fmt::format("fit the power of '{}'", name);
    if (points.size() < power_points_min) throw Error(ErrorKind::input, attempt, "it has too few moments");
    const Line of_up = line_through(points, DataDirection::up);
    const Line of_down = line_through(points, DataDirection::down);
    const auto n = static_cast<double>(points.size());
    double both = 0.0;  // covariance of the two rates
    double mean_power = 0.0;
    for (const PowerPoint& point : points) {
        both += (rate_of(point, DataDirection::up) - of_up.mean_rate) *
                (rate_of(point, DataDirection::down) - of_down.mean_rate) / n;
        mean_power += point.power.in(watts) / n;
    }
    const double determinant = of_up.rate_variance * of_down.rate_variance - both * both;
    constexpr double alike = 1e-6;  // of what it would be for rates that have nothing in common
    if (!(determinant > alike * of_up.rate_variance * of_down.rate_variance)) {
        throw Error(ErrorKind::input, attempt, "both rates rise and fall together, or one never changes");
    }
    // The normal equations of two regressors, from the slopes that each has alone.
    const double with_up = of_up.slope * of_up.rate_variance;
    const double with_down = of_down.slope * of_down.rate_variance;
    const double up = (with_up * of_down.rate_variance - with_down * both) / determinant;
    const double down = (with_down * of_up.rate_variance - with_up * both) / determinant;
    const double explained = up * with_up + down * with_down;
    JointPowerFit fit;
    fit.n = points.size();
    fit.base = watts(mean_power - up * of_up.mean_rate - down * of_down.mean_rate);
    fit.up = joules_per_byte(up);
    fit.down = joules_per_byte(down);
    fit.r_squared = of_up.power_variance > 0.0 ? explained / of_up.power_variance : 1.0;
    fit.rmse = watts(std::sqrt(std::max(of_up.power_variance - explained, 0.0)));
    return fit;
}

}  // namespace breakeven
