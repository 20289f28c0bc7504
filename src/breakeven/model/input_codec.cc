// input_codec: see input_codec.h.
#include "breakeven/model/input_codec.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "breakeven/model/graph_index.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {

namespace {

using onnx::GraphProto;
using onnx::NodeProto;
using onnx::TensorProto;

Error not_u8(const Model& model, const std::string& reason) {
    return Error(ErrorKind::input, fmt::format("put codec u8 before '{}'", printable(model.name(), 120)), reason);
}

std::string fresh_name(std::string name, std::unordered_set<std::string>& taken) {
    while (!taken.insert(name).second) name += "_";
    return name;
}

/// A chain of new nodes between the input and the old nodes.
class Front {
   public:
    Front(GraphProto& graph, const TensorSpec& input, const ImageInput& image)
        : graph_(graph), image_(image), taken_(names_in(graph)), input_(input.name), last_(input.name) {
        result_ = fresh_name(input_ + "_float", taken_);
        replace_uses(graph, input_, result_);
    }

    void cast() {
        NodeProto& node = add("Cast", {last_});
        auto* to = node.add_attribute();
        to->set_name("to");
        to->set_type(onnx::AttributeProto::INT);
        to->set_i(TensorProto::FLOAT);
        last_ = node.output(0);
    }

    /// Mul or Add with one number for each channel, unless all of them are `neutral`.
    void combine(const char* op, const std::vector<double>& values, double neutral) {
        if (std::all_of(values.begin(), values.end(), [&](double value) { return value == neutral; })) return;
        const std::string constant = add_constant(op, values);
        last_ = add(op, {last_, constant}).output(0);
    }

    /// Joins the new nodes to the old ones, and moves them before them.
    void finish() {
        auto& nodes = *graph_.mutable_node();
        nodes.Mutable(nodes.size() - 1)->set_output(0, result_);
        std::rotate(nodes.pointer_begin(), nodes.pointer_end() - added_, nodes.pointer_end());
    }

   private:
    NodeProto& add(const std::string& op, const std::vector<std::string>& inputs) {
        NodeProto& node = *graph_.add_node();
        ++added_;
        node.set_op_type(op);
        node.set_name(fresh_name(input_ + "_u8_" + op, taken_));
        for (const std::string& input : inputs) node.add_input(input);
        node.add_output(fresh_name(input_ + "_u8_" + op + "_out", taken_));
        return node;
    }

    std::string add_constant(const std::string& of, const std::vector<double>& values) {
        NodeProto& node = add("Constant", {});
        auto* value = node.add_attribute();
        value->set_name("value");
        value->set_type(onnx::AttributeProto::TENSOR);
        TensorProto& tensor = *value->mutable_t();
        tensor.set_name(of);
        tensor.set_data_type(TensorProto::FLOAT);
        const bool uniform = std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
        if (uniform) {
            tensor.add_float_data(static_cast<float>(values.front()));
            return node.output(0);
        }
        const auto channels = static_cast<std::int64_t>(values.size());
        const bool last = image_.layout == ImageLayout::nhwc;
        for (const std::int64_t size : {last ? std::int64_t{1} : channels, std::int64_t{1}, last ? channels : 1}) {
            tensor.add_dims(size);
        }
        for (const double number : values) tensor.add_float_data(static_cast<float>(number));
        return node.output(0);
    }

    GraphProto& graph_;
    const ImageInput& image_;
    std::unordered_set<std::string> taken_;
    std::string input_;
    std::string last_;
    std::string result_;  ///< what the old nodes take instead of the input
    std::ptrdiff_t added_ = 0;
};

/// The preprocessing that is left to whoever feeds the new model: everything but the arithmetic.
std::string metadata_json(const Preprocess& preprocess, const ImageInput& image) {
    nlohmann::ordered_json json;
    if (preprocess.short_side) json["size"] = *preprocess.short_side;
    if (preprocess.size) json["size"] = {preprocess.size->height, preprocess.size->width};
    if (preprocess.crop) json["crop"] = {preprocess.crop->height, preprocess.crop->width};
    if (preprocess.crop_fraction) json["crop"] = *preprocess.crop_fraction;
    json["layout"] = image.layout == ImageLayout::nchw ? "NCHW" : "NHWC";
    json["channels"] = image.channels == ChannelOrder::rgb   ? "rgb"
                       : image.channels == ChannelOrder::bgr ? "bgr"
                                                             : "grey";
    if (preprocess.label_offset != 0) json["label_offset"] = preprocess.label_offset;
    return json.dump();
}

void set_metadata(onnx::ModelProto& proto, const std::string& key, const std::string& value) {
    for (auto& entry : *proto.mutable_metadata_props()) {
        if (entry.key() != key) continue;
        entry.set_value(value);
        return;
    }
    auto* entry = proto.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
}

}  // namespace

Preprocess preprocess_of(const Model& model) {
    const auto json = model.metadata(std::string(preprocess_metadata_key));
    return json ? parse_preprocess(*json, "the metadata of " + printable(model.name(), 120)) : Preprocess();
}

Model with_u8_input(const Model& model, const Preprocess& preprocess) {
    if (model.inputs().size() != 1) {
        throw not_u8(model, fmt::format("it has {} inputs, codec u8 is for one picture", model.inputs().size()));
    }
    const TensorSpec& spec = model.inputs().front();
    if (spec.dtype != DType::float32 || spec.shape.size() != 4) {
        throw not_u8(model, fmt::format("its input '{}' is {} {}, codec u8 is for a float32 picture of 4 dimensions",
                                        printable(spec.name, 80), name(spec.dtype), to_text(spec.shape)));
    }
    const ImageInput image = image_input(spec, preprocess);
    const ChannelScaling scaling = channel_scaling(preprocess, image.channel_count);

    onnx::ModelProto proto = model.proto();
    GraphProto& graph = *proto.mutable_graph();
    for (const auto& output : graph.output()) {
        if (output.name() == spec.name) throw not_u8(model, "its input is also an output");
    }
    Front front(graph, spec, image);
    front.cast();
    front.combine("Mul", scaling.scale, 1.0);
    front.combine("Add", scaling.offset, 0.0);
    front.finish();
    for (auto& input : *graph.mutable_input()) {
        if (input.name() == spec.name) input.mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::UINT8);
    }
    set_metadata(proto, std::string(preprocess_metadata_key), metadata_json(preprocess, image));
    return Model::parse(proto.SerializeAsString(), model.name());
}

}  // namespace breakeven
