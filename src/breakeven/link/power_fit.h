// PowerFit: a device's power against the rate of its link, fitted from a recording of both; and how good the fit is.
// Pure. The straight line is that of Huang et al. 2012, 4.3, and Narayanan et al. 2021 ("A variegated look at 5G in the
// wild", 4.5).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/stats/interval.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// What a recording has of one moment.
struct PowerPoint {
    BytesPerSecond up;
    BytesPerSecond down;
    Watts power;
};

/// From a CSV with uplink_Bps, downlink_Bps and device_power_W (other columns are passed over); rows that lack one are
/// left out. Throws Error{input}, naming the line.
std::vector<PowerPoint> parse_power_points(std::string_view text, const std::string& name);

/// Which direction carried the data; the other one carried only its acknowledgements.
enum class DataDirection { up, down };
DataDirection busier(std::span<const PowerPoint> points);

/// power = base + slope * rate, least squares.
struct PowerFit {
    DataDirection direction = DataDirection::down;
    std::size_t n = 0;
    Watts base;
    JoulesPerByte slope;
    Interval<JoulesPerByte> slope_ci95;  ///< with what neighbours in time have in common
    double r_squared = 0.0;              ///< the share of the power's variance that the rate explains
    Watts rmse;
    BytesPerSecond rate_max;  ///< beyond it the line is a guess
    /// Energy of the second half as the line of the first half predicts it, over what was measured, less 1.
    double held_out_error = 0.0;

    Watts at(BytesPerSecond rate) const { return base + watts(slope.in(joules_per_byte)*rate.in(bytes_per_second)); }
};

/// Fewer points say nothing of a line.
inline constexpr std::size_t power_points_min = 30;
/// Throws Error{input}: too few points, or a rate that never changes. `name` says of what.
PowerFit fit_power(std::span<const PowerPoint> points, DataDirection direction, const std::string& name);

/// power = base + up * rate up + down * rate down, least squares, over runs of both directions together.
struct JointPowerFit {
    std::size_t n = 0;
    Watts base;
    JoulesPerByte up;
    JoulesPerByte down;
    double r_squared = 0.0;
    Watts rmse;
};
/// Throws as fit_power does; also where both rates rise and fall together.
JointPowerFit fit_power_jointly(std::span<const PowerPoint> points, const std::string& name);

}  // namespace breakeven
