// product: the same numbers as Eigen's, for every size, and for parts of matrices.
#include "breakeven/compress/product.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "breakeven/time/random.h"

namespace breakeven {
namespace {

Matrix normal(Random& random, Eigen::Index rows, Eigen::Index columns) {
    Matrix matrix(rows, columns);
    for (float& value : matrix.reshaped()) value = static_cast<float>(random.normal());
    return matrix;
}

void expect_near(const Matrix& found, const Eigen::MatrixXd& wanted, Eigen::Index depth) {
    if (found.size() == 0) return;
    RC_ASSERT((found.cast<double>() - wanted).cwiseAbs().maxCoeff() < 1e-5 * (1.0 + static_cast<double>(depth)));
}

RC_GTEST_PROP(Product, IsThatOfDoubles, (std::uint64_t seed)) {
    Random random(seed);
    const auto rows = *rc::gen::inRange<Eigen::Index>(0, 40);
    const auto depth = *rc::gen::element<Eigen::Index>(0, 1, 7, 63, 255, 256, 257, 600);
    const auto columns = *rc::gen::inRange<Eigen::Index>(0, 80);
    const Matrix left = normal(random, rows, depth);
    const Matrix right = normal(random, depth, columns);
    expect_near(product(left, right), left.cast<double>() * right.cast<double>(), depth);
}

RC_GTEST_PROP(Product, OfPartsChangesThatPartAlone, (std::uint64_t seed)) {
    Random random(seed);
    const auto at = *rc::gen::inRange<Eigen::Index>(0, 8);
    const auto size = *rc::gen::inRange<Eigen::Index>(1, 50);
    const Matrix left = normal(random, 64, 64);
    const Matrix right = normal(random, 64, 64);
    const Matrix before = normal(random, 64, 64);
    Matrix result = before;
    add_product(result.block(at, at, size, size), left.block(0, at, size, size), right.block(at, 1, size, size));
    Eigen::MatrixXd wanted = before.cast<double>();
    wanted.block(at, at, size, size) +=
        left.block(0, at, size, size).cast<double>() * right.block(at, 1, size, size).cast<double>();
    expect_near(result, wanted, size);
}

RC_GTEST_PROP(AddSquare, IsBothTriangles, (std::uint64_t seed)) {
    Random random(seed);
    const auto rows = *rc::gen::inRange<Eigen::Index>(1, 300);
    const auto columns = *rc::gen::inRange<Eigen::Index>(1, 250);
    const Matrix values = normal(random, rows, columns);
    Matrix result = Matrix::Zero(columns, columns);
    add_square(result, values);
    expect_near(result, values.cast<double>().transpose() * values.cast<double>(), rows);
}

}  // namespace
}  // namespace breakeven
