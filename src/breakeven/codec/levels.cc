// Levels: see levels.h. The numbers are looked at once, as a histogram.
#include "breakeven/codec/levels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace breakeven {
namespace {

constexpr std::size_t bins = 1024;
constexpr int rounds = 24;

struct Bin {
    double count = 0.0;
    double mean = 0.0;
};

struct Spread {
    std::vector<Bin> occupied;
    std::vector<std::size_t> place;  ///< of each of those among all bins
    double total = 0.0;
    double variance = 0.0;
};

Spread spread_of(std::span<const float> numbers, float low, float bins_per_one) {
    std::vector<Bin> all(bins);
    for (const float number : numbers) {
        const auto at = static_cast<std::size_t>((number - low) * bins_per_one);
        Bin& bin = all[std::min(at, bins - 1)];
        bin.count += 1.0;
        bin.mean += static_cast<double>(number);
    }
    Spread spread{.occupied = {}, .place = {}, .total = static_cast<double>(numbers.size())};
    double sum = 0.0;
    for (std::size_t i = 0; i < bins; ++i) {
        if (all[i].count == 0.0) continue;
        sum += all[i].mean;
        all[i].mean /= all[i].count;
        spread.occupied.push_back(all[i]);
        spread.place.push_back(i);
    }
    const double mean = sum / spread.total;
    for (const Bin& bin : spread.occupied) spread.variance += bin.count * (bin.mean - mean) * (bin.mean - mean);
    spread.variance /= spread.total;
    return spread;
}

struct Level {
    double value = 0.0;
    double bits = 0.0;
    double count = 0.0;
};

/// Where the cube root of the density has equal shares: best for many levels (Panter & Dite 1951), a start for few.
std::vector<Level> first_levels(const Spread& spread, std::size_t count) {
    double all = 0.0;
    for (const Bin& bin : spread.occupied) all += std::cbrt(bin.count);
    std::vector<Level> levels;
    double before = 0.0;
    for (const Bin& bin : spread.occupied) {
        before += std::cbrt(bin.count);
        const double wanted = (static_cast<double>(levels.size()) + 0.5) / static_cast<double>(count) * all;
        if (before >= wanted && levels.size() < count) levels.push_back({.value = bin.mean});
    }
    return levels;
}

/// Levels ascend, and so do their bins: each bin's is found from the one before.
void assign(const Spread& spread, const std::vector<Level>& levels, double bit_cost, std::vector<std::uint8_t>& to) {
    for (std::size_t b = 0; b < spread.occupied.size(); ++b) {
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t l = 0; l < levels.size(); ++l) {
            const double distance = spread.occupied[b].mean - levels[l].value;
            const double cost = distance * distance + bit_cost * levels[l].bits;
            if (cost < least) least = cost, to[b] = static_cast<std::uint8_t>(l);
        }
    }
}

/// Each level to the mean of what came to it; those that nothing came to go.
void settle(const Spread& spread, const std::vector<std::uint8_t>& level_of, std::vector<Level>& levels) {
    for (Level& level : levels) level = {};
    for (std::size_t b = 0; b < spread.occupied.size(); ++b) {
        Level& level = levels[level_of[b]];
        level.count += spread.occupied[b].count;
        level.value += spread.occupied[b].count * spread.occupied[b].mean;
    }
    std::erase_if(levels, [](const Level& level) { return level.count == 0.0; });
    for (Level& level : levels) {
        level.value /= level.count;
        level.bits = std::log2(spread.total / level.count);
    }
}

/// To the nearest, so that values ascend as their floats do.
std::uint16_t upper_half(double value) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
    const std::uint32_t rounded = bits + 0x7fffU + ((bits >> 16U) & 1U);
    // The largest floats would become infinite.
    return static_cast<std::uint16_t>((rounded & 0x7f800000U) == 0x7f800000U ? bits >> 16U : rounded >> 16U);
}

}  // namespace

float level_value(std::uint16_t upper) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(upper) << 16U);
}

ValueLevels choose_levels(std::span<const float> numbers, const LevelTask& task) {
    float low = numbers[0];
    float high = numbers[0];
    bool finite = true;
    for (const float number : numbers) {
        low = std::min(low, number);
        high = std::max(high, number);
        finite = finite && std::isfinite(number);
    }
    ValueLevels chosen;
    const float range = high - low;
    if (!finite || !std::isfinite(range)) return chosen;
    chosen.low = low;
    // A range too small for an inverse is one value.
    chosen.bins_per_one = range > 1e-30F ? static_cast<float>(bins) / range : 0.0F;
    const Spread spread = spread_of(numbers, low, chosen.bins_per_one);
    std::vector<Level> levels = first_levels(spread, task.levels_max);
    std::vector<std::uint8_t> level_of(spread.occupied.size(), 0);
    for (int round = 0; round < rounds; ++round) {
        // Lengths are known from the second round on.
        assign(spread, levels, round < 2 ? 0.0 : task.length_weight * spread.variance, level_of);
        settle(spread, level_of, levels);
    }
    assign(spread, levels, task.length_weight * spread.variance, level_of);
    double most = 0.0;
    for (std::size_t l = 0; l < levels.size(); ++l) {
        chosen.values.push_back(upper_half(levels[l].value));
        if (levels[l].count > most) most = levels[l].count, chosen.most_used = l;
    }
    chosen.level_of_bin.assign(bins, 0);
    for (std::size_t b = 0; b < spread.place.size(); ++b) chosen.level_of_bin[spread.place[b]] = level_of[b];
    return chosen;
}

}  // namespace breakeven
