// RateForecast: the rate that the next transfer will meet, as a distribution without a formula. It remembers pairs: the
// rate last known when a transfer began, and the rate that it then met. What followed on rates like the present one
// is what to expect now (kernel regression: Nadaraya 1964, Watson 1964), so outages, bursts and returns to normal count
// as often as they happened from here. While little is remembered, a log-normal first guess fills in.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "breakeven/units/units.h"

namespace breakeven {

/// Weights on rates from 300 B/s to 1 GB/s, a fifth of a factor e apart; a rate in between is shared by its neighbours.
class RateDistribution final {
   public:
    static constexpr std::size_t bins = 76;
    static BytesPerSecond rate(std::size_t bin);
    double weight(std::size_t bin) const { return weights_[bin]; }
    /// Adds weight at the natural logarithm of a rate in bytes per second; beyond the ends it counts as the end.
    void add(double logarithm, double weight);
    double total() const { return total_; }

    /// The mean of `value(rate)` over the distribution.
    template <class Value>
    double mean(Value value) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < bins; ++i) {
            if (weights_[i] > 0.0) sum += weights_[i] * value(rate(i));
        }
        return sum / total_;
    }

   private:
    std::array<double, bins> weights_{};
    double total_ = 0.0;
};

class RateForecast final {
   public:
    struct Options {
        std::size_t memory = 128;   ///< pairs; more are steadier, slower to adapt and to ask
        double likeness = 0.3;      ///< how far apart, in logarithms, rates are still alike; larger smooths more
        double guess_weight = 1.5;  ///< of the first guess, in pairs of the same rate
    };
    explicit RateForecast(const Options& options) : options_(options) {}

    /// A transfer began when `before` was known, and met `met` (natural logarithms).
    struct Pair {
        double before = 0.0;
        double met = 0.0;
    };
    void remember(const Pair& pair);

    /// A log-normal guess: mean and standard deviation of the logarithm.
    struct Guess {
        double mean = 0.0;
        double deviation = 1.0;
    };
    /// What to expect `age` after the rate `last` was seen.
    RateDistribution expect(double last, Seconds age, const Guess& guess) const;

   private:
    Options options_;
    std::vector<Pair> pairs_;  ///< a ring
    std::size_t oldest_ = 0;
};

}  // namespace breakeven
