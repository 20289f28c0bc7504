// product: products of float matrices with the widest vectors that the processor has. Eigen's are as wide as what the
// compiler may assume, which is 4 numbers on x86-64; fitting layers is little else than such products.
#pragma once

#include <Eigen/Core>

#include "breakeven/compress/gram_layers.h"

namespace breakeven {

/// Part of a matrix whose rows are each in one piece, or all of one.
using MatrixPart = Eigen::Ref<Matrix, 0, Eigen::OuterStride<>>;
using ConstMatrixPart = Eigen::Ref<const Matrix, 0, Eigen::OuterStride<>>;

/// result += left * right; the result is neither of the two.
void add_product(MatrixPart result, const ConstMatrixPart& left, const ConstMatrixPart& right);

Matrix product(const ConstMatrixPart& left, const ConstMatrixPart& right);

/// result += rows^T * rows, both triangles. Requires a square result.
void add_square(Matrix& result, const Matrix& rows);

}  // namespace breakeven
