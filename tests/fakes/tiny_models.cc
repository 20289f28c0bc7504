// Small ONNX models: see tiny_models.h. Field numbers are those of onnx.proto (ONNX, onnx/onnx-ml.proto).
#include "fakes/tiny_models.h"

#include <bit>
#include <cstring>

namespace breakeven::fakes {

namespace {

void put_varint(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<char>((value & 0x7f) | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<char>(value));
}

void put_integer(std::string& out, unsigned field, std::int64_t value) {
    put_varint(out, field << 3U);
    put_varint(out, static_cast<std::uint64_t>(value));
}

void put_bytes(std::string& out, unsigned field, std::string_view bytes) {
    put_varint(out, field << 3U | 2U);
    put_varint(out, bytes.size());
    out += bytes;
}

template <class T>
std::string raw_bytes(std::span<const T> values) {
    std::string bytes(values.size_bytes(), '\0');
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

std::int64_t onnx_type(DType dtype) {  // TensorProto.DataType
    switch (dtype) {
        case DType::float32: return 1;
        case DType::uint8: return 2;
        case DType::int8: return 3;
        case DType::uint16: return 4;
        case DType::int16: return 5;
        case DType::int32: return 6;
        case DType::int64: return 7;
        case DType::string: return 8;
        case DType::boolean: return 9;
        case DType::float16: return 10;
        case DType::float64: return 11;
        case DType::uint32: return 12;
        case DType::uint64: return 13;
        case DType::bfloat16: return 16;
    }
    return 0;
}

std::string value_info(std::string_view name, DType dtype, const Shape& shape) {
    std::string dimensions;
    for (const std::int64_t size : shape) {
        std::string dimension;
        if (size == -1) {
            put_bytes(dimension, 2, "N");
        } else {
            put_integer(dimension, 1, size);
        }
        put_bytes(dimensions, 1, dimension);
    }
    std::string tensor;
    put_integer(tensor, 1, onnx_type(dtype));
    put_bytes(tensor, 2, dimensions);
    std::string type;
    put_bytes(type, 1, tensor);
    std::string info;
    put_bytes(info, 1, name);
    put_bytes(info, 2, type);
    return info;
}

std::string tensor_head(std::string_view name, DType dtype, const Shape& shape) {
    std::string tensor;
    for (const std::int64_t size : shape) put_integer(tensor, 1, size);
    put_integer(tensor, 2, onnx_type(dtype));
    put_bytes(tensor, 8, name);
    return tensor;
}

std::string attribute_head(std::string_view name, std::int64_t type) {
    std::string attribute;
    put_bytes(attribute, 1, name);
    put_integer(attribute, 20, type);
    return attribute;
}

std::string node_bytes(std::string_view domain, std::string_view op, const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs, const std::vector<Attribute>& attributes) {
    std::string node;
    for (const auto& input : inputs) put_bytes(node, 1, input);
    for (const auto& output : outputs) put_bytes(node, 2, output);
    put_bytes(node, 4, op);
    for (const auto& attribute : attributes) put_bytes(node, 5, attribute.bytes);
    if (!domain.empty()) put_bytes(node, 7, domain);
    return node;
}

std::string opset_bytes(std::string_view domain, std::int64_t version) {
    std::string opset;
    put_bytes(opset, 1, domain);
    put_integer(opset, 2, version);
    return opset;
}

std::vector<float> ramp(std::int64_t count, float step) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = step * static_cast<float>(i % 97);
    return values;
}

}  // namespace

Attribute int_attribute(std::string_view name, std::int64_t value) {
    std::string attribute = attribute_head(name, 2);
    put_integer(attribute, 3, value);
    return {attribute};
}

Attribute ints_attribute(std::string_view name, const std::vector<std::int64_t>& values) {
    std::string attribute = attribute_head(name, 7);
    for (const std::int64_t value : values) put_integer(attribute, 8, value);
    return {attribute};
}

Attribute float_attribute(std::string_view name, float value) {
    std::string attribute = attribute_head(name, 1);
    put_varint(attribute, 2U << 3U | 5U);
    attribute += raw_bytes(std::span<const float>(&value, 1));
    return {attribute};
}

Attribute string_attribute(std::string_view name, std::string_view value) {
    std::string attribute = attribute_head(name, 3);
    put_bytes(attribute, 4, value);
    return {attribute};
}

Attribute graph_attribute(std::string_view name, const TinyGraph& graph) {
    std::string attribute = attribute_head(name, 5);
    put_bytes(attribute, 6, graph.graph_bytes());
    return {attribute};
}

TinyGraph& TinyGraph::input(std::string_view name, DType dtype, const Shape& shape) {
    put_bytes(fields_, 11, value_info(name, dtype, shape));
    return *this;
}

TinyGraph& TinyGraph::output(std::string_view name, DType dtype, const Shape& shape) {
    put_bytes(fields_, 12, value_info(name, dtype, shape));
    return *this;
}

TinyGraph& TinyGraph::weights(std::string_view name, const Shape& shape, std::span<const float> values) {
    return raw(name, DType::float32, shape, raw_bytes(values));
}

TinyGraph& TinyGraph::integers(std::string_view name, const Shape& shape, std::span<const std::int64_t> values) {
    return raw(name, DType::int64, shape, raw_bytes(values));
}

TinyGraph& TinyGraph::raw(std::string_view name, DType dtype, const Shape& shape, std::string_view bytes) {
    std::string tensor = tensor_head(name, dtype, shape);
    put_bytes(tensor, 9, bytes);
    put_bytes(fields_, 5, tensor);
    return *this;
}

TinyGraph& TinyGraph::external(std::string_view name, DType dtype, const Shape& shape,
                               const std::vector<std::pair<std::string, std::string>>& entries) {
    std::string tensor = tensor_head(name, dtype, shape);
    for (const auto& [key, value] : entries) {
        std::string entry;
        put_bytes(entry, 1, key);
        put_bytes(entry, 2, value);
        put_bytes(tensor, 13, entry);
    }
    put_integer(tensor, 14, 1);  // data_location = EXTERNAL
    put_bytes(fields_, 5, tensor);
    return *this;
}

TinyGraph& TinyGraph::node(std::string_view op, const std::vector<std::string>& inputs,
                           const std::vector<std::string>& outputs, const std::vector<Attribute>& attributes) {
    nodes_.push_back(node_bytes("", op, inputs, outputs, attributes));
    return *this;
}

TinyGraph& TinyGraph::domain_node(std::string_view domain, std::string_view op, const std::vector<std::string>& inputs,
                                  const std::vector<std::string>& outputs) {
    nodes_.push_back(node_bytes(domain, op, inputs, outputs, {}));
    foreign_ = true;
    return *this;
}

TinyGraph& TinyGraph::function(std::string_view name, std::string_view input, std::string_view output,
                               const TinyGraph& body) {
    std::string function;
    put_bytes(function, 1, name);
    put_bytes(function, 4, input);
    put_bytes(function, 5, output);
    for (const std::string& node : body.nodes_) put_bytes(function, 7, node);
    put_bytes(function, 9, opset_bytes("", 17));
    put_bytes(function, 9, opset_bytes("local", 1));
    put_bytes(function, 10, "local");
    functions_.push_back(function);
    return *this;
}

TinyGraph& TinyGraph::call(std::string_view function, const std::string& input, const std::string& output) {
    nodes_.push_back(node_bytes("local", function, {input}, {output}, {}));
    return *this;
}

std::string TinyGraph::graph_bytes() const {
    std::string graph;
    for (const std::string& node : nodes_) put_bytes(graph, 1, node);
    graph += fields_;
    put_bytes(graph, 2, name_);
    return graph;
}

std::string TinyGraph::model(std::int64_t opset, std::int64_t ir_version) const {
    std::string model;
    put_integer(model, 1, ir_version);
    put_bytes(model, 2, "breakeven tests");
    put_bytes(model, 8, opset_bytes("", opset));
    if (foreign_) put_bytes(model, 8, opset_bytes("com.microsoft", 1));
    put_bytes(model, 7, graph_bytes());
    for (const std::string& function : functions_) put_bytes(model, 25, function);
    if (!functions_.empty()) put_bytes(model, 8, opset_bytes("local", 1));
    return model;
}

std::string identity_model(const Shape& shape) {
    return TinyGraph()
        .input("x", DType::float32, shape)
        .output("y", DType::float32, shape)
        .node("Identity", {"x"}, {"y"})
        .model();
}

std::string add_one_model(const Shape& shape) {
    const std::vector<float> one{1.0F};
    return TinyGraph()
        .input("x", DType::float32, shape)
        .output("y", DType::float32, shape)
        .weights("one", {1}, one)
        .node("Add", {"x", "one"}, {"y"})
        .model();
}

std::string two_branch_model(const Shape& shape) {
    return TinyGraph()
        .input("x", DType::float32, shape)
        .output("y", DType::float32, shape)
        .node("Relu", {"x"}, {"left"})
        .node("Sigmoid", {"x"}, {"right"})
        .node("Add", {"left", "right"}, {"y"})
        .model();
}

std::string linear_model(std::int64_t inputs, std::int64_t outputs) {
    return TinyGraph()
        .input("x", DType::float32, {-1, inputs})
        .output("y", DType::float32, {-1, outputs})
        .weights("W", {inputs, outputs}, ramp(inputs * outputs, 0.01F))
        .weights("b", {outputs}, ramp(outputs, 0.1F))
        .node("Gemm", {"x", "W", "b"}, {"logits"})
        .node("Softmax", {"logits"}, {"y"})
        .model();
}

std::string small_convolution_model(std::int64_t side) {
    return TinyGraph()
        .input("x", DType::float32, {-1, 3, side, side})
        .output("y", DType::float32, {-1, 4, 1, 1})
        .weights("W", {4, 3, 3, 3}, ramp(4 * 3 * 3 * 3, 0.01F))
        .weights("b", {4}, ramp(4, 0.1F))
        .node("Conv", {"x", "W", "b"}, {"c"}, {ints_attribute("pads", {1, 1, 1, 1})})
        .node("Relu", {"c"}, {"r"})
        .node("GlobalAveragePool", {"r"}, {"y"})
        .model();
}

}  // namespace breakeven::fakes
