// What followed on rates like this one: see rate_forecast.h.
#include "breakeven/link/rate_forecast.h"

#include <algorithm>
#include <cmath>

namespace breakeven {
namespace {

constexpr double lowest = 5.703782474656201;  // ln 300
constexpr double step = 0.2;

/// Quantiles (i + 1/2) / 16 of the standard normal distribution.
constexpr std::array<double, 16> normal_quantiles{-1.862732, -1.318011, -1.009990, -0.776422, -0.579132, -0.402250,
                                                  -0.237202, -0.078412, 0.078412,  0.237202,  0.402250,  0.579132,
                                                  0.776422,  1.009990,  1.318011,  1.862732};

std::array<BytesPerSecond, RateDistribution::bins> make_rates() {
    std::array<BytesPerSecond, RateDistribution::bins> rates;
    for (std::size_t i = 0; i < rates.size(); ++i) {
        rates[i] = bytes_per_second(std::exp(lowest + step * static_cast<double>(i)));
    }
    return rates;
}

}  // namespace

BytesPerSecond RateDistribution::rate(std::size_t bin) {
    static const std::array<BytesPerSecond, bins> rates = make_rates();
    return rates[bin];
}

void RateDistribution::add(double logarithm, double weight) {
    const double place = std::clamp((logarithm - lowest) / step, 0.0, static_cast<double>(bins - 1));
    const auto bin = std::min(static_cast<std::size_t>(place), bins - 2);
    const double share = place - static_cast<double>(bin);
    weights_[bin] += weight * (1.0 - share);
    weights_[bin + 1] += weight * share;
    total_ += weight;
}

void RateForecast::remember(const Pair& pair) {
    if (pairs_.size() < options_.memory) {
        pairs_.push_back(pair);
        return;
    }
    pairs_[oldest_] = pair;
    oldest_ = (oldest_ + 1) % options_.memory;
}

RateDistribution RateForecast::expect(double last, Seconds age, const Guess& guess) const {
    RateDistribution distribution;
    for (const double quantile : normal_quantiles) {
        distribution.add(guess.mean + guess.deviation * quantile, options_.guess_weight / normal_quantiles.size());
    }
    // The older the news, the less it says which of the remembered states this is.
    const double likeness = options_.likeness * std::sqrt(1.0 + std::max(0.0, age.count() - 1.0));
    for (const Pair& pair : pairs_) {
        const double apart = (pair.before - last) / likeness;
        const double near = 1.0 / (1.0 + apart * apart);
        distribution.add(pair.met, near * near);
    }
    return distribution;
}

}  // namespace breakeven
