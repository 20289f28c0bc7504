// NetworkBuilder: see network_builder.h.
// Nothing here depends on the machine: sums and products are rounded one by one (compiled without fused multiply-add),
// square roots are exact by IEEE 754, and no other function of the mathematics library is used.
#include "breakeven/zoo/network_builder.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "breakeven/error.h"
#include "breakeven/time/random.h"

namespace breakeven {

namespace {

using Moments = NetworkBuilder::Moments;

/// Mean and variance of max(0, x) for x of mean 0 and variance 1: 1 / sqrt(2 pi), and 1/2 minus its square.
constexpr double rectified_mean = 0.3989422804014327;
constexpr double rectified_variance = 0.3408450569081046;
/// Keras' default for MobileNet and the rest of its applications.
constexpr float norm_epsilon = 1e-3F;

void set_integers(onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values) {
    auto* attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute->add_ints(value);
}

void set_integer(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
    auto* attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::INT);
    attribute->set_i(value);
}

void set_type(onnx::ValueInfoProto& info, const std::string& name, const std::vector<std::int64_t>& sizes) {
    info.set_name(name);
    auto* type = info.mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    type->mutable_shape()->add_dim()->set_dim_param("N");
    for (const std::int64_t size : sizes) type->mutable_shape()->add_dim()->set_dim_value(size);
}

/// FNV-1a: one random stream for each tensor, so that one layer's weights do not depend on another's.
std::uint64_t hash_of(const std::string& text) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return hash;
}

Moments rectified(const Moments& moments) {
    const double spread = std::sqrt(moments.variance);
    return {.mean = rectified_mean * spread + 0.5 * moments.mean, .variance = rectified_variance * moments.variance};
}

}  // namespace

/// One dimension of a convolution.
struct NetworkBuilder::Axis {
    std::int64_t out = 0;
    std::int64_t before = 0;
    std::int64_t after = 0;
    std::vector<double> inside;  ///< for each tap, the share of outputs for which it lies on the picture, not on zeros

    Axis(std::int64_t in, std::int64_t zeros, const Filter& filter) {
        if (filter.padding == Padding::same) {
            out = (in + filter.stride - 1) / filter.stride;
            const std::int64_t pad = std::max<std::int64_t>((out - 1) * filter.stride + filter.kernel - in, 0);
            before = pad / 2;  // the odd one goes after, as TensorFlow has it
            after = pad - before;
        } else {
            BREAKEVEN_ASSERT(in + zeros >= filter.kernel);
            out = (in + zeros - filter.kernel) / filter.stride + 1;
            after = zeros;
        }
        for (std::int64_t tap = 0; tap < filter.kernel; ++tap) {
            std::int64_t count = 0;
            for (std::int64_t at = 0; at < out; ++at) {
                const std::int64_t place = at * filter.stride - before + tap;
                count += place >= 0 && place < in ? 1 : 0;
            }
            inside.push_back(static_cast<double>(count) / static_cast<double>(out));
        }
    }
};

/// What one filter makes of its channels' moments. Neighbouring numbers of a channel go partly together: taken half as
/// if they were independent, half as if they were the same.
struct NetworkBuilder::Taps {
    double mean = 0.0;
    double apart = 0.0;
    double together = 0.0;

    void add_channel(std::span<const float> weights, const Axis& rows, const Axis& columns, const Moments& channel) {
        double sum = 0.0;
        double squares = 0.0;
        for (std::size_t y = 0; y < rows.inside.size(); ++y) {
            for (std::size_t x = 0; x < columns.inside.size(); ++x) {
                const double weight = static_cast<double>(weights[y * columns.inside.size() + x]);
                const double share = rows.inside[y] * columns.inside[x];
                sum += weight * share;
                squares += weight * weight * share;
            }
        }
        mean += channel.mean * sum;
        apart += channel.variance * squares;
        together += channel.variance * sum * sum;
    }
    Moments moments() const { return {.mean = mean, .variance = 0.5 * apart + 0.5 * together}; }
};

NetworkBuilder::NetworkBuilder(std::string name, std::optional<std::uint64_t> seed)
    : name_(std::move(name)), seed_(seed), proto_(std::make_unique<onnx::ModelProto>()) {}

NetworkBuilder::~NetworkBuilder() = default;

std::vector<float> NetworkBuilder::random_weights(const std::string& tensor, std::int64_t count, double limit) const {
    Random random(*seed_ ^ hash_of(tensor));
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = static_cast<float>((2.0 * random.uniform() - 1.0) * limit);
    return values;
}

std::string NetworkBuilder::store(const std::string& tensor, const Shape& shape, const std::vector<float>& values) {
    static_assert(std::endian::native == std::endian::little, "ONNX stores little-endian bytes");
    auto* stored = proto_->mutable_graph()->add_initializer();
    stored->set_name(tensor);
    stored->set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t size : shape) stored->add_dims(size);
    std::string bytes(values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    stored->set_raw_data(std::move(bytes));
    return tensor;
}

NetworkBuilder::Value NetworkBuilder::add_node(const std::string& layer, const std::string& op,
                                               const std::vector<std::string>& inputs, Value shape) {
    shape.tensor = layer;
    if (!seed_) return shape;
    auto* node = proto_->mutable_graph()->add_node();
    node->set_name(layer);
    node->set_op_type(op);
    for (const std::string& input : inputs) node->add_input(input);
    node->add_output(layer);
    return shape;
}

NetworkBuilder::Value NetworkBuilder::picture(std::int64_t side) {
    side_ = side;
    ++keras_layers_;
    Value value{.tensor = "input", .channels = 3, .height = side, .width = side, .zeros = 0, .moments = {}};
    // Pixels spread evenly over -1..1 have the variance 1/3.
    if (seed_) value.moments.assign(3, {.mean = 0.0, .variance = 1.0 / 3.0});
    return value;
}

NetworkBuilder::Value NetworkBuilder::zero_padding(const Value& from, std::int64_t below_and_right) {
    ++keras_layers_;
    Value value = from;
    value.zeros += below_and_right;
    return value;
}

NetworkBuilder::Value NetworkBuilder::convolve(const std::string& layer, const Value& from, std::int64_t filters,
                                               std::int64_t groups, const Filter& filter) {
    BREAKEVEN_ASSERT(from.zeros == 0 || filter.padding == Padding::valid);
    ++keras_layers_;
    const Axis rows(from.height, from.zeros, filter);
    const Axis columns(from.width, from.zeros, filter);
    const std::int64_t depth = from.channels / groups;
    const std::int64_t area = filter.kernel * filter.kernel;
    parameters_ += filters * depth * area;
    Value value{.tensor = {}, .channels = filters, .height = rows.out, .width = columns.out, .zeros = 0, .moments = {}};
    if (!seed_) return value;

    const std::string tensor = layer + "/kernel";
    const auto weights =
        random_weights(tensor, filters * depth * area, std::sqrt(6.0 / static_cast<double>(depth * area)));
    for (std::int64_t f = 0; f < filters; ++f) {
        Taps taps;
        for (std::int64_t c = 0; c < depth; ++c) {
            const auto channel = static_cast<std::size_t>(f / (filters / groups) * depth + c);
            const auto first = static_cast<std::size_t>((f * depth + c) * area);
            taps.add_channel(std::span(weights).subspan(first, static_cast<std::size_t>(area)), rows, columns,
                             from.moments[channel]);
        }
        value.moments.push_back(taps.moments());
    }
    store(tensor, {filters, depth, filter.kernel, filter.kernel}, weights);
    value = add_node(layer, "Conv", {from.tensor, tensor}, std::move(value));
    auto& node = *proto_->mutable_graph()->mutable_node(proto_->graph().node_size() - 1);
    set_integers(node, "kernel_shape", {filter.kernel, filter.kernel});
    set_integers(node, "strides", {filter.stride, filter.stride});
    set_integers(node, "pads", {rows.before, columns.before, rows.after, columns.after});
    set_integer(node, "group", groups);
    return value;
}

NetworkBuilder::Value NetworkBuilder::convolution(const std::string& layer, const Value& from, std::int64_t filters,
                                                  const Filter& filter) {
    return convolve(layer, from, filters, 1, filter);
}

NetworkBuilder::Value NetworkBuilder::depthwise(const std::string& layer, const Value& from, const Filter& filter) {
    return convolve(layer, from, from.channels, from.channels, filter);
}

NetworkBuilder::Value NetworkBuilder::batch_norm(const std::string& layer, const Value& from, NormScale scale) {
    ++keras_layers_;
    parameters_ += from.channels * (scale == NormScale::learned ? 4 : 3);
    if (!seed_) return from;
    Value value = from;
    std::vector<float> gamma = random_weights(layer + "/gamma", from.channels, 0.1);
    for (float& factor : gamma) factor = scale == NormScale::learned ? 1.0F + factor : 1.0F;
    const std::vector<float> beta = random_weights(layer + "/beta", from.channels, 0.1);
    std::vector<float> mean;
    std::vector<float> variance;
    for (std::size_t c = 0; c < gamma.size(); ++c) {
        mean.push_back(static_cast<float>(from.moments[c].mean));
        // A filter that sees next to nothing must not be blown up to the size of the others.
        variance.push_back(static_cast<float>(std::max(from.moments[c].variance, 0.01)));
        value.moments[c] = {.mean = static_cast<double>(beta[c]),
                            .variance = static_cast<double>(gamma[c]) * static_cast<double>(gamma[c])};
    }
    const Shape shape{from.channels};
    value = add_node(layer, "BatchNormalization",
                     {from.tensor, store(layer + "/gamma", shape, gamma), store(layer + "/beta", shape, beta),
                      store(layer + "/moving_mean", shape, mean), store(layer + "/moving_variance", shape, variance)},
                     std::move(value));
    auto* epsilon = proto_->mutable_graph()->mutable_node(proto_->graph().node_size() - 1)->add_attribute();
    epsilon->set_name("epsilon");
    epsilon->set_type(onnx::AttributeProto::FLOAT);
    epsilon->set_f(norm_epsilon);
    return value;
}

NetworkBuilder::Value NetworkBuilder::relu6(const std::string& layer, const Value& from) {
    ++keras_layers_;
    Value value = from;
    for (Moments& channel : value.moments) channel = rectified(channel);  // 6 is six deviations away
    if (!seed_) return value;
    return add_node(layer, "Clip", {from.tensor, store(layer + "/min", {}, {0.0F}), store(layer + "/max", {}, {6.0F})},
                    std::move(value));
}

NetworkBuilder::Value NetworkBuilder::flatten(const std::string& layer, const Value& from) {
    ++keras_layers_;
    const std::int64_t area = from.height * from.width;
    Value value{.tensor = {}, .channels = from.channels * area, .height = 1, .width = 1, .zeros = 0, .moments = {}};
    for (const Moments& channel : from.moments) {
        value.moments.insert(value.moments.end(), static_cast<std::size_t>(area), channel);
    }
    return add_node(layer, "Flatten", {from.tensor}, std::move(value));
}

NetworkBuilder::Value NetworkBuilder::dense(const std::string& layer, const Value& from, std::int64_t units,
                                            Activation activation) {
    ++keras_layers_;
    parameters_ += from.channels * units + units;
    Value value{.tensor = layer, .channels = units, .height = 1, .width = 1, .zeros = 0, .moments = {}};
    if (!seed_) return value;
    const auto weights =
        random_weights(layer + "/kernel", from.channels * units, std::sqrt(6.0 / static_cast<double>(from.channels)));
    std::vector<double> means(static_cast<std::size_t>(units), 0.0);
    value.moments.assign(static_cast<std::size_t>(units), {});
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double weight = static_cast<double>(weights[i]);
        const std::size_t unit = i % means.size();
        const Moments& channel = from.moments[i / means.size()];
        means[unit] += weight * channel.mean;
        value.moments[unit].variance += weight * weight * channel.variance;
    }
    std::vector<float> bias;  // centres the unit, as training would
    for (const double mean : means) bias.push_back(static_cast<float>(-mean));
    store(layer + "/kernel", {from.channels, units}, weights);
    store(layer + "/bias", {units}, bias);
    const Value sums = add_node(layer, "Gemm", {from.tensor, layer + "/kernel", layer + "/bias"}, std::move(value));
    Value result = sums;
    if (activation == Activation::relu) {
        for (Moments& unit : result.moments) unit = rectified(unit);
        return add_node(layer + "_relu", "Relu", {sums.tensor}, std::move(result));
    }
    return add_node(layer + "_softmax", "Softmax", {sums.tensor}, std::move(result));
}

Model NetworkBuilder::finish(const Value& result) const {
    BREAKEVEN_ASSERT(seed_.has_value());
    onnx::ModelProto proto = *proto_;
    proto.set_ir_version(8);
    proto.set_producer_name("breakeven");
    auto* opset = proto.add_opset_import();
    opset->set_domain("");
    opset->set_version(17);
    auto& graph = *proto.mutable_graph();
    graph.set_name(name_);
    auto& last = *graph.mutable_node(graph.node_size() - 1);
    BREAKEVEN_ASSERT(last.output(0) == result.tensor);
    last.set_output(0, "probs");
    set_type(*graph.add_input(), "input", {3, side_, side_});
    set_type(*graph.add_output(), "probs", {result.channels});

    const nlohmann::ordered_json preprocess{{"size", {side_, side_}}, {"layout", "NCHW"}, {"range", {-1, 1}}};
    for (const auto& [key, value] : {std::pair<std::string, std::string>("breakeven.preprocess", preprocess.dump()),
                                     {"breakeven.weights", "seeded"}}) {
        auto* entry = proto.add_metadata_props();
        entry->set_key(key);
        entry->set_value(value);
    }
    return Model::parse(proto.SerializeAsString(), name_);
}

}  // namespace breakeven
