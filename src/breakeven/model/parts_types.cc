// parts_types: see parts_types.h. Which dimensions follow the batch is found by inferring twice: for one sample and for
// seven. A dimension that differs is open.
#include "breakeven/model/parts_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>

#include "breakeven/model/check.h"
#include "breakeven/model/infer.h"
#include "breakeven/model/onnx_tensor.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {

namespace {

/// No usual dimension, so that it does not hide among them.
constexpr std::int64_t other_batch = 7;
constexpr std::string_view batch_symbol = "batch";

bool is_open(const onnx::TensorShapeProto::Dimension& dimension) {
    return !dimension.has_dim_value() || dimension.dim_value() < 1;
}

/// The symbols of the inputs' open first dimensions; one without a symbol counts as `batch_symbol`.
std::vector<std::string> batch_symbols(const onnx::GraphProto& graph) {
    std::vector<std::string> symbols;
    for (const auto& input : graph.input()) {
        if (!input.type().has_tensor_type() || input.type().tensor_type().shape().dim_size() == 0) continue;
        const auto& first = input.type().tensor_type().shape().dim(0);
        if (!is_open(first)) continue;
        symbols.push_back(first.dim_param().empty() ? std::string(batch_symbol) : first.dim_param());
    }
    return symbols;
}

/// The skeleton for a batch of `other_batch`: open first dimensions of inputs, and their symbols wherever they stand.
onnx::ModelProto for_other_batch(const Model& model, const std::vector<std::string>& symbols) {
    onnx::ModelProto proto = skeleton_of(model.proto());
    const std::unordered_set<std::string> known(symbols.begin(), symbols.end());
    auto& graph = *proto.mutable_graph();
    for (auto& input : *graph.mutable_input()) {
        if (!input.type().has_tensor_type() || input.type().tensor_type().shape().dim_size() == 0) continue;
        auto& first = *input.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0);
        if (is_open(first)) first.set_dim_value(other_batch);
    }
    for (auto* infos : {graph.mutable_input(), graph.mutable_output(), graph.mutable_value_info()}) {
        for (auto& info : *infos) {
            if (!info.type().has_tensor_type() || !info.type().tensor_type().has_shape()) continue;
            for (auto& dimension : *info.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim()) {
                if (dimension.has_dim_param() && known.contains(dimension.dim_param())) {
                    dimension.set_dim_value(other_batch);
                }
            }
        }
    }
    return proto;
}

/// The types for another batch; nothing where the network fits no other batch than one.
class OtherBatch {
   public:
    OtherBatch(const Model& model, const std::vector<std::string>& symbols) {
        try {
            proto_ = inferred(for_other_batch(model, symbols), model.name());
            types_.emplace(proto_.graph());
        } catch (const Error&) {
            // A Reshape to a fixed batch, say: the network says that it takes any, and does not.
        }
    }

    /// The shape there; nothing where it is not known or has another rank.
    std::optional<Shape> shape(const std::string& name, std::size_t rank) const {
        const TensorType* type = types_ ? types_->find(name) : nullptr;
        return type != nullptr && type->shape && type->shape->size() == rank ? type->shape : std::nullopt;
    }

   private:
    onnx::ModelProto proto_;  // types_ points into it
    std::optional<TypeTable> types_;
};

void add_dimensions(const Shape& one, const std::optional<Shape>& other, const std::string& symbol,
                    onnx::TensorShapeProto& shape) {
    for (std::size_t i = 0; i < one.size(); ++i) {
        auto& dimension = *shape.add_dim();
        // Without the other shape nothing is certain: a first dimension of 1 may be the batch.
        const bool differs = other ? (*other)[i] != one[i] : i == 0 && one[i] == 1;
        if (!differs && one[i] >= 0) {
            dimension.set_dim_value(one[i]);
        } else if (one[i] == 1) {
            dimension.set_dim_param(symbol);
        }
    }
}

}  // namespace

std::vector<onnx::ValueInfoProto> declarations_of(const Model& model, std::span<const std::string_view> names) {
    const auto& graph = model.proto().graph();
    const std::vector<std::string> symbols = batch_symbols(graph);
    std::optional<OtherBatch> other;
    if (!symbols.empty()) other.emplace(model, symbols);

    std::vector<onnx::ValueInfoProto> declarations;
    for (const std::string_view name : names) {
        const auto input = std::find_if(graph.input().begin(), graph.input().end(),
                                        [&](const auto& info) { return info.name() == name; });
        if (input != graph.input().end()) {
            declarations.push_back(*input);
            continue;
        }
        const auto spec = model.tensor(std::string(name));
        if (!spec) {
            throw Error(ErrorKind::unsupported, fmt::format("split '{}'", printable(model.name(), 120)),
                        fmt::format("'{}' cannot cross: it is no tensor, or its type or shape cannot be inferred",
                                    printable(name, 80)));
        }
        onnx::ValueInfoProto& info = declarations.emplace_back();
        info.set_name(spec->name);
        auto& type = *info.mutable_type()->mutable_tensor_type();
        type.set_elem_type(onnx_type_of(spec->dtype));
        const auto known = other ? other->shape(spec->name, spec->shape.size()) : std::optional(spec->shape);
        add_dimensions(spec->shape, known, symbols.empty() ? std::string() : symbols.front(), *type.mutable_shape());
    }
    return declarations;
}

}  // namespace breakeven
