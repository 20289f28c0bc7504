// product: see product.h. Blocks are copied so that the innermost loop reads memory in one direction (Goto & van de
// Geijn 2008, "Anatomy of high-performance matrix multiplication").
#include "breakeven/compress/product.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "breakeven/error.h"

namespace breakeven {

namespace {

constexpr Eigen::Index depth_max = 256;  ///< of a block: its panels stay in the inner caches

struct Block {
    float* result;
    Eigen::Index result_stride;
    const float* left;
    Eigen::Index left_stride;
    const float* right;
    Eigen::Index right_stride;
    Eigen::Index rows, columns, depth;
};

/// `tile_rows` x (`vectors` x `lanes`) sums, kept in registers over the depth.
template <std::size_t lanes, std::size_t tile_rows, std::size_t vectors>
[[gnu::always_inline]] inline void tile(const float* left, const float* right, Eigen::Index depth, float* sums) {
    typedef float Vector [[gnu::vector_size(lanes * sizeof(float))]];
    Vector sum[tile_rows][vectors] = {};
    for (Eigen::Index k = 0; k < depth; ++k, left += tile_rows, right += lanes * vectors) {
        Vector loaded[vectors];
        std::memcpy(loaded, right, sizeof loaded);
#pragma GCC unroll 16
        for (std::size_t r = 0; r < tile_rows; ++r) {
#pragma GCC unroll 4
            for (std::size_t v = 0; v < vectors; ++v) sum[r][v] += left[r] * loaded[v];
        }
    }
    std::memcpy(sums, sum, sizeof sum);
}

/// Columns of the right side in panels as wide as a tile, padded with zeros.
[[gnu::always_inline]] inline void gather_right(const Block& block, Eigen::Index width, float* to) {
    for (Eigen::Index from = 0; from < block.columns; from += width) {
        const Eigen::Index count = std::min(width, block.columns - from);
        for (Eigen::Index k = 0; k < block.depth; ++k, to += width) {
            std::copy_n(block.right + k * block.right_stride + from, count, to);
            std::fill(to + count, to + width, 0.0F);
        }
    }
}

/// `height` rows of the left side from `row` on, one column after another, padded with zeros.
[[gnu::always_inline]] inline void gather_left(const Block& block, Eigen::Index row, Eigen::Index height, float* to) {
    for (Eigen::Index r = 0; r < height; ++r) {
        const bool padding = row + r >= block.rows;
        const float* from = block.left + (padding ? 0 : row + r) * block.left_stride;
        for (Eigen::Index k = 0; k < block.depth; ++k) to[k * height + r] = padding ? 0.0F : from[k];
    }
}

template <std::size_t lanes, std::size_t tile_rows, std::size_t vectors>
[[gnu::always_inline]] inline void multiply(const Block& block, float* left, float* right) {
    constexpr auto height = static_cast<Eigen::Index>(tile_rows);
    constexpr auto width = static_cast<Eigen::Index>(lanes * vectors);
    gather_right(block, width, right);
    for (Eigen::Index row = 0; row < block.rows; row += height) {
        gather_left(block, row, height, left);
        for (Eigen::Index from = 0; from < block.columns; from += width) {
            alignas(64) float sums[tile_rows * lanes * vectors];
            tile<lanes, tile_rows, vectors>(left, right + from * block.depth, block.depth, sums);
            const Eigen::Index count = std::min(width, block.columns - from);
            for (Eigen::Index r = 0; r < std::min(height, block.rows - row); ++r) {
                float* to = block.result + (row + r) * block.result_stride + from;
                for (Eigen::Index c = 0; c < count; ++c) to[c] += sums[r * width + c];
            }
        }
    }
}

constexpr Eigen::Index widest = 32;  ///< of all tiles below
constexpr Eigen::Index tallest = 12;

// As many sums as fit the registers, beside one row of the right side.
#if defined(__x86_64__)
[[gnu::target("avx512f")]] void multiply_512(const Block& block, float* left, float* right) {
    multiply<16, 12, 2>(block, left, right);
}
[[gnu::target("avx2,fma")]] void multiply_256(const Block& block, float* left, float* right) {
    multiply<8, 6, 2>(block, left, right);
}
#endif
void multiply_128(const Block& block, float* left, float* right) {
    multiply<4, 4, 2>(block, left, right);
}

void multiply(const Block& block, float* left, float* right) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return multiply_512(block, left, right);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return multiply_256(block, left, right);
#endif
    multiply_128(block, left, right);
}

}  // namespace

void add_product(MatrixPart result, const ConstMatrixPart& left, const ConstMatrixPart& right) {
    BREAKEVEN_ASSERT(left.cols() == right.rows() && result.rows() == left.rows() && result.cols() == right.cols());
    if (result.size() == 0) return;
    const Eigen::Index depth = std::min(depth_max, left.cols());
    std::vector<float> left_panel(static_cast<std::size_t>(tallest * depth));
    std::vector<float> right_panels(static_cast<std::size_t>((right.cols() + widest - 1) / widest * widest * depth));
    for (Eigen::Index from = 0; from < left.cols(); from += depth_max) {
        multiply({.result = result.data(),
                  .result_stride = result.outerStride(),
                  .left = left.data() + from,
                  .left_stride = left.outerStride(),
                  .right = right.data() + from * right.outerStride(),
                  .right_stride = right.outerStride(),
                  .rows = left.rows(),
                  .columns = right.cols(),
                  .depth = std::min(depth_max, left.cols() - from)},
                 left_panel.data(), right_panels.data());
    }
}

Matrix product(const ConstMatrixPart& left, const ConstMatrixPart& right) {
    Matrix result = Matrix::Zero(left.rows(), right.cols());
    add_product(result, left, right);
    return result;
}

void add_square(Matrix& result, const Matrix& rows) {
    BREAKEVEN_ASSERT(result.rows() == rows.cols() && result.cols() == rows.cols());
    constexpr Eigen::Index height = 96;
    const Matrix turned = rows.transpose();
    for (Eigen::Index from = 0; from < rows.cols(); from += height) {
        const Eigen::Index count = std::min(height, rows.cols() - from);
        add_product(result.block(from, 0, count, from + count), turned.middleRows(from, count),
                    rows.leftCols(from + count));
    }
    for (Eigen::Index r = 0; r < result.rows(); ++r) {
        for (Eigen::Index c = r + 1; c < result.cols(); ++c) result(r, c) = result(c, r);
    }
}

}  // namespace breakeven
