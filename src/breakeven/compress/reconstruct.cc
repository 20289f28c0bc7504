// reconstruct: see reconstruct.h.
#include "breakeven/compress/reconstruct.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "breakeven/compress/product.h"
#include "breakeven/error.h"

namespace breakeven {

double LayerLoss::of(const Matrix& scaled) const {
    const Matrix turned = product(scaled, curvature);
    const double quadratic = (turned.cast<double>().cwiseProduct(scaled.cast<double>())).sum();
    return quadratic - 2.0 * target.cast<double>().cwiseProduct(scaled.cast<double>()).sum() + constant;
}

LayerLoss layer_loss(const Moments& moments, const Matrix& weights, double damping) {
    const Eigen::Index inputs = moments.inputs.rows();
    BREAKEVEN_ASSERT(weights.cols() == inputs && weights.rows() == moments.cross.cols());
    LayerLoss loss;
    // An input that never varies teaches nothing: its column keeps a unit that the damping alone holds.
    const float largest = std::max(moments.inputs.diagonal().maxCoeff(), 1e-30F);
    loss.scale = moments.inputs.diagonal().cwiseMax(largest * 1e-8F).cwiseSqrt();
    const Vector inverse = loss.scale.cwiseInverse();
    loss.curvature = inverse.asDiagonal() * moments.inputs * inverse.asDiagonal();
    const auto pull = static_cast<float>(damping);
    loss.curvature.diagonal().array() += pull;
    const Matrix before = loss.scaled(weights);
    loss.target = moments.cross.transpose() * inverse.asDiagonal();
    loss.target += pull * before;
    loss.constant = moments.outputs_variance.cast<double>().sum() + damping * before.cast<double>().squaredNorm();
    return loss;
}

namespace {

/// Keeps the entries with the largest scores.
Mask keep_best(const Matrix& scores, std::int64_t removed) {
    std::vector<Eigen::Index> order(static_cast<std::size_t>(scores.size()));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    removed = std::clamp<std::int64_t>(removed, 0, scores.size());
    const auto smaller = [&](Eigen::Index a, Eigen::Index b) {
        return std::pair(scores.data()[a], a) < std::pair(scores.data()[b], b);
    };
    std::nth_element(order.begin(), order.begin() + removed, order.end(), smaller);
    Mask mask = Mask::Ones(scores.rows(), scores.cols());
    for (std::int64_t i = 0; i < removed; ++i) mask.data()[order[static_cast<std::size_t>(i)]] = 0.0F;
    return mask;
}

/// What a scaled weight of 1 in each column costs to remove when all others adapt: 1 / [H^-1]_jj.
Eigen::RowVectorXf removal_cost(const Matrix& curvature) {
    const Eigen::MatrixXf dense = curvature;
    const Eigen::LLT<Eigen::MatrixXf> factors(dense);
    if (factors.info() != Eigen::Success) return curvature.diagonal().transpose();
    const Eigen::MatrixXf inverse = factors.matrixL().solve(Eigen::MatrixXf::Identity(dense.rows(), dense.cols()));
    return inverse.colwise().squaredNorm().cwiseInverse();
}

}  // namespace

Mask magnitude_mask(const Matrix& weights, std::int64_t removed) {
    return keep_best(weights.cwiseAbs(), removed);
}

Matrix refit(const LayerLoss& loss, const Mask& mask, const Matrix& start, int steps) {
    Matrix at = start.cwiseProduct(mask);
    Matrix residual = (loss.target - product(at, loss.curvature)).cwiseProduct(mask);
    Matrix direction = residual;
    Vector power = residual.rowwise().squaredNorm();
    const float enough = std::max(loss.target.squaredNorm(), 1e-30F) * 1e-12F;
    for (int step = 0; step < steps && power.sum() > enough; ++step) {
        const Matrix turned = product(direction, loss.curvature).cwiseProduct(mask);
        const Vector bend = turned.cwiseProduct(direction).rowwise().sum();
        const Vector length = (bend.array() > 0.0F).select(power.array() / bend.array(), 0.0F);
        at += length.asDiagonal() * direction;
        residual -= length.asDiagonal() * turned;
        const Vector next = residual.rowwise().squaredNorm();
        const Vector turn = (power.array() > 0.0F).select(next.array() / power.array(), 0.0F);
        direction = residual + turn.asDiagonal() * direction;
        power = next;
    }
    return at;
}

namespace {

constexpr double dampings[] = {0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0};

/// Error on `tried` of weights and bias fitted to `fitted`.
double error_across(const Moments& fitted, const Moments& tried, const Matrix& weights, const Mask& mask,
                    double damping) {
    constexpr int steps = 20;
    const LayerLoss loss = layer_loss(fitted, weights, damping);
    const Matrix found = loss.weights(refit(loss, mask, loss.scaled(weights), steps));
    const LayerLoss exact = layer_loss(tried, weights, 0.0);
    const Vector shift = (tried.outputs_mean - fitted.outputs_mean) - found * (tried.inputs_mean - fitted.inputs_mean);
    return exact.of(exact.scaled(found)) + shift.cast<double>().squaredNorm();
}

/// The moments with some of the outputs only.
Moments with_outputs_of(const Moments& moments, const std::vector<Eigen::Index>& outputs) {
    Moments few = moments;
    few.cross = moments.cross(Eigen::all, outputs);
    few.outputs_variance = moments.outputs_variance(outputs);
    few.outputs_mean = moments.outputs_mean(outputs);
    return few;
}

}  // namespace

double damping_by_halves(const SplitMoments& halves, const Matrix& weights, const Mask& mask) {
    constexpr double otherwise = 0.1;
    if (halves.even.rows == 0 || halves.odd.rows == 0) return otherwise;
    constexpr Eigen::Index outputs_max = 48;
    const Eigen::Index step = std::max<Eigen::Index>((weights.rows() + outputs_max - 1) / outputs_max, 1);
    std::vector<Eigen::Index> outputs;
    for (Eigen::Index i = 0; i < weights.rows(); i += step) outputs.push_back(i);
    const Matrix few_weights = weights(outputs, Eigen::all);
    const Mask few_mask = mask(outputs, Eigen::all);
    const Moments even = with_outputs_of(halves.even, outputs);
    const Moments odd = with_outputs_of(halves.odd, outputs);
    double best = otherwise;
    double best_error = std::numeric_limits<double>::infinity();
    for (const double damping : dampings) {
        const double error = error_across(even, odd, few_weights, few_mask, damping) +
                             error_across(odd, even, few_weights, few_mask, damping);
        if (error < best_error) {
            best = damping;
            best_error = error;
        }
    }
    return best;
}

Reconstructed second_order(const LayerLoss& loss, const Matrix& start, std::int64_t removed,
                           const SecondOrder& options) {
    Reconstructed now{.mask = Mask::Ones(start.rows(), start.cols()), .scaled = start};
    now.scaled = refit(loss, now.mask, start, options.last_steps);
    const Eigen::RowVectorXf cost = removal_cost(loss.curvature);
    for (int stage = 1; stage <= options.stages; ++stage) {
        const double left = 1.0 - static_cast<double>(stage) / options.stages;
        const auto gone = std::llround(static_cast<double>(removed) * (1.0 - left * left * left));
        Matrix scores = now.scaled.cwiseAbs2() * cost.asDiagonal();
        // What is gone stays gone: below every score of what is left, even one of zero.
        scores.array() -= 1.0F - now.mask.array();
        now.mask = keep_best(scores, stage == options.stages ? removed : gone);
        now.scaled = refit(loss, now.mask, now.scaled, stage == options.stages ? options.last_steps : options.steps);
    }
    return now;
}

}  // namespace breakeven
