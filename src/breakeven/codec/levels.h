// Levels: which few values stand for all of a tensor's numbers. Equal steps, because what is entropy coded loses least
// so at any length (Gish & Pierce 1968, "Asymptotically efficient quantizing"), the mean of what falls into a step as
// its value. How wide a step is follows from the data: a share of their standard deviation, or what a length allows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace breakeven {

inline constexpr std::size_t levels_max = 16;

/// Which value stands for a number.
struct ValueLevels {
    float origin = 0.0F;                ///< what the values are added to
    std::vector<std::uint16_t> values;  ///< upper halves of floats (bfloat16), ascending
    std::size_t most_used = 0;
    std::vector<std::uint8_t> level_of;  ///< of each number
};

float level_value(std::uint16_t upper);

/// A tensor's numbers, looked at once; levels of any step are then chosen quickly.
class LevelChoice final {
   public:
    /// For at least one number.
    explicit LevelChoice(std::span<const float> numbers);

    /// False where a number, or the numbers' range, is not finite: then there are no levels.
    bool possible() const { return possible_; }

    /// Entropy of the levels in bits a number, where a step is so many standard deviations wide.
    double entropy(double deviations) const;
    /// The narrowest step, from `narrowest` on, whose entropy is at most `bits`.
    double deviations_for(double bits, double narrowest) const;

    ValueLevels levels(double deviations) const;

   private:
    struct Bin {
        double count = 0.0;
        double sum = 0.0;
    };
    std::size_t level(double number, double step) const;
    float bin_scale() const;

    std::span<const float> numbers_;
    bool possible_ = false;
    float low_ = 0.0F;
    float high_ = 0.0F;
    float origin_ = 0.0F;     ///< the middle of the level that most are in: 0, or the mean where some are below 0
    double deviation_ = 0.0;  ///< the standard deviation
    int below_ = 0;           ///< levels below the origin's
    std::vector<Bin> bins_;
};

}  // namespace breakeven
