// Resizing: the arithmetic of Pillow's antialiasing BILINEAR (up to its version 10, rows first), so that networks see
// the pixels they were trained and scored on: two passes, 8 bits between them, weights of 22 fractional bits.
#include <algorithm>
#include <cmath>
#include <vector>

#include "breakeven/error.h"
#include "breakeven/tensor/image.h"

namespace breakeven {
namespace {

/// 8 bits of pixel and 2 of headroom for sums of weights above one leave 22 of 32.
constexpr unsigned weight_bits = 22;

/// For each pixel of the result: the pixels it is made of, and their weights.
struct Weights {
    struct Run {
        std::int64_t first = 0;
        std::int64_t count = 0;
    };
    std::vector<Run> runs;
    std::vector<std::int32_t> values;  ///< `stride` for each run
    std::int64_t stride = 0;
};

double triangle(double x) {
    return std::max(0.0, 1.0 - std::abs(x));
}

Weights weights(std::int64_t from, std::int64_t to) {
    const double scale = static_cast<double>(from) / static_cast<double>(to);
    const double support = std::max(scale, 1.0);  // the triangle's half width is one pixel of the coarser grid
    Weights result;
    result.stride = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
    result.runs.reserve(static_cast<std::size_t>(to));
    result.values.assign(static_cast<std::size_t>(to * result.stride), 0);
    std::vector<double> exact(static_cast<std::size_t>(result.stride));
    for (std::int64_t i = 0; i < to; ++i) {
        const double centre = (static_cast<double>(i) + 0.5) * scale;
        const std::int64_t first = std::max<std::int64_t>(static_cast<std::int64_t>(centre - support + 0.5), 0);
        const std::int64_t last = std::min(static_cast<std::int64_t>(centre + support + 0.5), from);
        double sum = 0;
        for (std::int64_t k = first; k < last; ++k) {
            const double weight = triangle((static_cast<double>(k) - centre + 0.5) / support);
            exact[static_cast<std::size_t>(k - first)] = weight;
            sum += weight;
        }
        for (std::int64_t k = 0; k < last - first; ++k) {
            const double weight = exact[static_cast<std::size_t>(k)] / sum * (1U << weight_bits);
            result.values[static_cast<std::size_t>(i * result.stride + k)] = static_cast<std::int32_t>(weight + 0.5);
        }
        result.runs.push_back({.first = first, .count = last - first});
    }
    return result;
}

std::uint8_t rounded(std::int32_t sum) {
    return static_cast<std::uint8_t>(std::clamp(sum >> weight_bits, 0, 255));
}

constexpr std::int32_t half = 1 << (weight_bits - 1);

template <std::size_t channels>
Tensor resize_rows(const Tensor& image, std::int64_t width) {
    constexpr auto step = static_cast<std::int64_t>(channels);
    const ImageSize from = image_size(image);
    const Weights table = weights(from.width, width);
    Tensor result(DType::uint8, {from.height, width, step});
    std::uint8_t* out = result.mutable_as<std::uint8_t>().data();
    for (std::int64_t y = 0; y < from.height; ++y) {
        const std::uint8_t* row = image.as<std::uint8_t>().data() + y * from.width * step;
        for (std::int64_t x = 0; x < width; ++x) {
            const Weights::Run run = table.runs[static_cast<std::size_t>(x)];
            const std::int32_t* weight = table.values.data() + x * table.stride;
            const std::uint8_t* pixel = row + run.first * step;
            std::int32_t sums[channels];
            std::fill_n(sums, channels, half);
            for (std::int64_t k = 0; k < run.count; ++k, pixel += channels) {
                for (std::size_t c = 0; c < channels; ++c) sums[c] += pixel[c] * weight[k];
            }
            for (std::size_t c = 0; c < channels; ++c) *out++ = rounded(sums[c]);
        }
    }
    return result;
}

Tensor resize_columns(const Tensor& image, std::int64_t height) {
    const ImageSize from = image_size(image);
    const std::int64_t row_length = from.width * image.shape()[2];
    const Weights table = weights(from.height, height);
    Tensor result(DType::uint8, {height, from.width, image.shape()[2]});
    std::uint8_t* out = result.mutable_as<std::uint8_t>().data();
    std::vector<std::int32_t> sums(static_cast<std::size_t>(row_length));
    for (std::int64_t y = 0; y < height; ++y) {
        const Weights::Run run = table.runs[static_cast<std::size_t>(y)];
        std::fill(sums.begin(), sums.end(), half);
        for (std::int64_t k = 0; k < run.count; ++k) {  // a row at a time, so that the compiler makes vectors of it
            const std::int32_t weight = table.values[static_cast<std::size_t>(y * table.stride + k)];
            const std::uint8_t* row = image.as<std::uint8_t>().data() + (run.first + k) * row_length;
            for (std::int64_t i = 0; i < row_length; ++i) sums[static_cast<std::size_t>(i)] += row[i] * weight;
        }
        for (const std::int32_t sum : sums) *out++ = rounded(sum);
    }
    return result;
}

}  // namespace

Tensor resize_bilinear(const Tensor& image, ImageSize to) {
    const ImageSize from = image_size(image);
    BREAKEVEN_ASSERT(to.height > 0 && to.width > 0);
    Tensor result = image;
    if (to.width != from.width) {
        result = image.shape()[2] == 1 ? resize_rows<1>(image, to.width) : resize_rows<3>(image, to.width);
    }
    return to.height == from.height ? result : resize_columns(result, to.height);
}

}  // namespace breakeven
