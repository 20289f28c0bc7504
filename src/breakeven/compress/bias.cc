// bias: see bias.h.
#include "breakeven/compress/bias.h"

#include <algorithm>
#include <unordered_map>

#include "breakeven/compress/quantize_layer.h"
#include "breakeven/compress/quantize_write.h"
#include "breakeven/error.h"
#include "breakeven/model/onnx_tensor.h"

namespace breakeven {

namespace {

using onnx::NodeProto;
using Means = std::map<std::string, std::vector<double>>;

/// A layer whose bias can be shifted, and where its channels lie in its output.
struct Corrected {
    std::string name;
    std::string output;  ///< before any activation
    std::size_t channels = 0;
    bool is_matrix = false;
};

std::vector<Corrected> layers_of(const Model& model, const QuantizePlan& plan) {
    Network network(model);
    std::unordered_map<std::string, const NodeProto*> by_name;
    for (const NodeProto& node : network.graph().node()) by_name[node.name()] = &node;
    std::vector<Corrected> layers;
    for (const QuantizedNode& node : plan.nodes) {
        if (!node.has_weights) continue;
        const NodeProto& of = *by_name.at(node.node);
        if (is_op(of, "MatMul")) continue;
        const auto outputs = static_cast<std::size_t>(weight_layout(network, of)->outputs);
        layers.push_back({node.node, of.output(0), outputs, is_op(of, "Gemm")});
    }
    return layers;
}

/// Makes the mean over all but the channels of each layer's output the network's only outputs.
void put_out_means(Network& network, const std::vector<Corrected>& layers) {
    network.graph().clear_output();
    for (const Corrected& layer : layers) {
        // [batch, channels, places]: places are none for a matrix.
        const std::vector<std::int64_t> dimensions{0, static_cast<std::int64_t>(layer.channels), -1};
        const std::string shape = network.add_stored("mean_shape", DType::int64, {3},
                                                     std::as_bytes(std::span<const std::int64_t>(dimensions)));
        NodeProto& flat = network.add_node("Reshape", {layer.output, shape}, "mean_flat");
        NodeProto& pooled = network.add_node("GlobalAveragePool", {flat.output(0)}, "mean");
        auto& output = *network.graph().add_output();
        output.set_name(pooled.output(0));
        output.mutable_type()->mutable_tensor_type()->set_elem_type(onnx_type_of(DType::float32));
    }
}

Means means(const Model& probe, const std::vector<Corrected>& layers, const Samples& samples, const Execute& execute) {
    Means sums;
    execute(probe, samples, [&](std::size_t, std::span<const Tensor> outputs) {
        BREAKEVEN_ASSERT(outputs.size() == layers.size());
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            const auto values = outputs[i].as<float>();
            std::vector<double>& sum = sums[layers[i].name];
            sum.resize(layers[i].channels, 0.0);
            // A batch in a sample adds whole rows of channels.
            const double share = static_cast<double>(sum.size()) / static_cast<double>(values.size()) /
                                 static_cast<double>(samples.count);
            for (std::size_t j = 0; j < values.size(); ++j) sum[j % sum.size()] += share * double{values[j]};
        }
    });
    return sums;
}

Means float_means(const Model& model, const std::vector<Corrected>& layers, const Samples& samples,
                  const Execute& execute) {
    Network network(model);
    put_out_means(network, layers);
    return means(network.finish(), layers, samples, execute);
}

/// Of each layer with rounded weights and input, everything before it as in the float network.
Means local_means(const Model& model, const QuantizePlan& plan, const std::map<std::string, Range>& ranges,
                  const std::vector<Corrected>& layers, const Samples& samples, const Execute& execute,
                  const QuantizeOptions& options) {
    // Each layer once more, beside itself, as the only thing in 8 bits.
    Network network(model);
    QuantizePlan beside;
    std::vector<Corrected> copies;
    std::unordered_map<std::string, const NodeProto*> by_name;
    for (const NodeProto& node : network.graph().node()) by_name[node.name()] = &node;
    for (const QuantizedNode& node : plan.nodes) {
        const auto layer =
            std::find_if(layers.begin(), layers.end(), [&](const Corrected& l) { return l.name == node.node; });
        if (layer == layers.end()) continue;
        NodeProto copy = *by_name.at(node.node);
        copy.set_name(network.fresh(node.node + "_rounded"));
        copy.set_output(0, network.fresh(layer->output + "_rounded"));
        const std::string& input = node.inputs.front();
        beside.nodes.push_back({.node = copy.name(),
                                .inputs = {input},
                                .activation = {},
                                .output = copy.output(0),
                                .rounds_output = false,
                                .has_weights = true});
        beside.tensors[input] = plan.tensors.at(input);
        copies.push_back({layer->name, copy.output(0), layer->channels, layer->is_matrix});
        *network.graph().add_node() = std::move(copy);
    }
    network.changed();
    write_quantized(network, beside, ranges, {}, options);
    put_out_means(network, copies);
    return means(network.finish(), copies, samples, execute);
}

/// Of the layers in the rounded network.
Means rounded_means(const Model& model, QuantizePlan plan, const std::map<std::string, Range>& ranges,
                    const BiasShifts& shifts, const std::vector<Corrected>& layers, const Samples& samples,
                    const Execute& execute, const QuantizeOptions& options) {
    Network network(model);
    // Activations stay, so that what a layer puts out before them can be seen.
    std::vector<QuantizedNode> activations;
    for (QuantizedNode& node : plan.nodes) {
        if (node.activation.empty()) continue;
        activations.push_back({.node = node.activation,
                               .inputs = {},
                               .activation = {},
                               .output = node.output,
                               .rounds_output = node.rounds_output,
                               .has_weights = false});
        node.rounds_output = false;
        node.activation.clear();
    }
    plan.nodes.insert(plan.nodes.end(), activations.begin(), activations.end());
    write_quantized(network, plan, ranges, shifts, options);
    std::vector<Corrected> seen = layers;
    std::unordered_map<std::string, const NodeProto*> by_name;
    for (const NodeProto& node : network.graph().node()) by_name[node.name()] = &node;
    for (Corrected& layer : seen) layer.output = by_name.at(layer.name)->output(0);
    put_out_means(network, seen);
    return means(network.finish(), seen, samples, execute);
}

void add_difference(BiasShifts& shifts, const std::string& layer, const Means& wanted, const Means& found) {
    const std::vector<double>& to = wanted.at(layer);
    const std::vector<double>& from = found.at(layer);
    std::vector<float>& shift = shifts[layer];
    shift.resize(to.size(), 0.0F);
    for (std::size_t i = 0; i < shift.size(); ++i) shift[i] += static_cast<float>(to[i] - from[i]);
}

}  // namespace

BiasShifts bias_shifts(const Model& model, const QuantizePlan& plan, const std::map<std::string, Range>& ranges,
                       const Samples& samples, const Execute& execute, const QuantizeOptions& options) {
    BiasShifts shifts;
    if (options.bias_correction == BiasCorrection::off) return shifts;
    const std::vector<Corrected> layers = layers_of(model, plan);
    if (layers.empty()) return shifts;
    const Means wanted = float_means(model, layers, samples, execute);
    const Means local = local_means(model, plan, ranges, layers, samples, execute, options);
    for (const Corrected& layer : layers) add_difference(shifts, layer.name, wanted, local);
    if (options.bias_correction == BiasCorrection::local) return shifts;
    constexpr std::size_t portions = 3;
    for (std::size_t portion = 0; portion < portions; ++portion) {
        const Means found = rounded_means(model, plan, ranges, shifts, layers, samples, execute, options);
        const std::size_t begin = layers.size() * portion / portions;
        const std::size_t end = layers.size() * (portion + 1) / portions;
        for (std::size_t i = begin; i < end; ++i) add_difference(shifts, layers[i].name, wanted, found);
    }
    return shifts;
}

}  // namespace breakeven
