// observe: see observe.h.
#include "breakeven/compress/observe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace breakeven {

namespace {

constexpr int levels = 256;

struct Extremes {
    float low = std::numeric_limits<float>::infinity();
    float high = -std::numeric_limits<float>::infinity();
    bool finite = true;
};

/// Several lanes side by side, which compilers turn into vector instructions. x * 0 is 0 for finite x only.
Extremes extremes_of(std::span<const float> values) {
    constexpr std::size_t lanes = 16;
    std::array<float, lanes> low{}, high{}, odd{};
    low.fill(std::numeric_limits<float>::infinity());
    high.fill(-std::numeric_limits<float>::infinity());
    std::size_t i = 0;
    for (; i + lanes <= values.size(); i += lanes) {
        for (std::size_t j = 0; j < lanes; ++j) {
            const float x = values[i + j];
            low[j] = x < low[j] ? x : low[j];
            high[j] = x > high[j] ? x : high[j];
            odd[j] += x * 0.0F;
        }
    }
    Extremes result;
    float sum = 0;
    for (; i < values.size(); ++i) {
        result.low = std::min(result.low, values[i]);
        result.high = std::max(result.high, values[i]);
        sum += values[i] * 0.0F;
    }
    for (std::size_t j = 0; j < lanes; ++j) {
        result.low = std::min(result.low, low[j]);
        result.high = std::max(result.high, high[j]);
        sum += odd[j];
    }
    result.finite = sum == 0.0F;
    return result;
}

/// Kullback-Leibler divergence from the distribution, its tail put on the last bin, to what `levels` of equal width
/// would keep of it. `counts` are the bins up to the limit, `tail` what lies beyond.
double divergence(std::span<const double> counts, double tail, std::size_t level_count) {
    const double bins = static_cast<double>(counts.size());
    double total = tail;
    for (const double c : counts) total += c;
    double kept_total = total - tail;
    if (total <= 0 || kept_total <= 0) return std::numeric_limits<double>::infinity();
    double result = 0;
    double filled_in_all = 0;
    double filled_levels = 0;
    for (std::size_t level = 0; level < level_count; ++level) {
        const auto begin =
            static_cast<std::size_t>(bins * static_cast<double>(level) / static_cast<double>(level_count));
        const auto end =
            static_cast<std::size_t>(bins * static_cast<double>(level + 1) / static_cast<double>(level_count));
        double sum = 0;
        double filled = 0;
        for (std::size_t i = begin; i < end; ++i) {
            sum += counts[i];
            if (counts[i] > 0) ++filled;
        }
        // A tail on a place where nothing is kept: as if half a value had been.
        if (filled == 0 && tail > 0 && end == counts.size()) result += tail / total * std::log(tail / 0.5);
        if (filled == 0) continue;
        const double kept = sum / filled / kept_total;
        for (std::size_t i = begin; i < end; ++i) {
            const double seen = (counts[i] + (i + 1 == counts.size() ? tail : 0.0)) / total;
            if (seen > 0 && kept > 0) result += seen * std::log(seen / kept);
            if (counts[i] > 0) ++filled_in_all;
        }
        ++filled_levels;
    }
    // Few values make even the right distribution look unlike its own levels, by this much on average (Miller 1955).
    return result - (filled_in_all - filled_levels) / (2 * total);
}

}  // namespace

Range with_zero(Range range) {
    range.low = std::min(range.low, 0.0F);
    range.high = std::max(range.high, 0.0F);
    // A tensor that is always zero: any scale will do, but it must not be zero itself.
    if (range.high - range.low < 1e-20F) range.high = range.low + 1e-6F;
    return range;
}

void Observation::widen(float magnitude) {
    if (bins_.empty()) {
        bins_.resize(2 * side);
        // Half as much again as the first values need, so that it seldom widens.
        width_ = 1.5 * std::max(double{magnitude}, 1e-30) / static_cast<double>(side);
        inverse_width_ = 1 / width_;
        return;
    }
    while (double{magnitude} > width_ * static_cast<double>(side)) {
        std::vector<Bin> wider(2 * side);
        for (std::size_t i = 0; i < bins_.size(); ++i) {
            Bin& to = wider[(i + side) / 2];
            to.count += bins_[i].count;
            to.sum += bins_[i].sum;
        }
        bins_ = std::move(wider);
        width_ *= 2;
        inverse_width_ = 1 / width_;
    }
}

void Observation::add(std::span<const float> values, std::size_t points_max) {
    if (values.empty()) return;
    const Extremes found = extremes_of(values);
    if (!found.finite) {
        nonfinite_ = true;
        return;
    }
    extremes_ = empty() ? Range{found.low, found.high}
                        : Range{std::min(extremes_.low, found.low), std::max(extremes_.high, found.high)};
    count_ += values.size();
    widen(std::max(std::abs(found.low), std::abs(found.high)));
    // Short runs, evenly spread: single values would cost a cache line each.
    constexpr std::size_t run = 16;
    const std::size_t runs = points_max / run;
    if (runs == 0) return;
    const std::size_t step = std::max(run, values.size() / runs);
    phase_ += 7919;  // another place in every sample
    for (std::size_t begin = step == run ? 0 : phase_ % (step - run + 1); begin < values.size(); begin += step) {
        const std::size_t end = std::min(begin + run, values.size());
        for (std::size_t i = begin; i < end; ++i) {
            Bin& bin = bins_[bin_of(values[i])];
            ++bin.count;
            bin.sum += double{values[i]};
        }
        points_ += end - begin;
    }
}

std::size_t Observation::bin_of(float value) const {
    // Truncation rounds toward zero; the shift keeps the number positive.
    const double place = double{value} * inverse_width_ + static_cast<double>(side);
    return std::min(static_cast<std::size_t>(std::max(place, 0.0)), 2 * side - 1);
}

Range Observation::percentile(Probability share) const {
    const double outside = (1.0 - share.in(of_one)) / 2 * static_cast<double>(points_);
    Range range = extremes_;
    double below = 0;
    for (std::size_t i = 0; i < bins_.size(); ++i) {
        below += static_cast<double>(bins_[i].count);
        if (below <= outside) continue;
        range.low = std::max(extremes_.low, static_cast<float>((static_cast<double>(i) - double{side}) * width_));
        break;
    }
    double above = 0;
    for (std::size_t i = bins_.size(); i-- > 0;) {
        above += static_cast<double>(bins_[i].count);
        if (above <= outside) continue;
        range.high = std::min(extremes_.high, static_cast<float>((static_cast<double>(i + 1) - double{side}) * width_));
        break;
    }
    return range;
}

double Observation::squared_error(Range range) const {
    const double scale = (double{range.high} - double{range.low}) / (levels - 1);
    const double zero = std::round(-double{range.low} / scale);
    double error = 0;
    for (const Bin& bin : bins_) {
        if (bin.count == 0) continue;
        const double value = bin.sum / static_cast<double>(bin.count);
        const double level = std::clamp(std::round(value / scale) + zero, 0.0, double{levels - 1});
        const double rounded = (level - zero) * scale;
        // A bin is a fifth of a level or so: its mean stands for all of it.
        error += static_cast<double>(bin.count) * (value - rounded) * (value - rounded);
    }
    return error;
}

Range Observation::least_squared_error() const {
    Range best = with_zero(extremes_);
    double least = squared_error(best);
    const Range whole = best;
    constexpr int steps = 80;
    for (int pass = 0; pass < 2; ++pass) {  // one end, then the other
        const Range from = best;
        for (int i = 1; i < steps; ++i) {
            const float factor = 1.0F - 0.01F * static_cast<float>(i);
            Range candidate = from;
            (pass == 0 ? candidate.high : candidate.low) = (pass == 0 ? whole.high : whole.low) * factor;
            if (candidate.high - candidate.low <= 0) continue;
            const double error = squared_error(candidate);
            if (error >= least) continue;
            least = error;
            best = candidate;
        }
        if (whole.low == 0) break;
    }
    return best;
}

Range Observation::least_divergence() const {
    const Range whole = with_zero(extremes_);
    const bool two_sided = whole.low < 0 && whole.high > 0;
    const bool negative = whole.high <= 0;
    std::vector<double> counts(side, 0.0);  // by magnitude
    for (std::size_t i = 0; i < side; ++i) {
        const double up = static_cast<double>(bins_[side + i].count);
        const double down = static_cast<double>(bins_[side - 1 - i].count);
        counts[i] = two_sided ? up + down : negative ? down : up;
    }
    // Exact zeros (of a ReLU) are kept whatever the limit, and would hide all else.
    counts[0] = counts[1];
    double total = 0;
    for (const double c : counts) total += c;
    const auto needed = static_cast<std::size_t>(two_sided ? levels / 2 : levels);
    const auto used = std::min<std::size_t>(
        side, static_cast<std::size_t>(std::max(double{whole.high}, -double{whole.low}) / width_) + 1);
    double least = std::numeric_limits<double>::infinity();
    std::size_t best = used;
    double inside = 0;
    std::size_t summed = 0;
    for (std::size_t limit = std::min(needed, used); limit <= used; limit += std::max<std::size_t>(1, side / 256)) {
        for (; summed < limit; ++summed) inside += counts[summed];
        const double found = divergence({counts.data(), limit}, total - inside, needed);
        if (found >= least) continue;
        least = found;
        best = limit;
    }
    const auto limit = static_cast<float>(static_cast<double>(best) * width_);
    return {std::max(whole.low, -limit), std::min(whole.high, limit)};
}

}  // namespace breakeven
