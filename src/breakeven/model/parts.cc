// parts: see parts.h. Two sweeps from back to front, as the graph is sorted: first from the cut (the head),
// then from the outputs (the tail); what the tail needs of the head must have been named.
#include "breakeven/model/parts.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "breakeven/error.h"
#include "breakeven/model/graph_index.h"
#include "breakeven/model/onnx_tensor.h"
#include "breakeven/model/onnx_text.h"
#include "breakeven/model/parts_names.h"
#include "breakeven/model/parts_types.h"
#include "breakeven/tensor/preprocess.h"

namespace breakeven {

namespace {

using onnx::GraphProto;
using onnx::ModelProto;
using Names = std::vector<std::string_view>;
using NameSet = std::unordered_set<std::string_view>;

/// Room for what is not weights in a file of 2 GiB.
constexpr std::int64_t embedded_size_max = std::numeric_limits<std::int32_t>::max() - (std::int64_t{16} << 20);

enum class PartKind { head, tail };

/// Which nodes one part has, and what it takes and gives.
struct Side {
    PartKind kind;
    std::vector<bool> nodes;
    NameSet needed;  ///< all that its nodes need, constants among them
    Names outputs;
};

class Cutter {
   public:
    Cutter(const Model& model, std::span<const std::string> tensors)
        : model_(model), graph_(model.proto().graph()), index_(index_of(graph_)) {
        for (const auto* input : index_.inputs) inputs_.insert(input->name());
        for (int i = 0; i < graph_.node_size(); ++i) {
            for (const std::string& output : graph_.node(i).output()) {
                if (!output.empty()) makers_[output] = static_cast<std::size_t>(i);
            }
        }
        for (const std::string& name : tensors) {
            if (cut_.insert(name).second) cut_names_.push_back(name);
        }
        check_names();
    }

    Parts parts() {
        find_head();
        find_tail();
        const Names crossing = find_crossing();
        const std::vector<onnx::ValueInfoProto> declared = declarations_of(model_, crossing);
        std::unordered_map<std::string_view, const onnx::ValueInfoProto*> types;
        for (const auto& info : declared) types[info.name()] = &info;
        for (const auto& output : graph_.output()) types[output.name()] = &output;

        Names given;
        for (const std::string_view name : crossing) {
            if (!inputs_.contains(name)) given.push_back(name);
        }
        const NameSet crosses(given.begin(), given.end());
        for (const std::string_view name : head_.outputs) {
            if (!crosses.contains(name)) given.push_back(name);
        }
        ModelProto head = part(head_);
        for (const auto* input : index_.inputs) {
            const bool handed_on = std::find(given.begin(), given.end(), input->name()) != given.end();
            if (head_.needed.contains(input->name()) || handed_on) *head.mutable_graph()->add_input() = *input;
        }
        for (const std::string_view name : given) *head.mutable_graph()->add_output() = *types.at(name);

        ModelProto tail = part(tail_);
        for (const auto& info : declared) *tail.mutable_graph()->add_input() = info;
        for (const std::string_view name : tail_.outputs) *tail.mutable_graph()->add_output() = *types.at(name);

        Model tail_model = Model::parse(tail.SerializeAsString(), model_.name() + "-tail");
        std::vector<TensorSpec> specs = tail_model.inputs();
        return {.head = Model::parse(head.SerializeAsString(), model_.name() + "-head"),
                .tail = std::move(tail_model),
                .crossing = std::move(specs)};
    }

   private:
    Error refusal(const std::string& reason) const {
        return Error(ErrorKind::input,
                     fmt::format("split '{}' at {}", printable(model_.name(), 120), listed(cut_names_)), reason);
    }

    void check_names() const {
        if (cut_.empty()) {
            throw Error(ErrorKind::input, fmt::format("split '{}'", printable(model_.name(), 120)),
                        "no tensor is named to cut at");
        }
        for (const std::string_view name : cut_names_) {
            if (index_.constant_tensors.contains(name)) {
                throw refusal(fmt::format("'{}' is a constant, which both parts have anyway", printable(name, 80)));
            }
            if (!inputs_.contains(name) && !makers_.contains(name)) {
                throw refusal(
                    fmt::format("it has no tensor '{}'{}", printable(name, 80), near_names(graph_, index_, name)));
            }
        }
    }

    /// The nodes that `wanted` depends on, those of `without` aside; `needed` grows to all that they need.
    std::vector<bool> ancestors(NameSet& needed, const std::vector<bool>& without) const {
        std::vector<bool> found(index_.needs.size(), false);
        for (std::size_t i = found.size(); i-- > 0;) {
            if (index_.constant[i] || without[i]) continue;
            const auto& outputs = graph_.node(static_cast<int>(i)).output();
            found[i] = std::any_of(outputs.begin(), outputs.end(),
                                   [&](const std::string& output) { return needed.contains(output); });
            if (found[i]) needed.insert(index_.needs[i].begin(), index_.needs[i].end());
        }
        return found;
    }

    void find_head() {
        head_.needed.insert(cut_names_.begin(), cut_names_.end());
        head_.nodes = ancestors(head_.needed, std::vector<bool>(index_.needs.size(), false));
        for (const std::string_view name : cut_names_) {  // named, but maybe needed by the other side only
            if (inputs_.contains(name)) head_.needed.erase(name);
        }
        for (std::size_t i = 0; i < head_.nodes.size(); ++i) {
            if (head_.nodes[i]) head_.needed.insert(index_.needs[i].begin(), index_.needs[i].end());
        }
        if (std::find(head_.nodes.begin(), head_.nodes.end(), true) == head_.nodes.end()) {
            throw refusal("nothing would be left before it: that is the whole network's input");
        }
    }

    void find_tail() {
        for (const auto& output : graph_.output()) {
            const auto maker = makers_.find(output.name());
            const bool by_head = maker != makers_.end() ? head_.nodes[maker->second] : inputs_.contains(output.name());
            (by_head ? head_ : tail_).outputs.push_back(output.name());
        }
        tail_.needed.insert(tail_.outputs.begin(), tail_.outputs.end());
        tail_.nodes = ancestors(tail_.needed, head_.nodes);
        if (std::find(tail_.nodes.begin(), tail_.nodes.end(), true) == tail_.nodes.end()) {
            throw refusal("nothing would be left after it: all outputs are made by then");
        }
    }

    /// Inputs first, then in the order they are made.
    Names find_crossing() const {
        Names crossing;
        Names missing;
        const auto consider = [&](std::string_view name) {
            if (tail_.needed.contains(name)) (cut_.contains(name) ? crossing : missing).push_back(name);
        };
        for (const auto* input : index_.inputs) consider(input->name());
        for (std::size_t i = 0; i < head_.nodes.size(); ++i) {
            if (!head_.nodes[i]) continue;
            for (const std::string& output : graph_.node(static_cast<int>(i)).output()) {
                if (!output.empty()) consider(output);
            }
        }
        if (!missing.empty()) {
            throw refusal(fmt::format("this does not separate the network: what follows also needs {}; cut there too",
                                      listed(missing)));
        }
        if (crossing.empty()) throw refusal("nothing would cross: what follows does not depend on it");
        return crossing;
    }

    /// The constant nodes that a side needs: they are on both sides where both need them.
    void add_constants(Side& side) const {
        for (std::size_t i = side.nodes.size(); i-- > 0;) {
            if (!index_.constant[i]) continue;
            const auto& outputs = graph_.node(static_cast<int>(i)).output();
            side.nodes[i] = std::any_of(outputs.begin(), outputs.end(),
                                        [&](const std::string& output) { return side.needed.contains(output); });
            if (side.nodes[i]) side.needed.insert(index_.needs[i].begin(), index_.needs[i].end());
        }
    }

    /// A part without inputs (but those with a default among the weights) and outputs.
    ModelProto part(Side& side) const {
        add_constants(side);
        ModelProto proto = envelope(side.kind);
        GraphProto& graph = *proto.mutable_graph();
        const char* suffix = side.kind == PartKind::head ? "-head" : "-tail";
        graph.set_name((graph_.name().empty() ? "graph" : graph_.name()) + suffix);
        NameSet made;
        for (std::size_t i = 0; i < side.nodes.size(); ++i) {
            if (!side.nodes[i]) continue;
            const auto& node = graph_.node(static_cast<int>(i));
            *graph.add_node() = node;
            made.insert(node.output().begin(), node.output().end());
        }
        for (const auto& tensor : graph_.initializer()) {
            if (side.needed.contains(tensor.name())) *graph.add_initializer() = tensor;
        }
        for (const auto& tensor : graph_.sparse_initializer()) {
            if (side.needed.contains(tensor.values().name())) *graph.add_sparse_initializer() = tensor;
        }
        for (const auto& input : graph_.input()) {
            if (side.needed.contains(input.name()) && index_.constant_tensors.contains(input.name())) {
                *graph.add_input() = input;
            }
        }
        const NameSet outputs(side.outputs.begin(), side.outputs.end());
        for (const auto& info : graph_.value_info()) {
            if (made.contains(info.name()) && !outputs.contains(info.name()) && !cut_.contains(info.name())) {
                *graph.add_value_info() = info;
            }
        }
        for (const auto& annotation : graph_.quantization_annotation()) {
            if (made.contains(annotation.tensor_name()) || side.needed.contains(annotation.tensor_name())) {
                *graph.add_quantization_annotation() = annotation;
            }
        }
        return proto;
    }

    /// All of the model but its graph.
    ModelProto envelope(PartKind kind) const {
        const ModelProto& whole = model_.proto();
        ModelProto proto;
        proto.set_ir_version(whole.ir_version());
        *proto.mutable_opset_import() = whole.opset_import();
        *proto.mutable_functions() = whole.functions();
        proto.set_producer_name(whole.producer_name());
        proto.set_producer_version(whole.producer_version());
        proto.set_domain(whole.domain());
        proto.set_model_version(whole.model_version());
        proto.set_doc_string(whole.doc_string());
        for (const auto& entry : whole.metadata_props()) {
            if (kind == PartKind::head || entry.key() != preprocess_metadata_key) *proto.add_metadata_props() = entry;
        }
        return proto;
    }

    const Model& model_;
    const GraphProto& graph_;
    const GraphIndex index_;
    NameSet inputs_;
    std::unordered_map<std::string_view, std::size_t> makers_;
    NameSet cut_;
    Names cut_names_;
    Side head_{.kind = PartKind::head, .nodes = {}, .needed = {}, .outputs = {}};
    Side tail_{.kind = PartKind::tail, .nodes = {}, .needed = {}, .outputs = {}};
};

}  // namespace

Parts split_at(const Model& model, std::span<const std::string> tensors) {
    return Cutter(model, tensors).parts();
}

std::vector<LayerFlow> flow_of(const Model& model) {
    const GraphProto& graph = model.proto().graph();
    const GraphIndex index = index_of(graph);
    std::vector<LayerFlow> layers;
    for (std::size_t i = 0; i < index.needs.size(); ++i) {
        if (index.constant[i]) continue;
        LayerFlow& layer = layers.emplace_back();
        for (const std::string_view name : index.needs[i]) {
            if (!index.constant_tensors.contains(name)) layer.needs.emplace_back(name);
        }
        for (const std::string& output : graph.node(static_cast<int>(i)).output()) {
            if (!output.empty()) layer.makes.push_back(output);
        }
    }
    return layers;
}

std::optional<Model> with_weights_inside(const Model& model, const WeightsReader& read) {
    std::int64_t total = 0;
    std::unordered_map<std::string_view, const ExternalWeights*> external;
    for (const ExternalWeights& weights : model.external_weights()) {
        if (!weights.size_needed) {
            throw bad_model(model.name(),
                            fmt::format("the size of weight '{}' is not known", printable(weights.tensor, 80)));
        }
        if (__builtin_add_overflow(total, weights.size_needed->count(), &total)) return std::nullopt;
        external[weights.tensor] = &weights;
    }
    if (total > embedded_size_max - static_cast<std::int64_t>(model.proto().ByteSizeLong())) return std::nullopt;
    ModelProto proto = model.proto();
    for (auto& tensor : *proto.mutable_graph()->mutable_initializer()) {
        const auto found = external.find(tensor.name());
        if (found == external.end()) continue;
        tensor.set_raw_data(read(*found->second));
        tensor.clear_external_data();
        tensor.clear_data_location();
    }
    return Model::parse(proto.SerializeAsString(), model.name());
}

}  // namespace breakeven
