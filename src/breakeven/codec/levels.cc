// Levels: see levels.h.
#include "breakeven/codec/levels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace breakeven {
namespace {

constexpr std::size_t bins = 2048;

/// To the nearest, so that values ascend as their floats do; the largest floats would become infinite.
std::uint16_t upper_half(double value) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
    const std::uint32_t rounded = bits + 0x7fffU + ((bits >> 16U) & 1U);
    return static_cast<std::uint16_t>((rounded & 0x7f800000U) == 0x7f800000U ? bits >> 16U : rounded >> 16U);
}

}  // namespace

float level_value(std::uint16_t upper) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(upper) << 16U);
}

LevelChoice::LevelChoice(std::span<const float> numbers) : numbers_(numbers), low_(numbers[0]), high_(numbers[0]) {
    bool finite = true;
    for (const float number : numbers) {
        low_ = std::min(low_, number);
        high_ = std::max(high_, number);
        finite = finite && std::isfinite(number);
    }
    if (!finite || !std::isfinite(high_ - low_)) return;
    possible_ = true;
    bins_.resize(bins);
    const float scale = bin_scale();
    double sum = 0.0;
    for (const float number : numbers) {
        Bin& bin = bins_[std::min(static_cast<std::size_t>((number - low_) * scale), bins - 1)];
        bin.count += 1.0;
        bin.sum += static_cast<double>(number);
        sum += static_cast<double>(number);
    }
    std::erase_if(bins_, [](const Bin& bin) { return bin.count == 0.0; });
    const auto count = static_cast<double>(numbers.size());
    const double mean = sum / count;
    double squares = 0.0;
    for (const Bin& bin : bins_) squares += bin.count * (bin.sum / bin.count - mean) * (bin.sum / bin.count - mean);
    deviation_ = std::sqrt(squares / count);
    const bool activated = low_ >= 0.0F;
    origin_ = activated ? 0.0F : static_cast<float>(mean);
    below_ = activated ? 0 : static_cast<int>(levels_max) / 2 - 1;
}

/// A range too small for an inverse is one bin.
float LevelChoice::bin_scale() const {
    const float range = high_ - low_;
    return range > 1e-30F ? static_cast<float>(bins) / range : 0.0F;
}

std::size_t LevelChoice::level(double number, double step) const {
    if (step <= 0.0) return static_cast<std::size_t>(below_);
    const double steps = std::floor((number - static_cast<double>(origin_)) / step + 0.5);
    const double most = static_cast<double>(levels_max) - 1.0 - below_;
    return static_cast<std::size_t>(std::clamp(steps, -static_cast<double>(below_), most) + below_);
}

double LevelChoice::entropy(double deviations) const {
    std::array<double, levels_max> counts{};
    for (const Bin& bin : bins_) counts[level(bin.sum / bin.count, deviations * deviation_)] += bin.count;
    const auto all = static_cast<double>(numbers_.size());
    double bits = 0.0;
    for (const double count : counts) {
        if (count > 0.0) bits += count / all * std::log2(all / count);
    }
    return bits;
}

double LevelChoice::deviations_for(double bits, double narrowest) const {
    double narrow = narrowest;
    if (entropy(narrow) <= bits) return narrow;
    double wide = 2 * narrow;
    while (entropy(wide) > bits && wide < 64.0) wide *= 2;
    for (int i = 0; i < 8; ++i) {
        const double middle = (narrow + wide) / 2;
        (entropy(middle) > bits ? narrow : wide) = middle;
    }
    return wide;
}

ValueLevels LevelChoice::levels(double deviations) const {
    const double step = deviations * deviation_;
    const double inverse = step > 0.0 ? 1.0 / step : 0.0;
    const auto origin = static_cast<double>(origin_);
    ValueLevels chosen{.origin = origin_};
    chosen.level_of.resize(numbers_.size());
    std::array<double, levels_max> counts{};
    std::array<double, levels_max> sums{};
    // As level(), with what does not change taken out; a step too small for an inverse is one level.
    const bool one = !(step > 0.0) || !std::isfinite(inverse);
    const auto last = static_cast<std::int32_t>(levels_max) - 1;
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
        const double number = static_cast<double>(numbers_[i]) - origin;
        const double steps = std::clamp(number * inverse + 0.5 + below_, 0.0, static_cast<double>(last));
        const auto at = one ? static_cast<std::size_t>(below_) : static_cast<std::size_t>(steps);
        chosen.level_of[i] = static_cast<std::uint8_t>(at);
        counts[at] += 1.0;
        sums[at] += number;
    }
    std::array<std::uint8_t, levels_max> place{};
    double most = 0.0;
    for (std::size_t level = 0; level < levels_max; ++level) {
        if (counts[level] == 0.0) continue;
        place[level] = static_cast<std::uint8_t>(chosen.values.size());
        if (counts[level] > most) most = counts[level], chosen.most_used = chosen.values.size();
        chosen.values.push_back(upper_half(sums[level] / counts[level]));
    }
    for (std::uint8_t& level : chosen.level_of) level = place[level];
    return chosen;
}

}  // namespace breakeven
