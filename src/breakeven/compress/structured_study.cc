// structured_study: see structured_study.h.
#include "breakeven/compress/structured_study.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <numeric>

#include "breakeven/error.h"
#include "breakeven/model/graph_index.h"

namespace breakeven {

Study::Study(const Model& model)
    : network(model), map(network), layers(linear_layers(network)), base(network.finish()), groups(map.groups()) {
    for (std::size_t l = 0; l < layers.layers.size(); ++l) layer_of[layers.layers[l].output] = l;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        for (const int unit : groups[g].units) group_of[unit] = g;
    }
}

const LinearLayer* Study::layer(const ChannelUse& use) const {
    const auto found = layer_of.find(use.layer);
    return found == layer_of.end() ? nullptr : &layers.layers[found->second];
}

KeptOutputsOf Study::kept_outputs(const std::vector<bool>& removed) {
    KeptOutputsOf kept;
    for (const ChannelUse& use : map.uses()) {
        const LinearLayer* layer = this->layer(use);
        if (layer == nullptr || use.tensor != layer->weights || use.role == ChannelUse::Role::read) continue;
        KeptOutputs& outputs = kept[use.layer];
        outputs.before = static_cast<std::int64_t>(use.labels.size());
        for (std::size_t i = 0; i < use.labels.size(); ++i) {
            if (!removed[static_cast<std::size_t>(map.unit(use.labels[i]))]) {
                outputs.indices.push_back(static_cast<std::int64_t>(i));
            }
        }
    }
    return kept;
}

Sensitivity::Sensitivity(Study& study, const Calibration& calibration, std::size_t samples)
    : study_(study), calibration_(calibration) {
    if (calibration.samples.count > 1) {
        calibration_.samples.count = std::min(samples, calibration.samples.count / 2);
        calibration_.samples.at = [at = calibration.samples.at](std::size_t index) { return at(2 * index + 1); };
    }
    for (const auto& output : study.network.graph().output()) {
        const onnx::NodeProto* maker = study.network.producer(output.name());
        const bool is_softmax = maker != nullptr && is_standard(*maker) && maker->op_type() == "Softmax";
        outputs_.push_back(is_softmax ? maker->input(0) : output.name());
    }
    before_ = answers(study.base);
    // About each output's mean over the samples.
    for (std::size_t i = 0; !before_.empty() && i < before_.front().size(); ++i) {
        double sum = 0.0;
        double squares = 0.0;
        for (const auto& answer : before_) {
            const double value = static_cast<double>(answer[i]);
            sum += value;
            squares += value * value;
        }
        variance_ += squares - sum * sum / static_cast<double>(before_.size());
    }
}

std::vector<std::vector<float>> Sensitivity::answers(const Model& model) const {
    std::vector<std::vector<float>> answers;
    calibration_.execute(with_outputs(model, outputs_), calibration_.samples, [&](std::size_t, auto outputs) {
        std::vector<float>& answer = answers.emplace_back();
        for (const Tensor& output : outputs) {
            if (output.dtype() != DType::float32) continue;
            const auto values = output.as<float>();
            answer.insert(answer.end(), values.begin(), values.end());
        }
        if (answer.size() != answers.front().size()) {
            throw Error(ErrorKind::unsupported, "compare the network's answers",
                        "their number differs from sample to sample");
        }
    });
    return answers;
}

double ranking_damping(const Moments& moments) {
    const auto rows = static_cast<double>(std::max<std::int64_t>(moments.rows, 1));
    return 0.01 + 0.2 * static_cast<double>(moments.inputs.rows()) / rows;
}

namespace {

/// The reader without the columns of what is gone, its weights the least-squares answer to that.
void adapt_reader(Network& trial, LinearLayer layer, const ChannelUse& use, const std::vector<bool>& removed,
                  ChannelMap& map, const Matrix& before, const std::vector<std::int64_t>* rows_kept,
                  const Moments& moments, double damping) {
    const std::int64_t width = static_cast<std::int64_t>(before.cols()) / static_cast<std::int64_t>(use.labels.size());
    std::vector<Eigen::Index> left;
    for (std::size_t i = 0; i < use.labels.size(); ++i) {
        if (removed[static_cast<std::size_t>(map.unit(use.labels[i]))]) continue;
        for (std::int64_t k = 0; k < width; ++k) left.push_back(static_cast<Eigen::Index>(i) * width + k);
    }
    std::vector<std::int64_t> rows(static_cast<std::size_t>(before.rows()));
    std::iota(rows.begin(), rows.end(), 0);
    if (rows_kept != nullptr) rows = *rows_kept;
    const Matrix weights = before(rows, Eigen::all);
    Eigen::MatrixXf curvature = moments.inputs(left, left);
    const float floor = std::max(moments.inputs.diagonal().maxCoeff(), 1e-20F) * 1e-6F;
    curvature.diagonal() += static_cast<float>(damping) * curvature.diagonal().cwiseMax(floor);
    Eigen::MatrixXf cross = weights * moments.inputs(Eigen::all, left);
    cross += static_cast<float>(damping) *
             (Matrix(weights(Eigen::all, left)) * Vector(moments.inputs.diagonal()(left)).cwiseMax(floor).asDiagonal());
    const Matrix adapted = curvature.llt().solve(cross.transpose()).transpose();
    set_matrix(trial, layer, 0, adapted);
    if (!layer.can_take_bias) return;
    const Vector shift = weights * moments.inputs_mean - adapted * Vector(moments.inputs_mean(left));
    set_bias(trial, layer, bias_of(trial, layer) + shift);
}

}  // namespace

double Sensitivity::of(const ChannelGroup& group, std::span<const int> units,
                       std::span<const SplitMoments* const> moments) {
    std::vector<bool> removed(study_.map.labels(), false);
    for (const int unit : units) removed[static_cast<std::size_t>(unit)] = true;
    const KeptOutputsOf kept = study_.kept_outputs(removed);
    Network trial = study_.network;
    study_.map.remove(trial, removed);
    for (const LinearLayer& layer : linear_layers(trial).layers) {
        for (std::size_t r = 0; r < group.readers.size(); ++r) {
            const ChannelUse& use = study_.map.uses()[group.readers[r]];
            if (use.layer != layer.output) continue;
            const auto rows = kept.find(layer.output);
            adapt_reader(trial, layer, use, removed, study_.map, matrix_of(study_.network, *study_.layer(use), 0),
                         rows == kept.end() ? nullptr : &rows->second.indices, moments[r]->even,
                         ranking_damping(moments[r]->even));
        }
    }
    const auto after = answers(trial.finish());
    double error = 0.0;
    for (std::size_t s = 0; s < after.size(); ++s) {
        for (std::size_t i = 0; i < after[s].size(); ++i) {
            const double off = static_cast<double>(after[s][i]) - static_cast<double>(before_[s][i]);
            error += off * off;
        }
    }
    return error / std::max(variance_, 1e-30);
}

}  // namespace breakeven
