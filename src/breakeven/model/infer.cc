// infer: see infer.h. The guards sit in a schema registry of our own, whose operators infer through a wrapper.
#include "breakeven/model/infer.h"

#include <fmt/format.h>
#include <onnx/defs/schema.h>
#include <onnx/shape_inference/implementation.h>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_set>

#include "breakeven/model/graph_index.h"
#include "breakeven/model/onnx_tensor.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {

namespace {

using onnx::GraphProto;
using onnx::ModelProto;
using onnx::TypeProto;

/// No network has a tensor of more dimensions; a hostile one names a million to fill the memory.
constexpr int rank_max = 64;
/// Elements of a tensor that ONNX keeps track of when it holds a shape. It makes one message for each.
constexpr std::int64_t shape_elements_max = 128;
/// ONNX's library visits a subgraph once today. Were it more often, nested loops would take that to the power of depth.
constexpr std::int64_t calls_max_for_each_node = 64;

/// Not a std::exception: ONNX catches those and goes on.
struct TooMuchWork {};

class Budget {
   public:
    explicit Budget(std::int64_t calls) : left_(calls) {}
    void spend() {
        if (--left_ < 0) throw TooMuchWork{};
    }

   private:
    std::int64_t left_;
};

std::optional<std::int64_t> listed_elements(const TypeProto* type) {
    if (type == nullptr || !type->has_tensor_type() || !type->tensor_type().has_shape()) return std::nullopt;
    const auto& shape = type->tensor_type().shape();
    if (shape.dim_size() != 1 || !shape.dim(0).has_dim_value()) return std::nullopt;
    return shape.dim(0).dim_value();
}

/// Letters with at most one ellipsis among them, as one operand of an Einsum equation.
bool is_einsum_term(std::string_view term) {
    const std::size_t ellipsis = term.find("...");
    std::size_t letters = 0;
    for (const char c : term) letters += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? 1 : 0;
    return letters + (ellipsis == std::string_view::npos ? 0 : 3) == term.size();
}

/// ONNX's inference never ends for an equation with any other character in it (onnx 1.23, defs/math/utils.cc).
bool is_einsum_equation(std::string equation) {
    std::erase(equation, ' ');
    const std::size_t arrow = equation.find("->");
    if (arrow != std::string::npos) {
        if (!is_einsum_term(std::string_view(equation).substr(arrow + 2))) return false;
        equation.resize(arrow);
    }
    for (std::size_t from = 0; from <= equation.size();) {
        const std::size_t to = std::min(equation.find(',', from), equation.size());
        if (!is_einsum_term(std::string_view(equation).substr(from, to - from))) return false;
        from = to + 1;
    }
    return true;
}

void check_einsum(const onnx::InferenceContext& context) {
    const auto* equation = context.getAttribute("equation");
    if (equation != nullptr && !is_einsum_equation(equation->s()))
        fail_shape_inference("an Einsum without a sound equation");
}

void infer_guarded(const onnx::InferenceFunction& infer, Budget& budget, onnx::InferenceContext& context) {
    budget.spend();
    for (std::size_t i = 0; i < context.getNumInputs(); ++i) {
        const TypeProto* type = context.getInputType(i);
        if (type != nullptr && type->has_tensor_type() && type->tensor_type().shape().dim_size() > rank_max) {
            fail_shape_inference("more than ", rank_max, " dimensions");
        }
    }
    infer(context);
    for (std::size_t i = 0; i < context.getNumOutputs(); ++i) {
        TypeProto* type = context.getOutputType(i);
        if (type->has_tensor_type() && type->tensor_type().shape().dim_size() > rank_max) {
            type->mutable_tensor_type()->clear_shape();
        }
    }
}

void propagate_guarded(const onnx::DataPropagationFunction& propagate, Budget& budget,
                       onnx::DataPropagationContext& context) {
    budget.spend();
    std::int64_t elements = 0;
    for (std::size_t i = 0; i < context.getNumInputs(); ++i) {
        const std::int64_t declared = listed_elements(context.getInputType(i)).value_or(0);
        if (declared < 0 || declared > shape_elements_max) return;  // reading it would make a message for each
        const auto* values = context.getInputData(i);
        elements += values != nullptr ? values->dim_size() : 0;
    }
    if (elements <= shape_elements_max) propagate(context);
}

class GuardedRegistry final : public onnx::ISchemaRegistry {
   public:
    explicit GuardedRegistry(std::int64_t calls) : budget_(calls) {}

    const onnx::OpSchema* GetSchema(const std::string& key, int version, const std::string& domain) const override {
        const onnx::OpSchema* schema = onnx::OpSchemaRegistry::Instance()->GetSchema(key, version, domain);
        if (schema == nullptr) return nullptr;
        auto& guarded = guarded_[schema];
        if (guarded == nullptr) guarded = guard(*schema);
        return guarded.get();
    }

   private:
    std::unique_ptr<onnx::OpSchema> guard(const onnx::OpSchema& schema) const {
        auto copy = std::make_unique<onnx::OpSchema>(schema);
        if (schema.has_type_and_shape_inference_function()) {
            copy->TypeAndShapeInferenceFunction([infer = schema.GetTypeAndShapeInferenceFunction(),
                                                 einsum = schema.Name() == "Einsum",
                                                 this](onnx::InferenceContext& context) {
                if (einsum) check_einsum(context);
                infer_guarded(infer, budget_, context);
            });
        }
        if (schema.has_data_propagation_function()) {
            copy->PartialDataPropagationFunction(
                [propagate = schema.GetDataPropagationFunction(), this](onnx::DataPropagationContext& context) {
                    propagate_guarded(propagate, budget_, context);
                });
        }
        return copy;
    }

    mutable std::unordered_map<const onnx::OpSchema*, std::unique_ptr<onnx::OpSchema>> guarded_;
    mutable Budget budget_;
};

/// Whether values that hold shapes are followed through Shape, Gather, Concat and the like.
enum class ShapeValues { followed, ignored };

/// Nothing when it worked, else what ONNX said.
std::optional<std::string> try_to_infer(ModelProto& proto, std::string_view model,
                                        ShapeValues shape_values = ShapeValues::followed) {
    std::int64_t nodes = 0;
    for_each_node(proto.graph(), [&](const onnx::NodeProto&) { ++nodes; });
    const GuardedRegistry registry(calls_max_for_each_node * (nodes + 1000));
    onnx::shape_inference::DataValueMap values;
    try {
        const onnx::ShapeInferenceOptions options(/*check_type_val=*/true, /*strict_mode_val=*/1,
                                                  /*data_prop_val=*/shape_values == ShapeValues::followed);
        onnx::shape_inference::InferShapes(proto, &registry, options, &values);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        return error.what();
    } catch (const TooMuchWork&) {
        throw bad_model(model, "inferring its shapes takes too long");
    }
    return std::nullopt;
}

void close(onnx::TensorShapeProto& shape, const std::unordered_set<std::string>& symbols) {
    for (auto& dimension : *shape.mutable_dim()) {
        if (dimension.has_dim_param() && symbols.contains(dimension.dim_param())) dimension.set_dim_value(1);
    }
}

/// Closes the first dimension of every input that leaves it open, and its symbol wherever that stands.
void close_batch(GraphProto& graph) {
    std::unordered_set<std::string> symbols;
    for (auto& input : *graph.mutable_input()) {
        if (!input.type().has_tensor_type() || input.type().tensor_type().shape().dim_size() == 0) continue;
        auto& first = *input.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0);
        if (first.has_dim_param() && !first.dim_param().empty()) symbols.insert(first.dim_param());
        if (!first.has_dim_value() || first.dim_value() < 1) first.set_dim_value(1);
    }
    for (auto* infos : {graph.mutable_input(), graph.mutable_output(), graph.mutable_value_info()}) {
        for (auto& info : *infos) {
            if (info.type().has_tensor_type() && info.type().tensor_type().has_shape()) {
                close(*info.mutable_type()->mutable_tensor_type()->mutable_shape(), symbols);
            }
        }
    }
}

/// Leaves only what inference cannot find: inputs, and what unknown operators make.
void drop_declared(GraphProto& graph) {
    std::unordered_set<std::string> kept;
    for (const auto& node : graph.node()) {
        if (is_standard(node)) continue;
        for (const std::string& output : node.output()) kept.insert(output);
    }
    google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> infos;
    for (const auto& info : graph.value_info()) {
        if (kept.contains(info.name())) *infos.Add() = info;
    }
    graph.mutable_value_info()->Swap(&infos);
    for (auto& output : *graph.mutable_output()) {
        if (output.type().has_tensor_type()) output.mutable_type()->mutable_tensor_type()->clear_shape();
    }
}

std::optional<TensorType> type_of(const TypeProto& proto) {
    if (!proto.has_tensor_type()) return std::nullopt;
    TensorType type{.data_type = proto.tensor_type().elem_type(), .shape = std::nullopt};
    if (proto.tensor_type().has_shape()) {
        Shape shape;
        for (const auto& dimension : proto.tensor_type().shape().dim()) {
            shape.push_back(dimension.has_dim_value() && dimension.dim_value() >= 0 ? dimension.dim_value() : -1);
        }
        type.shape = std::move(shape);
    }
    return type;
}

}  // namespace

TypeTable::TypeTable(const GraphProto& graph, const TypeTable* around) : around_(around) {
    for (const auto* infos : {&graph.value_info(), &graph.output(), &graph.input()}) {
        for (const auto& info : *infos) {
            if (auto type = type_of(info.type())) types_[info.name()] = std::move(*type);
        }
    }
    for (const auto& tensor : graph.initializer()) types_[tensor.name()] = {tensor.data_type(), shape_of(tensor)};
}

const TensorType* TypeTable::find(std::string_view name) const {
    const auto found = types_.find(name);
    if (found != types_.end()) return &found->second;
    return around_ == nullptr ? nullptr : around_->find(name);
}

std::optional<Shape> TypeTable::closed_shape(std::string_view name) const {
    const TensorType* type = find(name);
    if (type == nullptr || !type->shape || !element_count(*type->shape)) return std::nullopt;
    return type->shape;
}

ModelProto inferred(const ModelProto& skeleton, std::string_view model) {
    ModelProto closed = skeleton;
    close_batch(*closed.mutable_graph());
    ModelProto declared = closed;
    if (!try_to_infer(declared, model)) return declared;
    drop_declared(*closed.mutable_graph());
    ModelProto bare = closed;
    if (!try_to_infer(bare, model)) return bare;
    // What fits no batch of 1 may fit the open batch.
    ModelProto open = skeleton;
    drop_declared(*open.mutable_graph());
    if (!try_to_infer(open, model)) return open;
    // Following values is partial, and refuses what it does not know.
    if (const auto fault = try_to_infer(closed, model, ShapeValues::ignored)) {
        throw bad_model(model, printable(*fault));
    }
    return closed;
}

}  // namespace breakeven
