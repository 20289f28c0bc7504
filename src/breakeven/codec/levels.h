// Levels: which few values stand for all of a tensor's, chosen so that error and length together are least
// (entropy-constrained scalar quantization: Chou, Lookabaugh & Gray 1989, "Entropy-constrained vector quantization").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace breakeven {

struct LevelTask {
    std::size_t levels_max = 4;
    double length_weight = 0.0;  ///< what a bit costs, in variances of the data
};

/// Which of the values stands for which number: what lies in one bin has one.
struct ValueLevels {
    std::vector<std::uint16_t> values;  ///< upper halves of floats (bfloat16), ascending
    std::size_t most_used = 0;
    float low = 0.0F;
    float bins_per_one = 0.0F;
    std::vector<std::uint8_t> level_of_bin;

    std::uint8_t level_of(float number) const {
        const float bin = (number - low) * bins_per_one;
        const auto last = static_cast<std::int32_t>(level_of_bin.size()) - 1;
        const auto place = static_cast<std::int32_t>(bin);
        return level_of_bin[static_cast<std::size_t>(place < 0 ? 0 : place > last ? last : place)];
    }
};

float level_value(std::uint16_t upper);

/// For at least one number. No values where a number is not finite or their range is not.
ValueLevels choose_levels(std::span<const float> numbers, const LevelTask& task);

}  // namespace breakeven
