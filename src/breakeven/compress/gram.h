// gram: second moments of what a layer sees and of what it should answer, streamed from calibration samples. Memory
// holds the moments and a few sampled rows a layer, never the samples.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "breakeven/compress/execution.h"
#include "breakeven/compress/gram_layers.h"

namespace breakeven {

/// Inputs of the network without labels, and the way to run it on them.
struct Calibration {
    Samples samples;
    Execute execute;
};

/// About the mean; a row is one position of one sample.
struct Moments {
    std::int64_t rows = 0;
    Matrix inputs;  ///< covariance of the columns
    Matrix cross;   ///< of the columns with the outputs: inputs x outputs
    Vector outputs_variance;
    Vector inputs_mean;
    Vector outputs_mean;
};

/// The same about zero: for a layer that has no bias to take up a difference of means.
Moments about_zero(Moments moments);

/// Of every other sample, and of the others: what is fitted to one half can be tried on the other.
struct SplitMoments {
    Moments even;
    Moments odd;  ///< no rows where there is only one sample
};
Moments joined(const SplitMoments& halves);

class Gram final {
   public:
    Gram(Eigen::Index inputs, Eigen::Index outputs);
    /// One row each, of as many columns as there are inputs and outputs.
    void add(const Matrix& inputs, const Matrix& outputs);
    /// All zero where no row was added.
    Moments moments();

   private:
    void flush();

    static constexpr Eigen::Index block_rows = 256;  ///< float sums this long lose no digit that matters
    Matrix inputs_, outputs_;
    Eigen::Index filled_ = 0;
    std::int64_t rows_ = 0;
    Eigen::RowVectorXd inputs_shift_, outputs_shift_;  ///< of the first block: sums about it do not cancel
    Eigen::MatrixXd xx_, xy_;
    Eigen::RowVectorXd x_, y_, yy_;
};

struct GramOptions {
    std::int64_t rows = 8192;  ///< a layer, from all samples; more: steadier, and the cost grows with it
    std::uint64_t seed = 1;    ///< which positions
};

/// Outputs that are left of a layer from which channels were removed.
struct KeptOutputs {
    std::int64_t before = 0;
    std::vector<std::int64_t> indices;  ///< ascending
};
/// By the layer's output tensor; a layer that is not there kept all.
using KeptOutputsOf = std::unordered_map<std::string, KeptOutputs>;

/// For each layer the moments of each of its groups: inputs as `current` computes them, outputs as `original` does, on
/// the same samples at the same positions. Both have the layers' tensors under the same names; `layers` are those of
/// `current`. Throws Error{usage} without samples, {input} where a sample makes a layer see what is not finite.
std::vector<std::vector<SplitMoments>> moments_of(std::span<const LinearLayer> layers, const Model& original,
                                                  const Model& current, const Calibration& calibration,
                                                  const GramOptions& options, const KeptOutputsOf& kept = {});

}  // namespace breakeven
