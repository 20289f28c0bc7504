// What the summaries of a series are built from: quantiles, the worth of correlated samples, intervals of 95 %.
// Works on plain numbers; summary.h, compare.h and proportion.h put the units on.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace breakeven {

template <class T>
struct Interval {
    T low{};
    T high{};
    friend bool operator==(const Interval&, const Interval&) = default;
};

/// The value below which `share` of the sorted numbers lie, linear between neighbours: position share * (n - 1).
/// Hyndman & Fan 1996, "Sample quantiles in statistical packages", definition 7 (the default of NumPy and R).
/// `sorted` ascending and not empty; 0 <= share <= 1.
double quantile(std::span<const double> sorted, double share);

/// How much successive numbers tell about their mean: `variance` is n times the variance of their mean (more than the
/// ordinary variance where neighbours resemble each other), `reach` the lag up to which they do.
struct LongRun {
    double variance = 0.0;
    double ordinary_variance = 0.0;
    std::size_t reach = 1;
};

/// Politis & Romano 1995, "Bias-corrected nonparametric spectral estimation" (the flat-top window), with the lag chosen
/// as in Politis & White 2004, section 3.2. `centred` has mean 0.
LongRun long_run(std::span<const double> centred);

/// The factor of a standard error that gives a 95 % interval with so many degrees of freedom: Student's t, by the
/// expansion of Abramowitz & Stegun 26.7.5.
double student_factor(double degrees_of_freedom);

/// Degrees of freedom of a long-run variance: the stretches of the series that hardly know of each other.
double degrees_of_freedom(std::size_t n, const LongRun& spread);

std::vector<double> sorted_copy(std::span<const double> values);

}  // namespace breakeven
