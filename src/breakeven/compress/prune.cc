// prune: see prune.h.
#include "breakeven/compress/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "breakeven/error.h"

namespace breakeven {

namespace {

void check(const PruneOptions& options, const LinearLayers& all) {
    const auto is_share = [](double value) { return value >= 0.0 && value < 1.0; };
    const auto refuse = [](const std::string& reason) { throw Error(ErrorKind::usage, "prune", reason); };
    if (!is_share(options.sparsity)) refuse("the sparsity must be at least 0 and less than 1");
    for (const auto& [node, sparsity] : options.sparsity_of) {
        if (!is_share(sparsity)) refuse(fmt::format("the sparsity of '{}' must be at least 0 and less than 1", node));
        if (std::none_of(all.layers.begin(), all.layers.end(), [&](const auto& l) { return l.node == node; })) {
            refuse(fmt::format("there is no layer '{}' with stored weights", node));
        }
    }
    if (options.damping && !(*options.damping > 0.0)) refuse("the damping must be positive");
}

double sparsity_of(const LinearLayer& layer, const PruneOptions& options) {
    const auto own = options.sparsity_of.find(layer.node);
    if (own != options.sparsity_of.end()) return own->second;
    if (layer.is_depthwise() && options.depthwise == DepthwiseKernels::leave) return 0.0;
    return options.sparsity;
}

/// One group of one layer, while it is pruned.
struct GroupResult {
    Matrix weights;
    Vector outputs_mean_error;  ///< what the bias must add
    double energy = 0.0;
    double error_mask_alone = 0.0;
    double error = 0.0;
};

Matrix rebuilt(const LayerLoss& loss, const Matrix& before, const Mask& smallest, std::int64_t removed,
               const PruneOptions& options) {
    const int steps = options.second_order.last_steps;
    const Matrix under_smallest = refit(loss, smallest, loss.scaled(before), steps);
    if (options.choice == PruneChoice::magnitude || removed == 0) return under_smallest;
    const Matrix chosen = second_order(loss, loss.scaled(before), removed, options.second_order).scaled;
    return loss.of(chosen) <= loss.of(under_smallest) ? chosen : under_smallest;
}

GroupResult prune_group(const Matrix& before, std::int64_t removed, const SplitMoments& halves, bool has_bias,
                        const PruneOptions& options) {
    const Moments moments = has_bias ? joined(halves) : about_zero(joined(halves));
    const Mask smallest = magnitude_mask(before, removed);
    const Matrix alone = before.cwiseProduct(smallest);
    const LayerLoss exact = layer_loss(moments, before, 0.0);
    GroupResult result;
    result.weights = alone;
    if (options.reconstruction == Reconstruction::least_squares) {
        const double damping = options.damping ? *options.damping : damping_by_halves(halves, before, smallest);
        const LayerLoss loss = layer_loss(moments, before, damping);
        const Matrix better = loss.weights(rebuilt(loss, before, smallest, removed, options));
        if (exact.of(exact.scaled(better)) <= exact.of(exact.scaled(alone))) result.weights = better;
    }
    const auto mean_error = [&](const Matrix& weights) -> Vector {
        return moments.outputs_mean - weights * moments.inputs_mean;
    };
    result.outputs_mean_error = mean_error(result.weights);
    result.energy = exact.constant;
    result.error = std::max(exact.of(exact.scaled(result.weights)), 0.0);
    result.error_mask_alone = std::max(exact.of(exact.scaled(alone)), 0.0);
    return result;
}

/// What a layer's outputs have besides its matrix's product: the bias, where it stands inside the node.
Vector inside_bias(const Network& network, const LinearLayer& layer) {
    return layer.op == "MatMul" ? Vector::Zero(layer.outputs) : bias_of(network, layer);
}

void prune_with_moments(Network& network, LinearLayer& layer, const std::vector<SplitMoments>& moments,
                        const PruneOptions& options, PrunedLayer& report) {
    const bool has_bias = layer.can_take_bias;
    const double sparsity = sparsity_of(layer, options);
    const Vector bias_inside = inside_bias(network, layer);
    Vector correction = Vector::Zero(layer.outputs);
    double energy = 0.0;
    double error = 0.0;
    double error_alone = 0.0;
    for (std::int64_t g = 0; g < layer.groups; ++g) {
        const Matrix before = matrix_of(network, layer, g);
        const auto removed = std::llround(sparsity * static_cast<double>(before.size()));
        const SplitMoments& halves = moments[static_cast<std::size_t>(g)];
        const GroupResult result = prune_group(before, removed, halves, has_bias, options);
        set_matrix(network, layer, g, result.weights);
        const std::int64_t width = layer.outputs_per_group();
        correction.segment(g * width, width) = result.outputs_mean_error - bias_inside.segment(g * width, width);
        energy += result.energy;
        error += result.error;
        // The mask alone leaves the bias as it was, so its error has the shift of the mean too.
        const Matrix alone = before.cwiseProduct(magnitude_mask(before, removed));
        const Moments seen = joined(halves);
        const Vector shift = seen.outputs_mean - alone * seen.inputs_mean - bias_inside.segment(g * width, width);
        error_alone += result.error_mask_alone + (has_bias ? shift.cast<double>().squaredNorm() : 0.0);
    }
    if (has_bias && options.reconstruction != Reconstruction::none) {
        set_bias(network, layer, bias_of(network, layer) + correction);
    } else if (has_bias) {
        error += correction.cast<double>().squaredNorm();
    }
    const double whole = std::max(energy, 1e-30);
    report.error = error / whole;
    report.error_mask_alone = error_alone / whole;
}

void prune_by_magnitude(Network& network, const LinearLayer& layer, const PruneOptions& options) {
    const double sparsity = sparsity_of(layer, options);
    if (sparsity == 0.0) return;
    for (std::int64_t g = 0; g < layer.groups; ++g) {
        const Matrix before = matrix_of(network, layer, g);
        const auto removed = std::llround(sparsity * static_cast<double>(before.size()));
        set_matrix(network, layer, g, before.cwiseProduct(magnitude_mask(before, removed)));
    }
}

PrunedLayer described(const LinearLayer& layer) {
    PrunedLayer report;
    report.node = layer.node;
    report.op = layer.op;
    report.weights = layer.outputs * layer.inputs;
    return report;
}

void count_zeros(const Network& network, const LinearLayer& layer, PrunedLayer& report) {
    const auto values = network.weights(layer.weights);
    report.zeros = std::count(values.begin(), values.end(), 0.0F);
}

}  // namespace

PruneReport prune(Network& network, const PruneOptions& options, const Calibration* calibration,
                  const Teacher* teacher) {
    LinearLayers all = linear_layers(network);
    check(options, all);
    PruneReport report;
    report.left_alone = all.left_alone;
    const auto finished = [&](const LinearLayer& layer, PrunedLayer done) {
        count_zeros(network, layer, done);
        report.layers.push_back(std::move(done));
        if (options.progress) options.progress(report.layers.back(), report.layers.size(), all.layers.size());
    };
    const bool looks = calibration != nullptr &&
                       (options.reconstruction != Reconstruction::none || options.choice == PruneChoice::second_order);
    std::optional<Teacher> own;
    if (looks && teacher == nullptr) teacher = &own.emplace(Teacher{network.finish(), {}});
    const std::size_t passes =
        std::clamp<std::size_t>(options.passes_max, 1, std::max<std::size_t>(all.layers.size(), 1));
    for (std::size_t pass = 0, from = 0; pass < passes; ++pass) {
        const std::size_t to = all.layers.size() * (pass + 1) / passes;
        std::vector<LinearLayer> seen;
        const auto is_seen = [&](const LinearLayer& l) { return l.rows_known && l.inputs <= options.inputs_max; };
        if (looks)
            std::copy_if(all.layers.begin() + static_cast<std::ptrdiff_t>(from),
                         all.layers.begin() + static_cast<std::ptrdiff_t>(to), std::back_inserter(seen), is_seen);
        const auto moments = seen.empty() ? std::vector<std::vector<SplitMoments>>()
                                          : moments_of(seen, teacher->model, network.finish(), *calibration,
                                                       options.gram, teacher->kept);
        std::size_t next = 0;
        for (; from < to; ++from) {
            LinearLayer& layer = all.layers[from];
            PrunedLayer done = described(layer);
            if (looks && is_seen(layer)) {
                prune_with_moments(network, layer, moments[next++], options, done);
            } else {
                prune_by_magnitude(network, layer, options);
                if (looks)
                    done.note = layer.rows_known ? "too many inputs to reconstruct" : "kernel of three dimensions";
            }
            finished(layer, std::move(done));
        }
    }
    return report;
}

}  // namespace breakeven
