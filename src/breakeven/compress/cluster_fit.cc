// cluster_fit: see cluster_fit.h.
#include "breakeven/compress/cluster_fit.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "breakeven/compress/kmeans.h"
#include "breakeven/compress/product.h"
#include "breakeven/error.h"

namespace breakeven {

namespace {

/// Weights turned: a row holds one input's weights in all outputs, which are coded together.
using Turned = Matrix;
using Codes = Eigen::Matrix<std::int16_t, Eigen::Dynamic, Eigen::Dynamic>;

constexpr std::int16_t no_code = -1;      ///< zero by the mask
constexpr Eigen::Index block_width = 64;  ///< columns whose effect on those behind is applied at once

/// One group while it is coded. Weights are scaled as the loss has them.
struct Group {
    const CodeProblem& problem;
    Vector row_scale;
    Codes codes;

    Eigen::Index rows() const { return problem.weights.rows(); }
    Eigen::Index columns() const { return problem.weights.cols(); }
};

/// Which code a weight takes, and which scaled weight that is.
class Coder {
   public:
    Coder(std::span<const double> centroids, const Group& group) : centroids_(centroids), group_(group) {}

    std::int16_t code(float scaled, Eigen::Index row, Eigen::Index column) const {
        if (group_.problem.mask(row, column) == 0.0F) return no_code;
        return static_cast<std::int16_t>(nearest(centroids_, static_cast<double>(scaled / unit(row, column))));
    }
    float scaled(std::int16_t code, Eigen::Index row, Eigen::Index column) const {
        if (code == no_code) return 0.0F;
        return static_cast<float>(centroids_[static_cast<std::size_t>(code)]) * unit(row, column);
    }

   private:
    float unit(Eigen::Index row, Eigen::Index column) const {
        return group_.row_scale[row] * group_.problem.loss.scale[column];
    }
    std::span<const double> centroids_;
    const Group& group_;
};

Turned scaled_weights(const Group& group, std::span<const double> centroids) {
    const Coder coder(centroids, group);
    Turned scaled(group.columns(), group.rows());
    for (Eigen::Index c = 0; c < scaled.rows(); ++c) {
        for (Eigen::Index r = 0; r < scaled.cols(); ++r) scaled(c, r) = coder.scaled(group.codes(r, c), r, c);
    }
    return scaled;
}

/// Root of the mean square of what the mask leaves of each row; 1 where nothing is left.
Vector row_sizes(const CodeProblem& problem) {
    const Vector counts = problem.mask.rowwise().sum().cwiseMax(1.0F);
    Vector sizes = problem.weights.cwiseProduct(problem.mask).rowwise().squaredNorm().cwiseQuotient(counts).cwiseSqrt();
    for (float& size : sizes) size = size > 0.0F ? size : 1.0F;
    return sizes;
}

std::vector<double> first_centroids(std::span<const Group> groups, std::size_t count) {
    std::vector<WeightedValue> values;
    double largest = 0.0;
    for (const Group& group : groups) {
        for (Eigen::Index r = 0; r < group.rows(); ++r) {
            for (Eigen::Index c = 0; c < group.columns(); ++c) {
                if (group.problem.mask(r, c) == 0.0F) continue;
                const auto size = static_cast<double>(group.row_scale[r]);
                const double importance = std::pow(size * static_cast<double>(group.problem.loss.scale[c]), 2);
                values.push_back({static_cast<double>(group.problem.weights(r, c)) / size, importance});
                largest = std::max(largest, importance);
            }
        }
    }
    // Inputs that never vary would leave their weights without a say.
    const double least = std::max(largest * 1e-6, 1e-30);
    for (WeightedValue& value : values) value.weight = std::max(value.weight, least);
    return kmeans_exact(gathered(std::move(values)), count);
}

/// The columns whose rounding costs most first: more columns are left that can make up for them.
std::vector<Eigen::Index> dearest_first(const Vector& scale) {
    std::vector<Eigen::Index> order(static_cast<std::size_t>(scale.size()));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return scale[a] > scale[b]; });
    return order;
}

/// U of curvature^-1 = U^T U.
Matrix upper_factor_of_inverse(const Matrix& curvature) {
    const Eigen::MatrixXf dense = curvature;
    const Eigen::MatrixXf identity = Eigen::MatrixXf::Identity(dense.rows(), dense.cols());
    const Eigen::LLT<Eigen::MatrixXf> factors(dense.llt().solve(identity));
    return factors.info() == Eigen::Success ? Matrix(factors.matrixU()) : Matrix(identity);
}

/// Codes column by column, with the error handed on to the columns to come.
void code_with_feedback(Group& group, std::span<const double> centroids) {
    const LayerLoss& loss = group.problem.loss;
    const std::vector<Eigen::Index> order = dearest_first(loss.scale);
    const Matrix upper = upper_factor_of_inverse(loss.curvature(order, order));
    const Matrix weights = loss.scaled(group.problem.weights);
    Turned left = weights(Eigen::all, order).transpose();
    const Coder coder(centroids, group);
    for (Eigen::Index from = 0; from < left.rows(); from += block_width) {
        const Eigen::Index to = std::min(from + block_width, left.rows());
        Turned errors(to - from, left.cols());
        for (Eigen::Index c = from; c < to; ++c) {
            const Eigen::Index column = order[static_cast<std::size_t>(c)];
            for (Eigen::Index r = 0; r < left.cols(); ++r) {
                group.codes(r, column) = coder.code(left(c, r), r, column);
                // Negative: what is added to the columns behind.
                errors(c - from, r) = (coder.scaled(group.codes(r, column), r, column) - left(c, r)) / upper(c, c);
            }
            for (Eigen::Index next = c + 1; next < to; ++next) left.row(next) += upper(c, next) * errors.row(c - from);
        }
        const Eigen::Index behind = left.rows() - to;
        const Matrix shares = upper.block(from, to, to - from, behind).transpose();
        add_product(left.bottomRows(behind), shares, errors);
    }
}

/// Each weight takes the code that is best while all others stay, one after another.
void descend(Group& group, std::span<const double> centroids) {
    const LayerLoss& loss = group.problem.loss;
    const Coder coder(centroids, group);
    const Turned now = scaled_weights(group, centroids);
    Turned slope = -loss.target.transpose();
    add_product(slope, loss.curvature, now);
    for (Eigen::Index from = 0; from < now.rows(); from += block_width) {
        const Eigen::Index to = std::min(from + block_width, now.rows());
        Turned steps(to - from, now.cols());
        for (Eigen::Index c = from; c < to; ++c) {
            const float bend = loss.curvature(c, c);
            for (Eigen::Index r = 0; r < now.cols(); ++r) {
                group.codes(r, c) = coder.code(now(c, r) - slope(c, r) / bend, r, c);
                steps(c - from, r) = coder.scaled(group.codes(r, c), r, c) - now(c, r);
            }
            for (Eigen::Index next = c + 1; next < to; ++next) {
                slope.row(next) += loss.curvature(c, next) * steps.row(c - from);
            }
        }
        const Eigen::Index behind = now.rows() - to;
        add_product(slope.bottomRows(behind), loss.curvature.block(to, from, behind, to - from), steps);
    }
}

/// Each row's best scale while its codes stay: where the loss along it is flat.
void fit_scales(Group& group, std::span<const double> centroids) {
    const LayerLoss& loss = group.problem.loss;
    const Matrix now = scaled_weights(group, centroids).transpose();
    const Matrix turned = product(now, loss.curvature);
    for (Eigen::Index r = 0; r < now.rows(); ++r) {
        const float bend = turned.row(r).dot(now.row(r));
        const float factor = bend > 0.0F ? loss.target.row(r).dot(now.row(r)) / bend : 1.0F;
        if (factor > 0.0F && std::isfinite(factor)) group.row_scale[r] *= factor;
    }
}

/// The normal equations of the centroids while the codes stay.
struct Normal {
    Eigen::MatrixXd bend;
    Eigen::VectorXd wanted;
};

void add_rows(Normal& normal, const Group& group) {
    const LayerLoss& loss = group.problem.loss;
    // Many rows of many columns tell no more than some of them, and take long.
    constexpr double effort = 4e9;
    const double all = static_cast<double>(group.rows()) * std::pow(static_cast<double>(group.columns()), 2);
    const auto step = std::max<Eigen::Index>(static_cast<Eigen::Index>(all / effort), 1);
    Matrix joined(normal.bend.rows(), group.columns());
    for (Eigen::Index r = 0; r < group.rows(); r += step) {
        joined.setZero();
        for (Eigen::Index c = 0; c < group.columns(); ++c) {
            const std::int16_t code = group.codes(r, c);
            if (code != no_code) joined.row(code) += loss.scale[c] * loss.curvature.row(c);
        }
        const auto size = static_cast<double>(group.row_scale[r]);
        for (Eigen::Index c = 0; c < group.columns(); ++c) {
            const std::int16_t code = group.codes(r, c);
            if (code == no_code) continue;
            const auto scale = static_cast<double>(loss.scale[c]);
            normal.bend.col(code) += size * size * scale * joined.col(c).cast<double>();
            normal.wanted[code] += size * scale * static_cast<double>(loss.target(r, c));
        }
    }
}

/// The centroids' least-squares answer while the codes stay; then in order again, with the codes that follow.
void fit_centroids(std::span<Group> groups, std::vector<double>& centroids) {
    const auto count = static_cast<Eigen::Index>(centroids.size());
    Normal normal{Eigen::MatrixXd::Zero(count, count), Eigen::VectorXd::Zero(count)};
    for (const Group& group : groups) add_rows(normal, group);
    const double pull = std::max(normal.bend.diagonal().mean() * 1e-7, 1e-30);
    normal.bend.diagonal().array() += pull;
    normal.wanted += pull * Eigen::Map<const Eigen::VectorXd>(centroids.data(), count);
    const Eigen::VectorXd found = normal.bend.ldlt().solve(normal.wanted);
    if (!found.allFinite()) return;
    std::vector<std::size_t> order(centroids.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return found[static_cast<Eigen::Index>(a)] < found[static_cast<Eigen::Index>(b)];
    });
    std::vector<std::int16_t> place(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        place[order[i]] = static_cast<std::int16_t>(i);
        centroids[i] = found[static_cast<Eigen::Index>(order[i])];
    }
    for (Group& group : groups) {
        for (std::int16_t& code : group.codes.reshaped()) {
            if (code != no_code) code = place[static_cast<std::size_t>(code)];
        }
    }
}

CodedLayer coded(std::span<const Group> groups, const std::vector<double>& centroids) {
    CodedLayer layer{.centroids = centroids, .values = {}, .scales = {}};
    for (const Group& group : groups) {
        Matrix values = Matrix::Zero(group.rows(), group.columns());
        for (Eigen::Index r = 0; r < values.rows(); ++r) {
            for (Eigen::Index c = 0; c < values.cols(); ++c) {
                const std::int16_t code = group.codes(r, c);
                if (code != no_code) values(r, c) = static_cast<float>(centroids[static_cast<std::size_t>(code)]);
            }
        }
        layer.values.push_back(std::move(values));
        layer.scales.push_back(group.row_scale);
    }
    return layer;
}

}  // namespace

double loss_of(std::span<const CodeProblem> problems, const CodedLayer& layer) {
    double loss = 0.0;
    for (std::size_t g = 0; g < problems.size(); ++g) {
        loss += problems[g].loss.of(problems[g].loss.scaled(layer.weights(g)));
    }
    return loss;
}

CodedLayer fit_codes(std::span<const CodeProblem> problems, const CodeOptions& options) {
    std::vector<Group> groups;
    for (const CodeProblem& problem : problems) {
        const bool own = options.scales == ClusterScales::channel;
        groups.push_back({problem, own ? row_sizes(problem) : Vector(Vector::Ones(problem.weights.rows())),
                          Codes::Constant(problem.weights.rows(), problem.weights.cols(), no_code)});
    }
    std::vector<double> centroids = first_centroids(groups, options.count);
    BREAKEVEN_ASSERT(!centroids.empty());
    for (Group& group : groups) code_with_feedback(group, centroids);
    CodedLayer best = coded(groups, centroids);
    double best_loss = loss_of(problems, best);
    for (int round = 0; round < options.rounds; ++round) {
        fit_centroids(groups, centroids);
        for (Group& group : groups) {
            if (options.scales == ClusterScales::channel) fit_scales(group, centroids);
            descend(group, centroids);
        }
        CodedLayer now = coded(groups, centroids);
        const double loss = loss_of(problems, now);
        if (!(loss < best_loss)) break;
        const bool settled = best_loss - loss < 1e-3 * best_loss;
        best = std::move(now);
        best_loss = loss;
        if (settled) break;
    }
    return best;
}

}  // namespace breakeven
