// Trained weights: see trained_weights.h.
#include "breakeven/zoo/trained_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "breakeven/error.h"
#include "breakeven/model/graph_index.h"
#include "breakeven/model/onnx_tensor.h"
#include "breakeven/model/onnx_text.h"
#include "breakeven/zoo/network_builder.h"

namespace breakeven {

namespace {

struct Weight {
    std::string op;
    std::string tensor;
    Shape shape;  ///< as this side uses it
    bool transposed = false;
};

/// The stored tensors of layers that learn, in the order of their nodes.
std::vector<Weight> weights_of(const Model& model) {
    const onnx::GraphProto& graph = model.proto().graph();
    const GraphIndex index = index_of(graph);
    std::vector<Weight> weights;
    for (const onnx::NodeProto& node : graph.node()) {
        const std::string op = op_of(node);
        const bool dense = op == "Gemm" || op == "MatMul";
        if (!dense && op != "Conv" && op != "BatchNormalization") continue;
        const auto* flag = op == "Gemm" ? attribute_of(node, "transB") : nullptr;
        for (int i = 1; i < node.input_size(); ++i) {
            const auto stored = index.stored.find(node.input(i));
            if (stored == index.stored.end()) continue;
            Weight weight{.op = op, .tensor = node.input(i), .shape = shape_of(*stored->second)};
            if (i == 1 && flag != nullptr && flag->i() != 0 && weight.shape.size() == 2) {
                std::swap(weight.shape[0], weight.shape[1]);
                weight.transposed = true;
            }
            weights.push_back(std::move(weight));
        }
    }
    return weights;
}

std::string described(const Weight& weight) {
    return fmt::format("{} of a {}, {}", printable(weight.tensor, 80), weight.op, to_text(weight.shape));
}

Error no_match(const Model& network, const Model& trained, const std::string& reason) {
    return Error(ErrorKind::input,
                 fmt::format("take weights for '{}' from '{}'", network.name(), printable(trained.name(), 120)),
                 reason);
}

/// The values of a float32 tensor.
std::vector<float> values_of(const onnx::TensorProto& tensor) {
    if (!tensor.has_raw_data()) return {tensor.float_data().begin(), tensor.float_data().end()};
    std::vector<float> values(tensor.raw_data().size() / sizeof(float));
    std::memcpy(values.data(), tensor.raw_data().data(), values.size() * sizeof(float));
    return values;
}

std::vector<float> transposed(const std::vector<float>& values, const Shape& shape) {
    const auto rows = static_cast<std::size_t>(shape[0]);
    const auto columns = static_cast<std::size_t>(shape[1]);
    std::vector<float> result(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) result[i] = values[i % columns * rows + i / columns];
    return result;
}

void check_match(const Model& network, const Model& trained, const std::vector<Weight>& ours,
                 const std::vector<Weight>& theirs) {
    for (std::size_t i = 0; i < std::max(ours.size(), theirs.size()); ++i) {
        if (i < ours.size() && i < theirs.size() && ours[i].shape == theirs[i].shape &&
            (ours[i].op == theirs[i].op || theirs[i].op == "MatMul")) {
            continue;
        }
        const std::string here = i < ours.size() ? described(ours[i]) : "nothing";
        const std::string there = i < theirs.size() ? described(theirs[i]) : "nothing";
        const auto norms = [](const std::vector<Weight>& weights) {
            return std::count_if(weights.begin(), weights.end(),
                                 [](const Weight& weight) { return weight.op == "BatchNormalization"; });
        };
        const bool folded = norms(theirs) < norms(ours);
        throw no_match(
            network, trained,
            fmt::format("tensor {} of {} does not match: {} here, {} there{}", i + 1, ours.size(), here, there,
                        folded ? "; its batch norms are folded into other layers, export it without that" : ""));
    }
}

}  // namespace

Model with_trained_weights(const Model& network, const Model& trained) {
    const std::vector<Weight> ours = weights_of(network);
    const std::vector<Weight> theirs = weights_of(trained);
    check_match(network, trained, ours, theirs);
    const GraphIndex index = index_of(trained.proto().graph());
    std::unordered_map<std::string, const Weight*> matches;
    for (std::size_t i = 0; i < ours.size(); ++i) matches[ours[i].tensor] = &theirs[i];

    onnx::ModelProto proto = network.proto();
    for (onnx::TensorProto& tensor : *proto.mutable_graph()->mutable_initializer()) {
        const auto match = matches.find(tensor.name());
        if (match == matches.end()) continue;
        const onnx::TensorProto& source = *index.stored.at(match->second->tensor);
        if (source.data_type() != onnx::TensorProto::FLOAT || is_external(source)) {
            throw no_match(network, trained,
                           fmt::format("{} is not float32 inside the file", described(*match->second)));
        }
        std::vector<float> values = values_of(source);
        if (match->second->transposed) values = transposed(values, match->second->shape);
        tensor.set_raw_data(values.data(), values.size() * sizeof(float));
    }
    for (auto& entry : *proto.mutable_metadata_props()) {
        if (entry.key() == weights_metadata_key) entry.set_value("trained");
        if (const auto theirs_too = trained.metadata(entry.key()); theirs_too) entry.set_value(*theirs_too);
    }
    return Model::parse(proto.SerializeAsString(), network.name());
}

}  // namespace breakeven
