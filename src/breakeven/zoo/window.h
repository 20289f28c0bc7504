// Window: where a kernel slides over a picture, and which of its taps lie on zeros around it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "breakeven/error.h"

namespace breakeven {

/// Rows and columns; a single number is both.
struct Sides {
    std::int64_t rows;
    std::int64_t columns;
    constexpr Sides(std::int64_t side) : rows(side), columns(side) {}
    constexpr Sides(std::int64_t of_rows, std::int64_t of_columns) : rows(of_rows), columns(of_columns) {}
};

/// Keras' words for what happens at the border.
enum class Padding { same, valid };

/// Rows and columns of zeros around a picture.
struct Zeros {
    std::int64_t before = 0;
    std::int64_t after = 0;
};

/// One dimension.
struct Axis {
    std::int64_t in;
    std::int64_t kernel;
    std::int64_t stride;
    Zeros pads{};
    std::int64_t out = 0;

    void pad(Padding padding, Zeros zeros) {
        pads = zeros;
        if (padding == Padding::same) {
            const std::int64_t needed =
                std::max<std::int64_t>(((in + stride - 1) / stride - 1) * stride + kernel - in, 0);
            pads = {.before = needed / 2,
                    .after = needed - needed / 2};  // the odd one goes after, as TensorFlow has it
        }
        BREAKEVEN_ASSERT(in + pads.before + pads.after >= kernel);
        out = (in + pads.before + pads.after - kernel) / stride + 1;
    }
};

struct Window {
    Axis rows;
    Axis columns;

    std::int64_t area() const { return rows.kernel * columns.kernel; }
};

}  // namespace breakeven
