// cluster: see cluster.h.
#include "breakeven/compress/cluster.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "breakeven/compress/kmeans.h"
#include "breakeven/error.h"

namespace breakeven {

namespace {

void check(const ClusterOptions& options, const Calibration* calibration) {
    constexpr std::size_t clusters_max = 256;  // codes of one byte
    if (options.clusters < 2 || options.clusters > clusters_max) {
        throw Error(ErrorKind::usage, "cluster the weights", "a layer takes 2 to 256 clusters");
    }
    if (options.weighting == ClusterWeighting::curvature && calibration == nullptr) {
        throw Error(ErrorKind::usage, "cluster the weights",
                    "weighting by curvature needs calibration samples; give a folder of inputs");
    }
}

/// Mean square of each column's input, for each group.
using InputPower = std::vector<Vector>;

/// One share for each weight, in the order of matrix_of.
Matrix importance_of(const LinearLayer& layer, const InputPower& power, std::int64_t group) {
    if (power.empty()) return Matrix::Ones(layer.outputs_per_group(), layer.inputs);
    return power[static_cast<std::size_t>(group)].transpose().replicate(layer.outputs_per_group(), 1);
}

std::vector<double> centroids_of(const std::vector<WeightedValue>& values, std::size_t count,
                                 const ClusterOptions& options) {
    return options.search == ClusterSearch::exact ? kmeans_exact(values, count)
                                                  : kmeans_linear(values, count, options.steps);
}

void cluster_layer(Network& network, const LinearLayer& layer, const InputPower& power, const ClusterOptions& options,
                   ClusteredLayer& report) {
    std::vector<WeightedValue> values;
    values.reserve(static_cast<std::size_t>(report.weights));
    for (std::int64_t g = 0; g < layer.groups; ++g) {
        const Matrix weights = matrix_of(network, layer, g);
        const Matrix importance = importance_of(layer, power, g);
        for (Eigen::Index i = 0; i < weights.size(); ++i) {
            const float weight = weights.data()[i];
            if (weight == 0.0F) {
                ++report.zeros;
            } else {
                values.push_back({static_cast<double>(weight), static_cast<double>(importance.data()[i])});
            }
        }
    }
    if (values.empty()) return;
    // Inputs that never vary would leave their weights without a say.
    double least = 0.0;
    for (const WeightedValue& value : values) least = std::max(least, value.weight * 1e-6);
    for (WeightedValue& value : values) value.weight = std::max(value.weight, std::max(least, 1e-30));
    const std::vector<double> centroids =
        centroids_of(gathered(std::move(values)), options.clusters - (report.zeros > 0 ? 1 : 0), options);
    double change = 0.0;
    double energy = 0.0;
    std::set<float> distinct;
    for (std::int64_t g = 0; g < layer.groups; ++g) {
        Matrix weights = matrix_of(network, layer, g);
        for (float& weight : weights.reshaped<Eigen::RowMajor>()) {
            const double before = static_cast<double>(weight);
            if (weight != 0.0F) weight = static_cast<float>(centroids[nearest(centroids, before)]);
            const double off = static_cast<double>(weight) - before;
            change += off * off;
            energy += before * before;
            distinct.insert(weight);
        }
        set_matrix(network, layer, g, weights);
    }
    report.clusters = distinct.size();
    report.error = energy > 0.0 ? change / energy : 0.0;
}

InputPower input_power(const LinearLayer& layer, const Model& model, const Calibration& calibration,
                       const GramOptions& options) {
    InputPower power;
    const auto moments = moments_of(std::span(&layer, 1), model, model, calibration, options);
    for (const SplitMoments& halves : moments.front()) {
        const Moments group = joined(halves);
        power.push_back(group.inputs.diagonal() + group.inputs_mean.cwiseAbs2());
    }
    return power;
}

}  // namespace

ClusterReport cluster(Network& network, const ClusterOptions& options, const Calibration* calibration) {
    check(options, calibration);
    const LinearLayers all = linear_layers(network);
    const bool looks = options.weighting == ClusterWeighting::curvature;
    const std::optional<Model> model = looks ? std::optional(network.finish()) : std::nullopt;
    ClusterReport report;
    report.left_alone = all.left_alone;
    for (const LinearLayer& layer : all.layers) {
        ClusteredLayer done;
        done.node = layer.node;
        done.op = layer.op;
        done.weights = layer.outputs * layer.inputs;
        if (layer.is_depthwise() && options.depthwise == DepthwiseKernels::leave) {
            done.note = "depthwise";
        } else {
            const bool seen = looks && layer.rows_known;
            const InputPower power = seen ? input_power(layer, *model, *calibration, options.gram) : InputPower();
            cluster_layer(network, layer, power, options, done);
        }
        report.layers.push_back(std::move(done));
        if (options.progress) options.progress(report.layers.back(), report.layers.size(), all.layers.size());
    }
    return report;
}

}  // namespace breakeven
