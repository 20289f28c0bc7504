// reconstruct: the weights that stay are the best there are, and never worse than doing nothing.
#include "breakeven/compress/reconstruct.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <Eigen/Cholesky>

#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

struct Problem {
    Matrix weights;
    SplitMoments halves;
    Moments moments;
};

/// Inputs that depend on each other, and outputs of `weights`, with noise.
Problem problem(Eigen::Index inputs, Eigen::Index outputs, Eigen::Index rows, std::uint64_t seed, float noise = 0.1F) {
    Random random(seed);
    const auto normal = [&](Eigen::Index r, Eigen::Index c) {
        Matrix matrix(r, c);
        for (float& value : matrix.reshaped()) value = static_cast<float>(random.normal());
        return matrix;
    };
    Problem result;
    result.weights = normal(outputs, inputs);
    const Matrix mix = normal(inputs, inputs);
    Gram even(inputs, outputs);
    Gram odd(inputs, outputs);
    for (Gram* half : {&even, &odd}) {
        const Matrix x = normal(rows / 2, inputs) * mix;
        half->add(x, Matrix(x * result.weights.transpose() + noise * normal(rows / 2, outputs)));
    }
    result.halves = {even.moments(), odd.moments()};
    result.moments = joined(result.halves);
    return result;
}

RC_GTEST_PROP(Refit, IsNeverWorseThanTheMaskAlone, (std::uint64_t seed)) {
    const auto inputs = *rc::gen::inRange<Eigen::Index>(1, 20);
    const auto outputs = *rc::gen::inRange<Eigen::Index>(1, 8);
    const Problem p = problem(inputs, outputs, 400, seed);
    const auto removed = *rc::gen::inRange<std::int64_t>(0, p.weights.size() + 1);
    const Mask mask = magnitude_mask(p.weights, removed);
    RC_ASSERT(static_cast<std::int64_t>(mask.size()) - static_cast<std::int64_t>(mask.sum()) == removed);
    const LayerLoss loss = layer_loss(p.moments, p.weights, 0.01);
    const Matrix alone = loss.scaled(p.weights).cwiseProduct(mask);
    for (const int steps : {0, 1, 3, 60}) {
        const Matrix found = refit(loss, mask, alone, steps);
        RC_ASSERT(loss.of(found) <= loss.of(alone) * (1.0 + 1e-4) + 1e-4);
        RC_ASSERT(found.cwiseProduct(Mask::Ones(mask.rows(), mask.cols()) - mask).cwiseAbs().maxCoeff() == 0.0F);
    }
}

TEST(Refit, FindsTheLeastSquaresAnswerUnderTheMask) {
    const Problem p = problem(12, 4, 4000, 3);
    const LayerLoss loss = layer_loss(p.moments, p.weights, 0.01);
    const Mask mask = magnitude_mask(p.weights, 24);
    const Matrix found = refit(loss, mask, loss.scaled(p.weights), 500);
    for (Eigen::Index row = 0; row < mask.rows(); ++row) {
        std::vector<Eigen::Index> left;
        for (Eigen::Index c = 0; c < mask.cols(); ++c) {
            if (mask(row, c) != 0.0F) left.push_back(c);
        }
        const Eigen::MatrixXf curvature = loss.curvature(left, left);
        const Vector wanted = curvature.llt().solve(Vector(loss.target.row(row).transpose()(left)));
        for (std::size_t i = 0; i < left.size(); ++i) {
            EXPECT_NEAR(found(row, left[i]), wanted[static_cast<Eigen::Index>(i)],
                        2e-2F * (1.0F + std::abs(wanted[static_cast<Eigen::Index>(i)])));
        }
    }
}

TEST(LayerLoss, IsTheMeanSquaredErrorOfTheOutputs) {
    const Problem p = problem(6, 3, 2000, 4, 0.5F);
    const LayerLoss loss = layer_loss(p.moments, p.weights, 0.0);
    // What made the outputs leaves their noise: variance 0.25 for each of three.
    EXPECT_NEAR(loss.of(loss.scaled(p.weights)), 0.75, 0.1);
    const Matrix nothing = Matrix::Zero(3, 6);
    EXPECT_NEAR(loss.of(nothing), static_cast<double>(p.moments.outputs_variance.sum()), 1e-3);
}

RC_GTEST_PROP(SecondOrderChoice, RemovesExactlyAsManyAsAsked, (std::uint64_t seed)) {
    const Problem p = problem(24, 6, 400, seed);
    const LayerLoss loss = layer_loss(p.moments, p.weights, 0.01);
    const auto removed = *rc::gen::inRange<std::int64_t>(0, p.weights.size() + 1);
    const Reconstructed chosen = second_order(loss, loss.scaled(p.weights), removed, {});
    RC_ASSERT(static_cast<std::int64_t>(chosen.mask.size()) - static_cast<std::int64_t>(chosen.mask.sum()) == removed);
    const Mask gone = Mask::Ones(chosen.mask.rows(), chosen.mask.cols()) - chosen.mask;
    RC_ASSERT(chosen.scaled.cwiseProduct(gone).cwiseAbs().maxCoeff() == 0.0F);
}

TEST(SecondOrderChoice, LosesLessThanTheSmallestWeightsAcrossManyLayers) {
    double chosen = 0.0;
    double smallest = 0.0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        const Problem p = problem(24, 6, 2000, seed);
        const LayerLoss loss = layer_loss(p.moments, p.weights, 0.01);
        const Matrix before = loss.scaled(p.weights);
        chosen += loss.of(second_order(loss, before, 72, {}).scaled);
        smallest += loss.of(refit(loss, magnitude_mask(p.weights, 72), before, 60));
    }
    EXPECT_LT(chosen, smallest);
}

TEST(DampingByHalves, FewNoisyRowsAreTrustedLessThanMany) {
    const Problem few = problem(40, 8, 60, 6, 20.0F);
    const Problem many = problem(40, 8, 40000, 6, 0.01F);
    const double trusting = damping_by_halves(many.halves, many.weights, magnitude_mask(many.weights, 160));
    const double wary = damping_by_halves(few.halves, few.weights, Mask::Ones(8, 40));
    EXPECT_LT(trusting, wary);
}

}  // namespace
}  // namespace breakeven
