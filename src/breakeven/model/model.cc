// Model: see model.h. From bytes to facts: scan, parse, check, infer, count.
#include "breakeven/model/model.h"

#include <fmt/format.h>

#include <limits>
#include <unordered_map>

#include "breakeven/error.h"
#include "breakeven/model/check.h"
#include "breakeven/model/cuts.h"
#include "breakeven/model/infer.h"
#include "breakeven/model/macs.h"
#include "breakeven/model/onnx_tensor.h"
#include "breakeven/model/onnx_text.h"
#include "breakeven/model/sha256.h"
#include "breakeven/model/tflite.h"
#include "breakeven/model/weights.h"
#include "breakeven/model/wire_scan.h"
#include "breakeven/units/text.h"

namespace breakeven {

struct Model::State {
    std::string name;
    ModelFormat format = ModelFormat::onnx;
    std::vector<TensorSpec> tensors;  ///< of a TFLite file, which has no types
    onnx::ModelProto proto;
    onnx::ModelProto types_from;  ///< the skeleton with what was inferred: TypeTable's names point into it
    std::optional<TypeTable> types;
    GraphIndex index;  ///< of proto's graph
    ModelFacts facts;
    std::vector<Layer> layers;
    std::vector<ExternalWeights> external;
};

namespace {

void parse_bytes(std::string_view bytes, const std::string& name, const ParseLimits& limits, onnx::ModelProto& proto) {
    if (bytes.empty()) throw bad_model(name, "the file is empty");
    if (bytes.starts_with("version https://git-lfs")) {
        throw bad_model(name, "it is a Git LFS pointer, not the model itself; run `git lfs pull`");
    }
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
        throw bad_model(name,
                        "it is larger than the 2 GiB that ONNX's file format holds; store its weights externally");
    }
    const Bytes memory = memory_to_parse(bytes);
    if (memory > limits.memory) {
        throw bad_model(name, fmt::format("its graph would take {} of memory, {} are allowed", to_text(memory),
                                          to_text(limits.memory)));
    }
    if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        throw bad_model(name, "it is not an ONNX file, was cut short, or is nested too deeply");
    }
    if (!proto.unknown_fields().empty()) {
        throw bad_model(name, fmt::format("{} bytes of it are nothing that ONNX knows; is it an ONNX file, whole and "
                                          "without anything after its end?",
                                          proto.unknown_fields().size()));
    }
}

TensorSpec spec_of(const onnx::ValueInfoProto& info, std::string_view model) {
    const auto fail = [&](const char* what) {
        return Error(ErrorKind::unsupported, fmt::format("load model '{}'", printable(model, 120)),
                     fmt::format("'{}' is {}", printable(info.name(), 80), what));
    };
    if (!info.type().has_tensor_type()) throw fail("a sequence, map or optional; only tensors go in and out");
    const auto dtype = dtype_of_onnx(info.type().tensor_type().elem_type());
    if (!dtype) throw fail("of an element type that cannot go in or out");
    TensorSpec spec{info.name(), *dtype, {}};
    for (const auto& dimension : info.type().tensor_type().shape().dim()) {
        spec.shape.push_back(dimension.has_dim_value() && dimension.dim_value() > 0 ? dimension.dim_value() : -1);
    }
    return spec;
}

/// The outputs as declared; what is left open there and inference knows is filled in, but for the batch.
std::vector<TensorSpec> output_specs(const onnx::GraphProto& graph, const onnx::GraphProto& inferred,
                                     const TypeTable& types, bool open_batch, std::string_view model) {
    std::vector<TensorSpec> specs;
    for (int i = 0; i < graph.output_size(); ++i) {
        onnx::ValueInfoProto info = graph.output(i);
        const bool declared = info.type().tensor_type().has_shape();
        if (!info.type().has_tensor_type() || info.type().tensor_type().elem_type() == 0) {
            *info.mutable_type() = inferred.output(i).type();
        }
        TensorSpec spec = spec_of(info, model);
        const TensorType* type = types.find(spec.name);
        if (type != nullptr && type->shape) {
            if (!declared) spec.shape.assign(type->shape->size(), -1);
            for (std::size_t d = 0; d < spec.shape.size() && d < type->shape->size(); ++d) {
                if (spec.shape[d] == -1 && (d > 0 || !open_batch)) spec.shape[d] = (*type->shape)[d];
            }
        }
        specs.push_back(std::move(spec));
    }
    return specs;
}

std::optional<Bytes> output_size(const onnx::NodeProto& node, const TypeTable& types) {
    Bytes total;
    for (const std::string& output : node.output()) {
        if (output.empty()) continue;
        const TensorType* type = types.find(output);
        const auto size = type != nullptr && type->shape ? stored_size(type->data_type, *type->shape) : std::nullopt;
        std::int64_t sum = 0;
        if (!size || __builtin_add_overflow(total.count(), size->count(), &sum)) return std::nullopt;
        total = Bytes(sum);
    }
    return total;
}

std::vector<Layer> layers_of(const onnx::GraphProto& graph, const onnx::GraphProto& inferred, const GraphIndex& index,
                             const TypeTable& types) {
    // Subgraphs have their types only in the inferred graph, whose nodes are fewer: found by what they make.
    std::unordered_map<std::string_view, const onnx::NodeProto*> makers;
    for (const auto& node : inferred.node()) {
        if (node.output_size() > 0) makers[node.output(0)] = &node;
    }
    const std::vector<Weights> weights = weights_by_node(graph, index);
    std::vector<Layer> layers;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (index.constant[i]) continue;
        const onnx::NodeProto& node = graph.node(static_cast<int>(i));
        const auto maker = node.output_size() > 0 ? makers.find(node.output(0)) : makers.end();
        layers.push_back({.name = index.names[i],
                          .op = op_of(node),
                          .parameters = weights[i].parameters,
                          .weight_size = weights[i].size,
                          .macs = macs_of(maker == makers.end() ? node : *maker->second, types),
                          .output_size = output_size(node, types)});
    }
    return layers;
}

void sum_up(const std::vector<Layer>& layers, ModelFacts& facts) {
    facts.macs = 0;
    for (const Layer& layer : layers) {
        facts.parameters += layer.parameters;
        facts.weight_size += layer.weight_size;
        std::int64_t sum = 0;
        const bool known = facts.macs && layer.macs && !__builtin_add_overflow(*facts.macs, *layer.macs, &sum);
        facts.macs = known ? std::optional(sum) : std::nullopt;
    }
}

}  // namespace

Model Model::parse(std::string_view bytes, std::string name, const ParseLimits& limits) {
    const auto state = std::make_shared<State>();
    state->name = std::move(name);
    if (is_tflite(bytes)) {
        TfliteNetwork network = parse_tflite(bytes, state->name);
        state->format = ModelFormat::tflite;
        state->facts = std::move(network.facts);
        state->layers = std::move(network.layers);
        state->tensors = std::move(network.tensors);
        return Model(state);
    }
    parse_bytes(bytes, state->name, limits, state->proto);
    check_and_inline(state->proto, state->name);
    const onnx::GraphProto& graph = state->proto.graph();
    state->types_from = inferred(skeleton_of(state->proto), state->name);
    state->types.emplace(state->types_from.graph());
    state->index = index_of(graph);

    ModelFacts& facts = state->facts;
    facts.sha256 = sha256(bytes);
    facts.ir_version = state->proto.ir_version();
    for (const auto& opset : state->proto.opset_import()) {
        if (opset.domain().empty() || opset.domain() == "ai.onnx") facts.opset = opset.version();
    }
    facts.nodes = static_cast<std::size_t>(graph.node_size());
    bool open_batch = false;
    for (const auto* input : state->index.inputs) {
        facts.inputs.push_back(spec_of(*input, state->name));
        const Shape& shape = facts.inputs.back().shape;
        open_batch = open_batch || (!shape.empty() && shape.front() == -1);
    }
    facts.outputs = output_specs(graph, state->types_from.graph(), *state->types, open_batch, state->name);
    state->layers = layers_of(graph, state->types_from.graph(), state->index, *state->types);
    sum_up(state->layers, facts);
    for (const auto& tensor : graph.initializer()) {
        if (is_external(tensor)) state->external.push_back(external_weights_of(tensor));
    }
    return Model(state);
}

const std::string& Model::name() const {
    return state_->name;
}
const ModelFacts& Model::facts() const {
    return state_->facts;
}
const std::vector<Layer>& Model::layers() const {
    return state_->layers;
}
const std::vector<ExternalWeights>& Model::external_weights() const {
    return state_->external;
}
ModelFormat Model::format() const {
    return state_->format;
}
const onnx::ModelProto& Model::proto() const {
    if (state_->format != ModelFormat::onnx) {
        throw Error(ErrorKind::unsupported, fmt::format("look into the graph of '{}'", printable(state_->name, 120)),
                    "it is a TFLite file, which is run as it is; to cut, compress or edit it, make it ONNX first "
                    "(tf2onnx does)");
    }
    return state_->proto;
}
std::string Model::serialized() const {
    return proto().SerializeAsString();
}

std::vector<Cut> Model::cuts() const {
    if (state_->format != ModelFormat::onnx) return {};
    std::unordered_set<std::string_view> not_tensors;
    const auto& typed = state_->types_from.graph();
    for (const auto* infos : {&typed.value_info(), &typed.input(), &typed.output()}) {
        for (const auto& info : *infos) {
            const auto kind = info.type().value_case();
            if (kind != onnx::TypeProto::kTensorType && kind != onnx::TypeProto::VALUE_NOT_SET) {
                not_tensors.insert(info.name());
            }
        }
    }
    return prefix_cuts(state_->proto.graph(), state_->index, *state_->types, not_tensors);
}

std::optional<TensorSpec> Model::tensor(const std::string& tensor_name) const {
    for (const TensorSpec& spec : state_->tensors) {
        if (spec.name == tensor_name) return spec;
    }
    if (!state_->types) return std::nullopt;
    const TensorType* type = state_->types->find(tensor_name);
    const auto dtype = type != nullptr ? dtype_of_onnx(type->data_type) : std::nullopt;
    if (!dtype || !type->shape) return std::nullopt;
    return TensorSpec{tensor_name, *dtype, *type->shape};
}

std::optional<std::string> Model::metadata(const std::string& key) const {
    for (const auto& entry : state_->proto.metadata_props()) {
        if (entry.key() == key) return entry.value();
    }
    return std::nullopt;
}

ModelImage image_of(const Model& model) {
    BREAKEVEN_ASSERT(model.external_weights().empty());
    std::string bytes = model.serialized();
    std::string identity = sha256(bytes);
    return {.name = model.name(), .bytes = std::move(bytes), .path = {}, .sha256 = std::move(identity)};
}

TensorSpec with_batch(TensorSpec specification, std::int64_t batch) {
    if (!specification.shape.empty() && specification.shape.front() == -1) specification.shape.front() = batch;
    return specification;
}

std::optional<Bytes> size_of(const TensorSpec& specification) {
    const auto elements = element_count(specification.shape);
    const auto size = static_cast<std::int64_t>(element_size(specification.dtype));
    if (!elements || size == 0 || *elements > std::numeric_limits<std::int64_t>::max() / size) return std::nullopt;
    return Bytes(*elements * size);
}

}  // namespace breakeven
