// cluster_fit: few values, chosen so that the layer's output stays, and never a worse choice than the nearest ones.
#include "breakeven/compress/cluster_fit.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <set>

#include "breakeven/compress/kmeans.h"
#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

Matrix normal(Random& random, Eigen::Index rows, Eigen::Index columns) {
    Matrix matrix(rows, columns);
    for (float& value : matrix.reshaped()) value = static_cast<float>(random.normal());
    return matrix;
}

/// Outputs of `weights`, of inputs that depend on each other.
CodeProblem problem(Eigen::Index outputs, Eigen::Index inputs, Random& random, double sparsity) {
    const Matrix mix = normal(random, inputs, inputs);
    CodeProblem made;
    made.weights = normal(random, outputs, inputs);
    for (Eigen::Index r = 0; r < outputs; ++r) made.weights.row(r) *= static_cast<float>(1 + r % 5);
    made.mask = magnitude_mask(
        made.weights,
        static_cast<std::int64_t>(sparsity * static_cast<double>(std::max<Eigen::Index>(made.weights.size() - 1, 0))));
    made.weights = made.weights.cwiseProduct(made.mask);
    Gram gram(inputs, outputs);
    const Matrix seen = normal(random, 300, inputs) * mix;
    gram.add(seen, Matrix(seen * made.weights.transpose()));
    made.loss = layer_loss(gram.moments(), made.weights, 0.01);
    return made;
}

/// Each weight the nearest of the values that k-means finds, errors weighed by the columns' sizes.
double loss_of_the_nearest(const CodeProblem& made, std::size_t count) {
    std::vector<WeightedValue> values;
    for (Eigen::Index r = 0; r < made.weights.rows(); ++r) {
        for (Eigen::Index c = 0; c < made.weights.cols(); ++c) {
            const auto size = static_cast<double>(made.loss.scale[c]);
            if (made.mask(r, c) != 0.0F) values.push_back({static_cast<double>(made.weights(r, c)), size * size});
        }
    }
    const auto centroids = kmeans_exact(gathered(values), count);
    Matrix coded = made.weights;
    for (float& weight : coded.reshaped()) {
        if (weight != 0.0F) weight = static_cast<float>(centroids[nearest(centroids, static_cast<double>(weight))]);
    }
    return made.loss.of(made.loss.scaled(coded));
}

RC_GTEST_PROP(FitCodes, HasFewValuesKeepsZerosAndFindsAtLeastAsMuchAsTheNearestValues, (std::uint64_t seed)) {
    Random random(seed);
    const auto inputs = *rc::gen::inRange<Eigen::Index>(1, 90);
    const auto outputs = *rc::gen::inRange<Eigen::Index>(1, 12);
    const auto count = *rc::gen::inRange<std::size_t>(1, 17);
    const auto scales = *rc::gen::element(ClusterScales::layer, ClusterScales::channel);
    const CodeProblem made = problem(outputs, inputs, random, *rc::gen::element(0.0, 0.5, 0.95));
    const CodedLayer layer = fit_codes(std::span(&made, 1), {.count = count, .scales = scales});
    std::set<float> distinct;
    for (Eigen::Index r = 0; r < outputs; ++r) {
        for (Eigen::Index c = 0; c < inputs; ++c) {
            RC_ASSERT(std::isfinite(layer.values[0](r, c)));
            if (made.mask(r, c) == 0.0F) {
                RC_ASSERT(layer.values[0](r, c) == 0.0F);
            } else {
                distinct.insert(layer.values[0](r, c));
            }
        }
        RC_ASSERT(layer.scales[0][r] > 0.0F);
    }
    RC_ASSERT(distinct.size() <= count);
    RC_ASSERT(std::ranges::is_sorted(layer.centroids));
    // Where each channel has its own scale the values differ, so the two can be compared for one scale only.
    const double energy = made.loss.constant * 1e-4;
    if (scales == ClusterScales::layer) {
        RC_ASSERT(loss_of(std::span(&made, 1), layer) <= loss_of_the_nearest(made, count) * 1.3 + energy);
    }
}

TEST(FitCodes, LosesFarLessThanTheNearestValues) {
    double fitted = 0.0;
    double nearest_ones = 0.0;
    Random random(3);
    for (int i = 0; i < 10; ++i) {
        const CodeProblem made = problem(16, 72, random, 0.3);
        fitted += loss_of(std::span(&made, 1), fit_codes(std::span(&made, 1), {.count = 8})) / made.loss.constant;
        nearest_ones += loss_of_the_nearest(made, 8) / made.loss.constant;
    }
    EXPECT_LT(fitted, 0.7 * nearest_ones);
}

TEST(FitCodes, FindsTheBestOfAllAssignmentsWhereTheyCanBeCounted) {
    Random random(11);
    for (int i = 0; i < 20; ++i) {
        const CodeProblem made = problem(1, 6, random, 0.0);
        const CodedLayer layer = fit_codes(std::span(&made, 1), {.count = 2});
        // Of all assignments to its two values.
        double best = std::numeric_limits<double>::infinity();
        for (unsigned assignment = 0; assignment < 64; ++assignment) {
            Matrix coded(1, 6);
            for (Eigen::Index c = 0; c < 6; ++c) {
                coded(0, c) = static_cast<float>(layer.centroids[(assignment >> static_cast<unsigned>(c)) % 2]);
            }
            best = std::min(best, made.loss.of(made.loss.scaled(coded)));
        }
        EXPECT_LE(loss_of(std::span(&made, 1), layer), 1.5 * best + 0.02 * made.loss.constant);
    }
}

TEST(FitCodes, OwnScalesMakeChannelsOfOneShapeExact) {
    // Four channels, each a multiple of two values: two shared values and four scales say all.
    CodeProblem made;
    made.weights = Matrix(4, 6);
    for (Eigen::Index r = 0; r < 4; ++r) {
        for (Eigen::Index c = 0; c < 6; ++c) {
            made.weights(r, c) = static_cast<float>(std::pow(3.0, r)) * ((r + c) % 2 == 0 ? 1.0F : -0.5F);
        }
    }
    made.mask = Mask::Ones(4, 6);
    Random random(5);
    Gram gram(6, 4);
    const Matrix seen = normal(random, 500, 6);
    gram.add(seen, Matrix(seen * made.weights.transpose()));
    made.loss = layer_loss(gram.moments(), made.weights, 0.001);
    const auto lost = [&](ClusterScales scales) {
        return loss_of(std::span(&made, 1), fit_codes(std::span(&made, 1), {.count = 2, .scales = scales})) /
               made.loss.constant;
    };
    EXPECT_LT(lost(ClusterScales::channel), 1e-4);
    EXPECT_GT(lost(ClusterScales::layer), 1e-2);
}

}  // namespace
}  // namespace breakeven
