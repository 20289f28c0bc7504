// GraphWriter: see graph_writer.h.
#include "breakeven/zoo/graph_writer.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <bit>
#include <cstring>

#include "breakeven/model/onnx_tensor.h"

namespace breakeven {

namespace {

constexpr std::int64_t ir_version = 8;
constexpr std::int64_t opset = 17;

static_assert(std::endian::native == std::endian::little, "ONNX stores little-endian bytes");

std::string store_bytes(onnx::GraphProto& graph, const std::string& tensor, const Shape& shape,
                        onnx::TensorProto::DataType type, std::span<const std::byte> bytes) {
    auto* stored = graph.add_initializer();
    stored->set_name(tensor);
    stored->set_data_type(type);
    for (const std::int64_t size : shape) stored->add_dims(size);
    stored->set_raw_data(bytes.data(), bytes.size());
    return tensor;
}

void set_type(onnx::ValueInfoProto& info, const std::string& name, DType dtype, const Shape& shape) {
    info.set_name(name);
    auto* type = info.mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx_type_of(dtype));
    type->mutable_shape()->add_dim()->set_dim_param("N");
    for (const std::int64_t size : shape) type->mutable_shape()->add_dim()->set_dim_value(size);
}

void set_attribute(onnx::NodeProto& node, const NodeAttribute& attribute) {
    auto& stored = *node.add_attribute();
    stored.set_name(std::string(attribute.name));
    if (const auto* integer = std::get_if<std::int64_t>(&attribute.value)) {
        stored.set_type(onnx::AttributeProto::INT);
        stored.set_i(*integer);
    } else if (const auto* number = std::get_if<float>(&attribute.value)) {
        stored.set_type(onnx::AttributeProto::FLOAT);
        stored.set_f(*number);
    } else {
        stored.set_type(onnx::AttributeProto::INTS);
        for (const std::int64_t value : std::get<std::vector<std::int64_t>>(attribute.value)) stored.add_ints(value);
    }
}

}  // namespace

GraphWriter::GraphWriter(std::string name) : name_(std::move(name)), proto_(std::make_unique<onnx::ModelProto>()) {
    proto_->set_ir_version(ir_version);
    proto_->set_producer_name("breakeven");
    proto_->add_opset_import()->set_version(opset);
    proto_->mutable_graph()->set_name(name_);
}

GraphWriter::~GraphWriter() = default;

std::string GraphWriter::store(const std::string& tensor, const Shape& shape, std::span<const float> values) {
    return store_bytes(*proto_->mutable_graph(), tensor, shape, onnx::TensorProto::FLOAT, std::as_bytes(values));
}

std::string GraphWriter::store(const std::string& tensor, const Shape& shape, const std::vector<std::int64_t>& values) {
    return store_bytes(*proto_->mutable_graph(), tensor, shape, onnx::TensorProto::INT64,
                       std::as_bytes(std::span(values)));
}

std::string GraphWriter::node(const std::string& name, std::string_view op, const std::vector<std::string>& inputs,
                              const std::vector<NodeAttribute>& attributes, std::int64_t outputs) {
    auto& node = *proto_->mutable_graph()->add_node();
    node.set_name(name);
    node.set_op_type(std::string(op));
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(name);
    for (std::int64_t i = 1; i < outputs; ++i) node.add_output(fmt::format("{}_{}", name, i));
    for (const NodeAttribute& attribute : attributes) set_attribute(node, attribute);
    return name;
}

void GraphWriter::input(const std::string& name, const Shape& shape) {
    set_type(*proto_->mutable_graph()->add_input(), name, DType::float32, shape);
}

void GraphWriter::output(const std::string& name, const std::string& tensor, DType dtype, const Shape& shape) {
    auto& graph = *proto_->mutable_graph();
    for (auto& node : *graph.mutable_node()) {
        for (std::string& made : *node.mutable_output()) {
            if (made == tensor) made = name;
        }
        for (std::string& needed : *node.mutable_input()) {
            if (needed == tensor) needed = name;
        }
    }
    set_type(*graph.add_output(), name, dtype, shape);
}

void GraphWriter::metadata(std::string_view key, const std::string& value) {
    auto* entry = proto_->add_metadata_props();
    entry->set_key(std::string(key));
    entry->set_value(value);
}

Model GraphWriter::finish() {
    const std::string bytes = proto_->SerializeAsString();
    proto_->Clear();
    return Model::parse(bytes, name_);
}

}  // namespace breakeven
