// cluster: see cluster.h.
#include "breakeven/compress/cluster.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
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
    const bool looks =
        options.weighting == ClusterWeighting::curvature || options.reconstruction != Reconstruction::none;
    if (looks && calibration == nullptr) {
        throw Error(ErrorKind::usage, "cluster the weights",
                    "weighting by curvature, and reconstruction, needs calibration samples; give a folder of inputs");
    }
    if (options.damping && !(*options.damping > 0.0)) {
        throw Error(ErrorKind::usage, "cluster the weights", "the damping must be positive");
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

InputPower input_power(const std::vector<SplitMoments>& moments) {
    InputPower power;
    for (const SplitMoments& halves : moments) {
        const Moments group = joined(halves);
        power.push_back(group.inputs.diagonal() + group.inputs_mean.cwiseAbs2());
    }
    return power;
}

/// A layer that a row's scale can stand behind: written once all layers are done, so that tensors keep their names.
struct ScaledLayer {
    LinearLayer* layer = nullptr;
    CodedLayer coded;
};

/// What is known of one layer while it is clustered.
struct Looked {
    std::vector<CodeProblem> problems;  ///< the weights fitted to what the layers before it give
    std::vector<LayerLoss> exact;       ///< undamped
    std::vector<Moments> moments;
};

Looked look(const Network& network, const LinearLayer& layer, const std::vector<SplitMoments>& moments,
            const ClusterOptions& options) {
    constexpr int steps = 60;
    Looked looked;
    for (std::int64_t g = 0; g < layer.groups; ++g) {
        const SplitMoments& halves = moments[static_cast<std::size_t>(g)];
        const Matrix before = matrix_of(network, layer, g);
        const Mask mask = (before.array() != 0.0F).cast<float>();
        const double damping = options.damping ? *options.damping : damping_by_halves(halves, before, mask);
        looked.moments.push_back(layer.can_take_bias ? joined(halves) : about_zero(joined(halves)));
        LayerLoss loss = layer_loss(looked.moments.back(), before, damping);
        const Matrix fitted = loss.weights(refit(loss, mask, loss.scaled(before), steps));
        looked.exact.push_back(layer_loss(looked.moments.back(), before, 0.0));
        looked.problems.push_back({std::move(loss), mask, fitted});
    }
    return looked;
}

double exact_loss(const Network& network, const LinearLayer& layer, const Looked& looked) {
    double loss = 0.0;
    for (std::size_t g = 0; g < looked.exact.size(); ++g) {
        const LayerLoss& exact = looked.exact[g];
        loss += exact.of(exact.scaled(matrix_of(network, layer, static_cast<std::int64_t>(g))));
    }
    return loss;
}

/// Sets the layer's mean output right.
void correct_bias(Network& network, LinearLayer& layer, const Looked& looked) {
    if (!layer.can_take_bias) return;
    Vector bias = bias_of(network, layer);
    const std::int64_t width = layer.outputs_per_group();
    for (std::int64_t g = 0; g < layer.groups; ++g) {
        const Moments& moments = looked.moments[static_cast<std::size_t>(g)];
        const Vector inside = layer.op == "MatMul" ? Vector::Zero(width) : Vector(bias.segment(g * width, width));
        bias.segment(g * width, width) +=
            moments.outputs_mean - matrix_of(network, layer, g) * moments.inputs_mean - inside;
    }
    set_bias(network, layer, bias);
}

/// Plain clustering first; the codes that the reconstruction finds replace it where they lose less.
void reconstruct_layer(Network& network, LinearLayer& layer, const Looked& looked, const InputPower& power,
                       const ClusterOptions& options, ClusteredLayer& report, std::vector<ScaledLayer>& scaled) {
    std::vector<Matrix> before;
    for (std::int64_t g = 0; g < layer.groups; ++g) before.push_back(matrix_of(network, layer, g));
    cluster_layer(network, layer, power, options, report);
    if (report.zeros == report.weights) return;
    const double plain_loss = exact_loss(network, layer, looked);
    const bool own_scales = options.scales == ClusterScales::channel && layer.op == "Conv";
    const CodedLayer coded = fit_codes(looked.problems, {.count = options.clusters - (report.zeros > 0 ? 1 : 0),
                                                         .scales = own_scales ? options.scales : ClusterScales::layer});
    std::vector<Matrix> plain;
    for (std::int64_t g = 0; g < layer.groups; ++g) {
        plain.push_back(matrix_of(network, layer, g));
        set_matrix(network, layer, g, coded.weights(static_cast<std::size_t>(g)));
    }
    if (exact_loss(network, layer, looked) >= plain_loss) {
        for (std::int64_t g = 0; g < layer.groups; ++g)
            set_matrix(network, layer, g, plain[static_cast<std::size_t>(g)]);
        return;
    }
    std::set<float> distinct;
    double change = 0.0;
    double energy = 0.0;
    for (std::size_t g = 0; g < before.size(); ++g) {
        const auto values = coded.values[g].reshaped();
        distinct.insert(values.begin(), values.end());
        change += (coded.weights(g) - before[g]).cast<double>().squaredNorm();
        energy += before[g].cast<double>().squaredNorm();
    }
    report.clusters = distinct.size();
    report.error = energy > 0.0 ? change / energy : 0.0;
    if (own_scales) scaled.push_back({&layer, coded});
}

/// Weights become the shared values, and what multiplies them a Mul behind the layer, under the layer's old name.
void write_scales(Network& network, const ScaledLayer& scaled) {
    LinearLayer& layer = *scaled.layer;
    Vector scale(layer.outputs);
    const std::int64_t width = layer.outputs_per_group();
    for (std::int64_t g = 0; g < layer.groups; ++g) {
        set_matrix(network, layer, g, scaled.coded.values[static_cast<std::size_t>(g)]);
        scale.segment(g * width, width) = scaled.coded.scales[static_cast<std::size_t>(g)];
    }
    if (!layer.bias.empty()) set_bias(network, layer, bias_of(network, layer).cwiseQuotient(scale));
    Shape shape(network.weights_shape(layer.weights).size(), 1);
    shape[1] = layer.outputs;
    onnx::NodeProto* node = network.producer(layer.output);
    BREAKEVEN_ASSERT(node != nullptr);
    const std::string unscaled = network.fresh(layer.output + "_unscaled");
    const std::string factors = network.add_weights(layer.weights + "_scale", shape,
                                                    std::span(scale.data(), static_cast<std::size_t>(scale.size())));
    node->set_output(0, unscaled);
    onnx::NodeProto& product = network.add_node("Mul", {unscaled, factors}, layer.output);
    product.set_output(0, layer.output);
    network.changed();
}

ClusteredLayer described(const LinearLayer& layer) {
    ClusteredLayer report;
    report.node = layer.node;
    report.op = layer.op;
    report.weights = layer.outputs * layer.inputs;
    return report;
}

/// Layer after layer, each on what those before it give now.
class Clustering {
   public:
    Clustering(Network& network, const ClusterOptions& options, const Calibration* calibration)
        : network_(network), options_(options), calibration_(calibration), all_(linear_layers(network)) {
        report_.left_alone = all_.left_alone;
        if (looks()) teacher_.emplace(network.finish());
    }

    ClusterReport run() {
        const std::size_t count = all_.layers.size();
        const std::size_t passes = std::clamp<std::size_t>(options_.passes_max, 1, std::max<std::size_t>(count, 1));
        for (std::size_t pass = 0; pass < passes; ++pass) {
            const auto from = static_cast<std::ptrdiff_t>(count * pass / passes);
            const auto to = static_cast<std::ptrdiff_t>(count * (pass + 1) / passes);
            some(std::span(all_.layers.begin() + from, all_.layers.begin() + to));
        }
        for (const ScaledLayer& layer : scaled_) write_scales(network_, layer);
        return std::move(report_);
    }

   private:
    bool changes_others() const { return options_.reconstruction != Reconstruction::none; }
    bool looks() const { return changes_others() || options_.weighting == ClusterWeighting::curvature; }
    bool is_seen(const LinearLayer& layer) const {
        return looks() && layer.rows_known && layer.inputs <= options_.inputs_max;
    }

    void some(std::span<LinearLayer> layers) {
        std::vector<LinearLayer> seen;
        std::ranges::copy_if(layers, std::back_inserter(seen), [&](const auto& layer) { return is_seen(layer); });
        std::vector<std::vector<SplitMoments>> moments;
        if (!seen.empty()) {
            const Model now = changes_others() ? network_.finish() : *teacher_;
            moments = moments_of(seen, *teacher_, now, *calibration_, options_.gram);
        }
        std::size_t next = 0;
        for (LinearLayer& layer : layers) {
            ClusteredLayer done = described(layer);
            one(layer, is_seen(layer) ? &moments[next++] : nullptr, done);
            report_.layers.push_back(std::move(done));
            if (options_.progress) options_.progress(report_.layers.back(), report_.layers.size(), all_.layers.size());
        }
    }

    void one(LinearLayer& layer, const std::vector<SplitMoments>* moments, ClusteredLayer& done) {
        const bool leave = layer.is_depthwise() && options_.depthwise == DepthwiseKernels::leave;
        const bool weighs = moments != nullptr && options_.weighting == ClusterWeighting::curvature;
        const InputPower power = weighs ? input_power(*moments) : InputPower();
        if (leave) done.note = "depthwise";
        if (moments == nullptr || !changes_others()) {
            if (!leave) cluster_layer(network_, layer, power, options_, done);
            return;
        }
        const Looked looked = look(network_, layer, *moments, options_);
        if (options_.reconstruction == Reconstruction::bias) {
            if (!leave) cluster_layer(network_, layer, power, options_, done);
        } else if (leave) {
            for (std::int64_t g = 0; g < layer.groups; ++g) {
                set_matrix(network_, layer, g, looked.problems[static_cast<std::size_t>(g)].weights);
            }
        } else {
            reconstruct_layer(network_, layer, looked, power, options_, done, scaled_);
        }
        correct_bias(network_, layer, looked);
    }

    Network& network_;
    const ClusterOptions& options_;
    const Calibration* calibration_;
    LinearLayers all_;
    std::optional<Model> teacher_;
    std::vector<ScaledLayer> scaled_;
    ClusterReport report_;
};

}  // namespace

ClusterReport cluster(Network& network, const ClusterOptions& options, const Calibration* calibration) {
    check(options, calibration);
    return Clustering(network, options, calibration).run();
}

}  // namespace breakeven
