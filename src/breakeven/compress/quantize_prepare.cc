// quantize_prepare: see quantize_prepare.h.
#include "breakeven/compress/quantize_prepare.h"

#include <fmt/format.h>
#include <onnx/version_converter/convert.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <unordered_map>

#include "breakeven/compress/quantize_layer.h"
#include "breakeven/compress/quantize_plan.h"
#include "breakeven/error.h"
#include "breakeven/model/graph_index.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {

namespace {

using onnx::NodeProto;

/// Since opset 13 a scale may stand for each channel.
constexpr std::int64_t opset_needed = 13;

std::string attempt_on(const Model& model) {
    return fmt::format("quantize '{}'", printable(model.name(), 120));
}

bool is_integer_op(const NodeProto& node) {
    const std::string& op = node.op_type();
    return op == "QuantizeLinear" || op == "DequantizeLinear" || op == "DynamicQuantizeLinear" || op == "ConvInteger" ||
           op == "MatMulInteger" || op.starts_with("QLinear") || op == "QGemm";
}

void check_float(const Model& model) {
    for (const NodeProto& node : model.proto().graph().node()) {
        if (!is_integer_op(node)) continue;
        throw Error(ErrorKind::input, attempt_on(model),
                    fmt::format("it is quantized already (node '{}' is a {}); start from the float model",
                                printable(node.name(), 120), printable(node.op_type(), 60)));
    }
}

void check_finite(const Model& model, const Network& network) {
    for (const NodeProto& node : network.graph().node()) {
        if (!weight_layout(network, node)) continue;
        for (const int i : {1, 2}) {
            if (node.input_size() <= i || node.input(i).empty()) continue;
            const auto values = network.weights(node.input(i));
            if (std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) continue;
            throw Error(ErrorKind::input, attempt_on(model),
                        fmt::format("weights '{}' hold values that are no finite numbers; export the model again",
                                    printable(node.input(i), 120)));
        }
    }
}

Model raised(const Model& model) {
    if (model.facts().opset >= opset_needed) return model;
    // A network's own reading of it has no stored tensors among its inputs, which the converter would keep.
    const Model plain = Network(model).finish();
    std::string reason;
    try {
        const onnx::ModelProto proto = onnx::version_conversion::ConvertVersion(plain.proto(), opset_needed);
        return Model::parse(proto.SerializeAsString(), model.name());
    } catch (const std::exception& error) {
        reason = error.what();
    }
    throw Error(ErrorKind::unsupported, attempt_on(model),
                fmt::format("its opset {} has no scale for each channel and cannot be raised to {}: {}",
                            model.facts().opset, opset_needed, printable(reason)));
}

/// Every node gets the name that Model::layers() gives it.
void give_names(const Model& model, Network& network) {
    const GraphIndex index = index_of(model.proto().graph());
    std::unordered_map<std::string, std::string> names;  // by first output
    for (int i = 0; i < model.proto().graph().node_size(); ++i) {
        const NodeProto& node = model.proto().graph().node(i);
        if (node.output_size() > 0) names[node.output(0)] = index.names[static_cast<std::size_t>(i)];
    }
    for (NodeProto& node : *network.graph().mutable_node()) {
        const auto known = node.output_size() > 0 ? names.find(node.output(0)) : names.end();
        if (known != names.end()) node.set_name(known->second);
        if (node.name().empty()) node.set_name(network.fresh(node.op_type()));
    }
}

void check_sample(const Model& model, const Sample& sample, std::size_t number) {
    const auto fail = [&](const std::string& reason) {
        throw Error(ErrorKind::input, attempt_on(model), fmt::format("calibration sample {}: {}", number, reason));
    };
    const auto& inputs = model.inputs();
    if (sample.size() != inputs.size()) {
        fail(fmt::format("{} tensors, the model takes {}", sample.size(), inputs.size()));
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (sample[i].dtype() == inputs[i].dtype && admits(inputs[i].shape, sample[i].shape())) continue;
        fail(fmt::format("{} {} where input '{}' takes {} {}", name(sample[i].dtype()), to_text(sample[i].shape()),
                         printable(inputs[i].name, 120), name(inputs[i].dtype), to_text(inputs[i].shape)));
    }
}

}  // namespace

Network open_for_quantization(const Model& model) {
    check_float(model);
    Network network(raised(model));
    give_names(model, network);
    check_finite(model, network);
    if (quantizable_layers(network).empty()) {
        throw Error(ErrorKind::unsupported, attempt_on(model),
                    "it has no Conv, Gemm or MatMul with stored float32 weights to quantize");
    }
    return network;
}

Samples checked_samples(const Model& model, const Samples& samples, std::size_t count_max) {
    const std::size_t count = std::min(samples.count, count_max);
    if (count == 0 || !samples.at) {
        throw Error(ErrorKind::input, attempt_on(model),
                    "there are no calibration samples; give some typical inputs (labels are not needed)");
    }
    struct Kept {
        std::vector<Sample> samples;
        Bytes size;
    };
    constexpr Bytes kept_max{std::int64_t{16} << 20};
    const auto kept = std::make_shared<Kept>();  // shared by copies of the function
    return {count, [model, at = samples.at, kept](std::size_t index) {
                if (index < kept->samples.size()) return kept->samples[index];
                Sample sample = at(index);
                check_sample(model, sample, index);
                Bytes size;
                for (const Tensor& tensor : sample) size += tensor.size();
                if (index == kept->samples.size() && kept->size + size <= kept_max) {
                    kept->samples.push_back(sample);
                    kept->size += size;
                }
                return sample;
            }};
}

}  // namespace breakeven
