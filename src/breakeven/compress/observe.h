// observe: what the numbers of one tensor look like over many samples: extremes and mean exactly, their distribution as
// a histogram of bounded size that widens as larger numbers come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "breakeven/stats/proportion.h"

namespace breakeven {

struct Range {
    float low = 0;
    float high = 0;
    friend bool operator==(const Range&, const Range&) = default;
};

class Observation final {
   public:
    /// Extremes from all values, the histogram from about `points_max` of them, evenly spread; 0: none.
    void add(std::span<const float> values, std::size_t points_max);

    bool empty() const { return count_ == 0; }
    /// Whether a value that is no finite number was among them.
    bool has_nonfinite() const { return nonfinite_; }
    /// Smallest and largest value.
    Range extremes() const { return extremes_; }

    /// Between these lies `share` of the values, the rest in equal parts outside; extremes that hold a single value in
    /// great number (the zeros of a ReLU) stay.
    Range percentile(Probability share) const;
    /// The range that rounds to 256 levels with the least squared error, of the histogram.
    Range least_squared_error() const;
    /// The range whose 256 levels keep most of the distribution: least Kullback-Leibler divergence (Migacz, "8-bit
    /// inference with TensorRT", GTC 2017), with the same limit on both sides of zero where there are two.
    Range least_divergence() const;

   private:
    struct Bin {
        std::uint64_t count = 0;
        double sum = 0;
    };
    static constexpr std::size_t side = 2048;  ///< bins on each side of zero

    std::size_t bin_of(float value) const;
    void widen(float magnitude);
    double squared_error(Range range) const;

    Range extremes_;
    std::uint64_t count_ = 0;
    bool nonfinite_ = false;
    double width_ = 0;  ///< of a bin; zero lies between two
    double inverse_width_ = 0;
    std::vector<Bin> bins_;  ///< 2 * side of them once there are values
    std::uint64_t points_ = 0;
    std::uint64_t phase_ = 0;
};

/// The range with zero in it (padding and ReLU need an exact zero), and at least a little wide.
Range with_zero(Range range);

}  // namespace breakeven
