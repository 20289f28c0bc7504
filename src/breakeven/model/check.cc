// check: see check.h. What ONNX's checker would do with files or print to stdout is refused before it is asked.
#include "breakeven/model/check.h"

#include <fmt/format.h>
#include <onnx/checker.h>
#include <onnx/inliner/inliner.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "breakeven/model/graph_index.h"
#include "breakeven/model/onnx_tensor.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {

namespace {

using onnx::GraphProto;
using onnx::ModelProto;
using onnx::NodeProto;
using onnx::TensorProto;

/// Nodes after inlining: functions that call each other twice grow as powers of two. The largest exports have 1e5.
constexpr std::int64_t inlined_nodes_max = 1'000'000;
/// Subgraphs times names: ONNX's inference copies all outer names into each subgraph.
constexpr std::int64_t scope_work_max = 20'000'000;
/// Elements of a tensor whose values may matter for a shape; a tensor of 128 dimensions does not exist.
constexpr std::int64_t shape_elements_max = 128;

void check_versions(const ModelProto& proto, std::string_view model) {
    if (!proto.has_ir_version() || proto.ir_version() < 3) {
        throw bad_model(model, "it has no ONNX IR version of 3 or later; is it an ONNX file?");
    }
    std::unordered_set<std::string> domains;
    bool standard = false;
    for (const auto& opset : proto.opset_import()) {
        const bool is_default = opset.domain().empty() || opset.domain() == "ai.onnx";
        if (!domains.insert(is_default ? "" : opset.domain()).second) {
            throw bad_model(model, fmt::format("it imports operator set '{}' twice", printable(opset.domain(), 80)));
        }
        if (!is_default) continue;
        standard = true;
        if (opset.version() < opset_min || opset.version() > opset_max) {
            throw Error(ErrorKind::unsupported, fmt::format("load model '{}'", printable(model, 120)),
                        fmt::format("opset {} is not among {} to {}; convert it with onnx.version_converter",
                                    opset.version(), opset_min, opset_max));
        }
    }
    if (!standard) throw bad_model(model, "it imports no version of the standard operators");
}

/// Names reach JSON and terminals.
void check_names(const GraphProto& graph, std::string_view model) {
    const auto check = [&](const std::string& name, const char* what) {
        if (!is_utf8(name))
            throw bad_model(model, fmt::format("the name of a {} is not UTF-8: '{}'", what, printable(name, 80)));
    };
    for (const auto& input : graph.input()) check(input.name(), "graph input");
    for (const auto& output : graph.output()) check(output.name(), "graph output");
    for (const auto& tensor : graph.initializer()) check(tensor.name(), "weight");
    for (const auto& tensor : graph.sparse_initializer()) check(tensor.values().name(), "weight");
    for (const NodeProto& node : graph.node()) {
        check(node.name(), "node");
        check(node.op_type(), "node's operator");
        check(node.domain(), "node's domain");
        for (const std::string& output : node.output()) check(output, "tensor");
    }
}

void check_tensors(const GraphProto& graph, std::string_view model) {
    std::unordered_set<std::string_view> names;
    for (const TensorProto& tensor : graph.initializer()) {
        if (!names.insert(tensor.name()).second) {
            throw bad_model(model, fmt::format("two weights have the name '{}'", printable(tensor.name(), 80)));
        }
        if (const auto fault = fault_of(tensor)) {
            throw bad_model(model, fmt::format("weight '{}' is not sound: {}", printable(tensor.name(), 80), *fault));
        }
    }
}

/// Tensors anywhere else must hold their data: they reach ONNX's checker, which would look for files.
void check_inner_tensor(const TensorProto& tensor, std::string_view model) {
    if (is_external(tensor)) {
        throw Error(ErrorKind::unsupported, fmt::format("load model '{}'", printable(model, 120)),
                    fmt::format("constant '{}' lies outside the file; only weights of the main graph may",
                                printable(tensor.name(), 80)));
    }
    if (const auto fault = fault_of(tensor)) {
        throw bad_model(model, fmt::format("constant '{}' is not sound: {}", printable(tensor.name(), 80), *fault));
    }
}

void check_inner_tensor(const onnx::SparseTensorProto& sparse, std::string_view model) {
    const auto elements = element_count({sparse.dims().begin(), sparse.dims().end()});
    if (!elements) throw bad_model(model, "a sparse tensor's shape is negative or too large");
    check_inner_tensor(sparse.values(), model);
    if (sparse.has_indices()) check_inner_tensor(sparse.indices(), model);
    // The checker reads so many indices, and one row of indices for each value.
    const auto& indices = sparse.indices().dims();
    if (sparse.has_indices() && (indices.size() > 2 || (indices.size() == 2 && indices.Get(1) != sparse.dims_size()))) {
        throw bad_model(model, "a sparse tensor's indices do not fit its shape");
    }
    try {
        onnx::checker::check_sparse_tensor(sparse, onnx::checker::CheckerContext());
    } catch (const std::exception& error) {
        throw bad_model(model, "a sparse tensor is not sound: " + printable(error.what()));
    }
}

void check_attributes(const NodeProto& node, std::string_view model) {
    for (const auto& attribute : node.attribute()) {
        if (attribute.has_t()) check_inner_tensor(attribute.t(), model);
        for (const TensorProto& tensor : attribute.tensors()) check_inner_tensor(tensor, model);
        if (attribute.has_sparse_tensor()) check_inner_tensor(attribute.sparse_tensor(), model);
        for (const auto& tensor : attribute.sparse_tensors()) check_inner_tensor(tensor, model);
    }
}

struct Totals {
    std::int64_t graphs = 0;
    std::int64_t names = 0;
};

void check_inner_graph(const GraphProto& graph, std::string_view model, Totals& totals) {
    for (const TensorProto& tensor : graph.initializer()) check_inner_tensor(tensor, model);
    for (const auto& tensor : graph.sparse_initializer()) check_inner_tensor(tensor, model);
    ++totals.graphs;
    totals.names += graph.input_size() + graph.output_size() + graph.value_info_size() + graph.initializer_size();
}

void check_node(const NodeProto& node, std::string_view model, Totals& totals) {
    if (is_standard(node) && onnx::checker::check_is_experimental_op(node)) {
        throw bad_model(
            model, fmt::format("operator {} was an experiment that ONNX took back", printable(node.op_type(), 40)));
    }
    check_attributes(node, model);
    totals.names += node.output_size();
    for (const GraphProto* graph : subgraphs_of(node)) check_inner_graph(*graph, model, totals);
}

void check_inside(const ModelProto& proto, std::string_view model) {
    Totals totals;
    const auto visit = [&](const NodeProto& node) { check_node(node, model, totals); };
    for (const auto& tensor : proto.graph().sparse_initializer()) check_inner_tensor(tensor, model);
    for_each_node(proto.graph(), visit);
    for (const auto& function : proto.functions()) {
        for (const NodeProto& node : function.node()) {
            visit(node);
            for (const GraphProto* graph : subgraphs_of(node)) for_each_node(*graph, visit);
        }
        for (const auto& attribute : function.attribute_proto()) {
            NodeProto holder;
            *holder.add_attribute() = attribute;
            check_node(holder, model, totals);
        }
    }
    totals.names += proto.graph().value_info_size() + proto.graph().initializer_size();
    if (totals.graphs * totals.names > scope_work_max) {
        throw bad_model(model, fmt::format("{} subgraphs over {} tensors are more than this program follows",
                                           totals.graphs, totals.names));
    }
}

/// How many nodes a model has once its functions are inlined.
class Expansion {
   public:
    explicit Expansion(const ModelProto& proto) : proto_(proto) {
        for (const auto& function : proto.functions()) {
            functions_[function.domain() + ":" + function.name() + ":" + function.overload()] = &function;
        }
    }

    std::int64_t nodes() {
        std::int64_t total = 0;
        for (const NodeProto& node : proto_.graph().node()) total = plus(total, of(node));
        return total;
    }

   private:
    static std::int64_t plus(std::int64_t a, std::int64_t b) { return std::min(a + b, inlined_nodes_max + 1); }

    std::int64_t of(const NodeProto& node) {
        std::int64_t total = 1;
        for (const GraphProto* graph : subgraphs_of(node)) {
            for (const NodeProto& inner : graph->node()) total = plus(total, of(inner));
        }
        const auto found = functions_.find(node.domain() + ":" + node.op_type() + ":" + node.overload());
        return found == functions_.end() ? total : plus(total, of(*found->second));
    }

    /// Functions do not call themselves: that was checked.
    std::int64_t of(const onnx::FunctionProto& function) {
        const auto known = expanded_.find(&function);
        if (known != expanded_.end()) return known->second;
        std::int64_t total = 0;
        for (const NodeProto& node : function.node()) total = plus(total, of(node));
        return expanded_[&function] = total;
    }

    const ModelProto& proto_;
    std::unordered_map<std::string, const onnx::FunctionProto*> functions_;
    std::unordered_map<const onnx::FunctionProto*, std::int64_t> expanded_;
};

void inline_functions(ModelProto& proto, std::string_view model) {
    onnx::checker::check_function_call_cycles(proto);
    if (Expansion(proto).nodes() > inlined_nodes_max) {
        throw bad_model(model, fmt::format("its local functions unfold to more than {} nodes", inlined_nodes_max));
    }
    onnx::inliner::InlineLocalFunctions(proto, false);
}

bool is_small(const TensorProto& tensor) {
    return !is_external(tensor) &&
           element_count(shape_of(tensor)).value_or(shape_elements_max + 1) <= shape_elements_max;
}

template <class Sizes>
void add_as_input(GraphProto& graph, std::int32_t data_type, const Sizes& sizes, const std::string& name) {
    auto* input = graph.add_input();
    input->set_name(name);
    auto* type = input->mutable_type()->mutable_tensor_type();
    type->set_elem_type(data_type);
    type->mutable_shape();
    for (const std::int64_t size : sizes) type->mutable_shape()->add_dim()->set_dim_value(size);
}

/// The value of a Constant node that is too large to matter for a shape.
const TensorProto* large_constant(const NodeProto& node) {
    if (node.op_type() != "Constant" || !is_standard(node) || node.output_size() != 1) return nullptr;
    const auto* value = attribute_of(node, "value");
    return value != nullptr && value->has_t() && !is_small(value->t()) ? &value->t() : nullptr;
}

}  // namespace

ModelProto skeleton_of(const ModelProto& proto) {
    ModelProto skeleton;
    skeleton.set_ir_version(proto.ir_version());
    *skeleton.mutable_opset_import() = proto.opset_import();
    *skeleton.mutable_functions() = proto.functions();
    const GraphProto& from = proto.graph();
    GraphProto& to = *skeleton.mutable_graph();
    to.set_name(from.name().empty() ? "graph" : from.name());  // some exporters leave it out; nothing depends on it
    *to.mutable_input() = from.input();
    *to.mutable_output() = from.output();
    *to.mutable_value_info() = from.value_info();
    // ONNX infers nothing through a sparse tensor; engines make it dense.
    for (const auto& sparse : from.sparse_initializer()) {
        add_as_input(to, sparse.values().data_type(), sparse.dims(), sparse.values().name());
    }
    std::unordered_set<std::string_view> inputs;
    for (const auto& input : from.input()) inputs.insert(input.name());
    for (const TensorProto& tensor : from.initializer()) {
        if (is_small(tensor)) {
            *to.add_initializer() = tensor;
        } else if (!inputs.contains(tensor.name())) {
            add_as_input(to, tensor.data_type(), tensor.dims(), tensor.name());
        }
    }
    for (const NodeProto& node : from.node()) {
        if (const TensorProto* constant = large_constant(node)) {
            add_as_input(to, constant->data_type(), constant->dims(), node.output(0));
        } else {
            *to.add_node() = node;
        }
    }
    return skeleton;
}

void check_and_inline(ModelProto& proto, std::string_view model) {
    if (!proto.has_graph() || proto.graph().node_size() == 0) throw bad_model(model, "there is no graph in it");
    check_versions(proto, model);
    check_names(proto.graph(), model);
    check_tensors(proto.graph(), model);
    check_inside(proto, model);
    try {
        ModelProto skeleton = skeleton_of(proto);
        for (auto& output : *skeleton.mutable_graph()->mutable_output()) {
            // The checker wants a shape, engines do not: for its eyes only, an output without one is a scalar.
            if (output.type().has_tensor_type()) output.mutable_type()->mutable_tensor_type()->mutable_shape();
        }
        onnx::checker::check_model(skeleton);
        if (proto.functions_size() > 0) inline_functions(proto, model);
    } catch (const Error&) {
        throw;
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        throw bad_model(model, printable(error.what()));
    }
}

}  // namespace breakeven
