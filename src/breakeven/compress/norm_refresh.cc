// norm_refresh: see norm_refresh.h.
#include "breakeven/compress/norm_refresh.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "breakeven/error.h"
#include "breakeven/model/graph_index.h"

namespace breakeven {

namespace {

struct Norm {
    std::string input;
    std::string mean;
    std::string variance;
};

/// Of each channel, over samples and positions.
struct ChannelStatistics {
    double rows = 0.0;
    std::vector<double> sum;
    std::vector<double> squares;

    void add(const Tensor& tensor) {
        const Shape& shape = tensor.shape();
        if (tensor.dtype() != DType::float32 || shape.size() < 2 || shape[0] != 1 || tensor.elements() == 0) {
            throw Error(
                ErrorKind::input, "look at a batch norm",
                fmt::format("a calibration sample gave it a tensor of {} {}", name(tensor.dtype()), to_text(shape)));
        }
        const auto channels = static_cast<std::size_t>(shape[1]);
        const auto values = tensor.as<float>();
        const std::size_t area = values.size() / channels;
        sum.resize(channels, 0.0);
        squares.resize(channels, 0.0);
        for (std::size_t c = 0; c < channels; ++c) {
            for (std::size_t i = 0; i < area; ++i) {
                const double value = static_cast<double>(values[c * area + i]);
                sum[c] += value;
                squares[c] += value * value;
            }
        }
        rows += static_cast<double>(area);
    }
    double mean(std::size_t c) const { return sum[c] / rows; }
    double variance(std::size_t c) const { return std::max(squares[c] / rows - mean(c) * mean(c), 0.0); }
};

std::vector<ChannelStatistics> statistics(const Model& model, std::span<const Norm> norms,
                                          const Calibration& calibration) {
    std::vector<std::string> names;
    std::vector<std::size_t> place;
    for (const Norm& norm : norms) {
        const auto known = std::find(names.begin(), names.end(), norm.input);
        place.push_back(static_cast<std::size_t>(known - names.begin()));
        if (known == names.end()) names.push_back(norm.input);
    }
    std::vector<ChannelStatistics> seen(names.size());
    calibration.execute(with_outputs(model, names), calibration.samples,
                        [&](std::size_t, std::span<const Tensor> outputs) {
                            BREAKEVEN_ASSERT(outputs.size() == seen.size());
                            for (std::size_t i = 0; i < outputs.size(); ++i) seen[i].add(outputs[i]);
                        });
    std::vector<ChannelStatistics> result;
    for (const std::size_t at : place) result.push_back(seen[at]);
    return result;
}

/// Whether the norm fitted the statistics, and took them.
bool refresh(Network& network, const Norm& norm, const ChannelStatistics& before, const ChannelStatistics& now) {
    const auto old_mean = network.weights(norm.mean);
    const auto old_variance = network.weights(norm.variance);
    if (before.sum.size() != now.sum.size() || old_mean.size() != now.sum.size() ||
        old_variance.size() != now.sum.size()) {
        return false;
    }
    std::vector<float> mean(old_mean.begin(), old_mean.end());
    std::vector<float> variance(old_variance.begin(), old_variance.end());
    for (std::size_t c = 0; c < mean.size(); ++c) {
        const double was = before.variance(c);
        // A channel that hardly varies would get a scale made of rounding.
        const bool varies = was > 0.0 && now.variance(c) > was * 1e-3;
        const double scale = varies ? now.variance(c) / was : 1.0;
        // What the stored mean was off the samples' grows with the channel.
        const double off = (static_cast<double>(mean[c]) - before.mean(c)) * std::sqrt(scale);
        mean[c] = static_cast<float>(now.mean(c) + off);
        variance[c] *= static_cast<float>(scale);
    }
    network.set_weights(norm.mean, network.weights_shape(norm.mean), mean);
    network.set_weights(norm.variance, network.weights_shape(norm.variance), variance);
    return true;
}

}  // namespace

NormRefreshReport refresh_norms(Network& network, const Model& before, const Calibration& calibration,
                                const NormRefreshOptions& options) {
    if (calibration.samples.count == 0) {
        throw Error(ErrorKind::usage, "refresh batch norms",
                    "there are no calibration samples; give a folder of inputs (labels are not needed)");
    }
    NormRefreshReport report;
    std::vector<Norm> norms;
    for (int i = 0; i < network.graph().node_size(); ++i) {
        onnx::NodeProto& node = *network.graph().mutable_node(i);
        if (!is_standard(node) || node.op_type() != "BatchNormalization" || node.input_size() != 5) continue;
        const auto& inputs = before.inputs();
        const bool of_input =
            std::any_of(inputs.begin(), inputs.end(), [&](const auto& s) { return s.name == node.input(0); });
        if (of_input || !network.has_weights(node.input(3)) || !network.has_weights(node.input(4))) {
            report.left_alone.push_back(node.name());
            continue;
        }
        network.own_weights(node, 3);
        network.own_weights(node, 4);
        norms.push_back({node.input(0), node.input(3), node.input(4)});
    }
    const std::size_t passes = std::min(std::max<std::size_t>(options.passes_max, 1), norms.size());
    for (std::size_t pass = 0; pass < passes; ++pass) {
        const std::size_t from = norms.size() * pass / passes;
        const std::size_t to = norms.size() * (pass + 1) / passes;
        const std::span<const Norm> group = std::span(norms).subspan(from, to - from);
        const auto then = statistics(before, group, calibration);
        const auto now = statistics(network.finish(), group, calibration);
        for (std::size_t i = 0; i < group.size(); ++i) {
            if (refresh(network, group[i], then[i], now[i])) {
                ++report.refreshed;
            } else {
                report.left_alone.push_back(group[i].input);
            }
        }
    }
    return report;
}

}  // namespace breakeven
