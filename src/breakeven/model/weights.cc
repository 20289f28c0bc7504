// weights: see weights.h. The definition is ModelFacts::parameters'.
#include "breakeven/model/weights.h"

#include <algorithm>
#include <array>
#include <string>

#include "breakeven/model/onnx_tensor.h"

namespace breakeven {

namespace {

using onnx::GraphProto;
using onnx::NodeProto;
using onnx::TensorProto;

/// What a stored tensor is, judged by one place where it is used. Several uses add up.
struct Role {
    bool floating = false;  ///< counts when its elements are floating-point
    bool integer = false;   ///< counts when its elements are integers: they get dequantized

    Role& operator|=(const Role& other) {
        floating |= other.floating;
        integer |= other.integer;
        return *this;
    }
};

constexpr Role nothing{};
constexpr Role data{.floating = true};
constexpr Role quantized{.integer = true};

struct Slots {
    std::string_view op;
    std::array<int, 8> slots;  ///< ends with -1
};

/// Inputs whose integers are weights or biases.
constexpr std::array<Slots, 9> quantized_slots{{
    {"DequantizeLinear", {0, -1}},
    {"QLinearConv", {3, 8, -1}},
    {"QLinearMatMul", {0, 3, -1}},
    {"ConvInteger", {1, -1}},
    {"MatMulInteger", {0, 1, -1}},
    {"QLinearAdd", {0, 3, -1}},
    {"QLinearMul", {0, 3, -1}},
    {"QGemm", {0, 3, 6, -1}},
    {"DynamicQuantizeMatMul", {1, -1}},
}};

/// Inputs that say how to compute, not what with: scales, zero points, bounds, sizes.
constexpr std::array<Slots, 15> setting_slots{{
    {"DequantizeLinear", {1, 2, -1}},
    {"QuantizeLinear", {1, 2, -1}},
    {"QLinearConv", {1, 2, 4, 5, 6, 7, -1}},
    {"QLinearMatMul", {1, 2, 4, 5, 6, 7, -1}},
    {"ConvInteger", {2, 3, -1}},
    {"MatMulInteger", {2, 3, -1}},
    {"QLinearAdd", {1, 2, 4, 5, 6, 7, -1}},
    {"QLinearMul", {1, 2, 4, 5, 6, 7, -1}},
    {"QGemm", {1, 2, 4, 5, 7, 8, -1}},
    {"DynamicQuantizeMatMul", {2, 3, -1}},
    {"Resize", {1, 2, 3, -1}},
    {"Upsample", {1, -1}},
    {"Clip", {1, 2, -1}},
    {"Pad", {1, 2, 3, -1}},
    {"Dropout", {1, 2, -1}},
}};

/// Operators that only move or view their first input.
constexpr std::array<std::string_view, 9> moving{"Reshape",  "Transpose", "Squeeze", "Unsqueeze", "Flatten",
                                                 "Identity", "Slice",     "Gather",  "Expand"};

template <class Table>
bool lists(const Table& table, std::string_view op, int slot) {
    for (const Slots& entry : table) {
        if (entry.op != op) continue;
        for (const int listed : entry.slots) {
            if (listed == -1) break;
            if (listed == slot) return true;
        }
    }
    return false;
}

template <class Table>
bool lists(const Table& table, std::string_view op) {
    return std::find(table.begin(), table.end(), op) != table.end();
}

using Roles = std::unordered_map<std::string_view, Role>;

Role role_at(const NodeProto& node, int slot, const Roles& roles, const GraphIndex& index) {
    const std::string& op = node.op_type();
    const auto role_of_output = [&] {
        const auto found = node.output_size() > 0 ? roles.find(node.output(0)) : roles.end();
        return found == roles.end() ? nothing : found->second;
    };
    if (lists(setting_slots, op, slot)) return nothing;
    if (lists(quantized_slots, op, slot)) return quantized;
    if (lists(moving, op)) return slot == 0 ? role_of_output() : nothing;
    if (op == "Concat" || op == "Split") return role_of_output();
    if (op == "Cast") {  // integers made floats are a dequantization written by hand
        Role role = role_of_output();
        role.integer |= role.floating;
        return role;
    }
    if (op == "BatchNormalization" && slot == 1) {
        const auto stored = index.stored.find(node.input(1));
        if (stored != index.stored.end() && all_ones(*stored->second)) return nothing;
    }
    return data;
}

Roles roles_in(const GraphProto& graph, const GraphIndex& index) {
    Roles roles;
    for (const auto& output : graph.output()) roles[output.name()] |= data;
    for (int i = graph.node_size() - 1; i >= 0; --i) {
        const NodeProto& node = graph.node(i);
        for (int slot = 0; slot < node.input_size(); ++slot) {
            const std::string& name = node.input(slot);
            if (!name.empty() && index.constant_tensors.contains(name))
                roles[name] |= role_at(node, slot, roles, index);
        }
        if (subgraphs_of(node).empty()) continue;
        for (const std::string_view name : index.needs[static_cast<std::size_t>(i)]) roles[name] |= data;
    }
    return roles;
}

Weights weights_of(const TensorProto& tensor, const Role& role) {
    const Shape shape = shape_of(tensor);
    const bool floating = is_floating_onnx(tensor.data_type());
    const bool wide = tensor.data_type() == TensorProto::INT64 || tensor.data_type() == TensorProto::UINT64;
    if (!(floating ? role.floating : role.integer && !wide)) return {};
    if (shape.empty()) return {};  // a scalar
    return {element_count(shape).value_or(0), stored_size(tensor.data_type(), shape).value_or(Bytes())};
}

/// What subgraphs hold themselves, judged by type and size alone.
Weights weights_inside(const NodeProto& node) {
    Weights total;
    for (const GraphProto* graph : subgraphs_of(node)) {
        for (const TensorProto& tensor : graph->initializer()) total += weights_of(tensor, data);
        for (const NodeProto& inner : graph->node()) {
            const auto* value = inner.op_type() == "Constant" ? attribute_of(inner, "value") : nullptr;
            if (value != nullptr && value->has_t()) total += weights_of(value->t(), data);
            total += weights_inside(inner);
        }
    }
    return total;
}

/// Hands each stored tensor to the first node that needs it, through whatever constant nodes lie between.
class Claims {
   public:
    Claims(const GraphProto& graph, const GraphIndex& index) : index_(index), roles_(roles_in(graph, index)) {
        for (int i = 0; i < graph.node_size(); ++i) {
            if (!index.constant[static_cast<std::size_t>(i)]) continue;
            for (const std::string& output : graph.node(i).output()) makers_[output] = static_cast<std::size_t>(i);
        }
    }

    Weights claim(std::size_t node) {
        Weights total;
        std::vector<std::string_view> open(index_.needs[node].begin(), index_.needs[node].end());
        while (!open.empty()) {
            const std::string_view name = open.back();
            open.pop_back();
            if (!index_.constant_tensors.contains(name) || !claimed_.insert(name).second) continue;
            const auto stored = index_.stored.find(name);
            if (stored != index_.stored.end()) total += weights_of(*stored->second, roles_[name]);
            const auto maker = makers_.find(name);
            if (maker == makers_.end()) continue;
            const auto& needs = index_.needs[maker->second];
            open.insert(open.end(), needs.begin(), needs.end());
        }
        return total;
    }

   private:
    const GraphIndex& index_;
    Roles roles_;
    std::unordered_map<std::string_view, std::size_t> makers_;
    std::unordered_set<std::string_view> claimed_;
};

}  // namespace

std::vector<Weights> weights_by_node(const GraphProto& graph, const GraphIndex& index) {
    Claims claims(graph, index);
    std::vector<Weights> weights(index.constant.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (index.constant[i]) continue;
        weights[i] = claims.claim(i);
        weights[i] += weights_inside(graph.node(static_cast<int>(i)));
    }
    return weights;
}

}  // namespace breakeven
