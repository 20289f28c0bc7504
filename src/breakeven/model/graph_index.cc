// graph_index: see graph_index.h. Recursion into subgraphs is bounded: protobuf refuses more than 100 nested messages.
#include "breakeven/model/graph_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace breakeven {

namespace {

using onnx::GraphProto;
using onnx::NodeProto;
using Names = std::vector<std::string_view>;
using NameSet = std::unordered_set<std::string_view>;

constexpr std::array<std::string_view, 7> random_operators{
    "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout"};

/// The names that a subgraph and those around it make; the main graph's are not among them.
struct Scope {
    NameSet made;
    const Scope* around = nullptr;

    bool has(std::string_view name) const { return made.contains(name) || (around != nullptr && around->has(name)); }
};

struct Found {
    Names names;
    NameSet seen;

    void add(std::string_view name, const Scope* scope) {
        if (name.empty() || (scope != nullptr && scope->has(name))) return;
        if (seen.insert(name).second) names.push_back(name);
    }
};

void add_free_names(const GraphProto& graph, const Scope* around, Found& found);

void add_needs(const NodeProto& node, const Scope* scope, Found& found) {
    for (const std::string& input : node.input()) found.add(input, scope);
    for (const GraphProto* graph : subgraphs_of(node)) add_free_names(*graph, scope, found);
}

/// What a subgraph takes from the main graph: names it uses that neither it nor a subgraph around it makes.
void add_free_names(const GraphProto& graph, const Scope* around, Found& found) {
    Scope scope{.made = {}, .around = around};
    for (const auto& input : graph.input()) scope.made.insert(input.name());
    for (const auto& tensor : graph.initializer()) scope.made.insert(tensor.name());
    for (const auto& tensor : graph.sparse_initializer()) scope.made.insert(tensor.values().name());
    for (const NodeProto& node : graph.node()) {
        add_needs(node, &scope, found);
        for (const std::string& output : node.output()) scope.made.insert(output);
    }
    for (const auto& output : graph.output()) found.add(output.name(), &scope);
}

bool is_random(const NodeProto& node) {
    if (std::find(random_operators.begin(), random_operators.end(), node.op_type()) != random_operators.end())
        return true;
    for (const GraphProto* graph : subgraphs_of(node)) {
        if (std::any_of(graph->node().begin(), graph->node().end(), is_random)) return true;
    }
    return false;
}

/// Operators of domains we do not know may do anything; those of ONNX Runtime's own are functions like the standard's.
bool is_known(const NodeProto& node) {
    return is_standard(node) || node.domain() == "com.microsoft";
}

std::vector<std::string> stable_names(const GraphProto& graph) {
    std::unordered_set<std::string> taken;
    for (const NodeProto& node : graph.node()) taken.insert(node.name());
    std::vector<std::string> names;
    names.reserve(static_cast<std::size_t>(graph.node_size()));
    for (const NodeProto& node : graph.node()) {
        std::string name = node.name();
        while (name.empty() || (node.name().empty() && taken.contains(name))) {
            name = name.empty() ? fmt::format("{}_{}", node.op_type(), names.size()) : name + "_";
        }
        if (node.name().empty()) taken.insert(name);
        names.push_back(std::move(name));
    }
    return names;
}

bool makes(const GraphProto& graph, const std::string& name) {
    const auto named = [&](const auto& item) { return item.name() == name; };
    return std::any_of(graph.input().begin(), graph.input().end(), named) ||
           std::any_of(graph.initializer().begin(), graph.initializer().end(), named) ||
           std::any_of(graph.node().begin(), graph.node().end(), [&](const NodeProto& node) {
               return std::find(node.output().begin(), node.output().end(), name) != node.output().end();
           });
}

}  // namespace

bool is_standard(const NodeProto& node) {
    return node.domain().empty() || node.domain() == "ai.onnx";
}

std::string op_of(const NodeProto& node) {
    return is_standard(node) ? node.op_type() : node.domain() + "." + node.op_type();
}

const onnx::AttributeProto* attribute_of(const NodeProto& node, std::string_view name) {
    for (const auto& attribute : node.attribute()) {
        if (attribute.name() == name) return &attribute;
    }
    return nullptr;
}

std::vector<const GraphProto*> subgraphs_of(const NodeProto& node) {
    std::vector<const GraphProto*> graphs;
    for (const auto& attribute : node.attribute()) {
        if (attribute.has_g()) graphs.push_back(&attribute.g());
        for (const auto& graph : attribute.graphs()) graphs.push_back(&graph);
    }
    return graphs;
}

void for_each_node(const GraphProto& graph, const std::function<void(const NodeProto&)>& visit) {
    for (const NodeProto& node : graph.node()) {
        visit(node);
        for (const GraphProto* inner : subgraphs_of(node)) for_each_node(*inner, visit);
    }
}

GraphIndex index_of(const GraphProto& graph) {
    GraphIndex index;
    index.names = stable_names(graph);
    for (const auto& tensor : graph.initializer()) {
        index.constant_tensors.insert(tensor.name());
        index.stored[tensor.name()] = &tensor;
    }
    for (const auto& tensor : graph.sparse_initializer()) {
        index.constant_tensors.insert(tensor.values().name());
        index.stored[tensor.values().name()] = &tensor.values();
    }
    for (const auto& input : graph.input()) {
        if (!index.constant_tensors.contains(input.name())) index.inputs.push_back(&input);
    }
    for (const NodeProto& node : graph.node()) {
        Found found;
        add_needs(node, nullptr, found);
        Names needs = std::move(found.names);
        // An unknown operator without inputs may be a source of data: only a standard one is surely constant.
        const bool constant = is_known(node) && !is_random(node) &&
                              std::all_of(needs.begin(), needs.end(),
                                          [&](std::string_view name) { return index.constant_tensors.contains(name); });
        if (constant) {
            for (const std::string& output : node.output()) {
                if (!output.empty()) index.constant_tensors.insert(output);
            }
        }
        if (node.op_type() == "Constant" && is_standard(node) && node.output_size() == 1) {
            const auto* value = attribute_of(node, "value");
            if (value != nullptr && value->has_t()) index.stored[node.output(0)] = &value->t();
        }
        index.constant.push_back(constant);
        index.needs.push_back(std::move(needs));
    }
    return index;
}

std::unordered_set<std::string> names_in(const GraphProto& graph) {
    std::unordered_set<std::string> names;
    const auto add = [&](const GraphProto& part) {
        for (const auto& input : part.input()) names.insert(input.name());
        for (const auto& tensor : part.initializer()) names.insert(tensor.name());
    };
    add(graph);
    for_each_node(graph, [&](const NodeProto& node) {
        names.insert(node.name());
        names.insert(node.output().begin(), node.output().end());
        for (const GraphProto* inner : subgraphs_of(node)) add(*inner);
    });
    return names;
}

void replace_uses(GraphProto& graph, const std::string& from, const std::string& to) {
    for (NodeProto& node : *graph.mutable_node()) {
        for (std::string& input : *node.mutable_input()) {
            if (input == from) input = to;
        }
        const auto enter = [&](GraphProto& inner) {
            if (makes(inner, from)) return;
            replace_uses(inner, from, to);
            for (auto& output : *inner.mutable_output()) {
                if (output.name() == from) output.set_name(to);
            }
        };
        for (auto& attribute : *node.mutable_attribute()) {
            if (attribute.has_g()) enter(*attribute.mutable_g());
            for (GraphProto& inner : *attribute.mutable_graphs()) enter(inner);
        }
    }
}

}  // namespace breakeven
