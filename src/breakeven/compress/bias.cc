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
        layers.push_back({node.node, of.output(0), outputs});
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

/// What to add so that `from` becomes `to`, channel by channel.
void add_difference(std::vector<float>& shift, const std::vector<double>& to, const std::vector<double>& from) {
    shift.resize(to.size(), 0.0F);
    for (std::size_t i = 0; i < shift.size(); ++i) shift[i] += static_cast<float>(to[i] - from[i]);
}

/// A layer's name as the key of what its copy in 8 bits puts out; no node's name begins so.
std::string copy_of(const std::string& layer) {
    return "\n" + layer;
}

/// Means of each layer's output, in the float network and (as copy_of) with its weights and its input rounded.
Means local_means(const Model& model, const QuantizePlan& plan, const std::map<std::string, Range>& ranges,
                  const std::vector<Corrected>& layers, const Samples& samples, const Execute& execute,
                  const QuantizeOptions& options) {
    // Each layer once more, beside itself, as the only thing in 8 bits.
    Network network(model);
    QuantizePlan beside;
    std::vector<Corrected> all = layers;
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
        all.push_back({copy_of(layer->name), copy.output(0), layer->channels});
        *network.graph().add_node() = std::move(copy);
    }
    network.changed();
    write_quantized(network, beside, ranges, {}, options);
    put_out_means(network, all);
    return means(network.finish(), all, samples, execute);
}

/// Of one layer in the rounded network.
std::vector<double> rounded_means(const Model& model, QuantizePlan plan, const std::map<std::string, Range>& ranges,
                                  const BiasShifts& shifts, Corrected layer, const Samples& samples,
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
    for (const NodeProto& node : network.graph().node()) {
        if (node.name() == layer.name) layer.output = node.output(0);
    }
    put_out_means(network, {layer});
    return means(network.finish(), {layer}, samples, execute).at(layer.name);
}

}  // namespace

BiasShifts bias_shifts(const Model& model, const QuantizePlan& plan, const std::map<std::string, Range>& ranges,
                       const Samples& samples, const Execute& execute, const QuantizeOptions& options) {
    BiasShifts shifts;
    if (options.bias_correction == BiasCorrection::off) return shifts;
    const std::vector<Corrected> layers = layers_of(model, plan);
    if (layers.empty()) return shifts;
    const Means found = local_means(model, plan, ranges, layers, samples, execute, options);
    for (const Corrected& layer : layers) {
        add_difference(shifts[layer.name], found.at(layer.name), found.at(copy_of(layer.name)));
    }
    if (options.bias_correction == BiasCorrection::local) return shifts;
    for (const Corrected& layer : layers) {
        add_difference(shifts[layer.name], found.at(layer.name),
                       rounded_means(model, plan, ranges, shifts, layer, samples, execute, options));
    }
    return shifts;
}

}  // namespace breakeven
