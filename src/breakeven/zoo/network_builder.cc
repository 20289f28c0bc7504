// NetworkBuilder: see network_builder.h.
#include "breakeven/zoo/network_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "breakeven/error.h"
#include "breakeven/tensor/preprocess.h"
#include "breakeven/time/random.h"

namespace breakeven {

namespace {

using Value = NetworkBuilder::Value;

/// ln(0.01 / 0.99).
constexpr double logit_of_rare = -4.59511985013459;
/// A filter that sees next to nothing must not be blown up to the size of the others.
constexpr double variance_min = 0.01;
constexpr float unbounded = std::numeric_limits<float>::max();

/// FNV-1a: one random stream for each tensor, so that one layer's weights do not depend on another's.
std::uint64_t hash_of(const std::string& text) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return hash;
}

double he_limit(std::int64_t fan_in) {
    return std::sqrt(6.0 / static_cast<double>(fan_in));
}

Window window_of(const Value& from, const NetworkBuilder::Filter& filter) {
    BREAKEVEN_ASSERT(filter.padding == Padding::valid || (from.zeros.before == 0 && from.zeros.after == 0));
    Window window{.rows = {.in = from.height, .kernel = filter.kernel.rows, .stride = filter.stride.rows},
                  .columns = {.in = from.width, .kernel = filter.kernel.columns, .stride = filter.stride.columns}};
    window.rows.pad(filter.padding, from.zeros);
    window.columns.pad(filter.padding, from.zeros);
    return window;
}

Value shape_of(const Window& window, std::int64_t channels) {
    return {.tensor = {},
            .channels = channels,
            .height = window.rows.out,
            .width = window.columns.out,
            .zeros = {},
            .rehearsed = {}};
}

Value flat(std::int64_t channels) {
    return {.tensor = {}, .channels = channels, .height = 1, .width = 1, .zeros = {}, .rehearsed = {}};
}

std::vector<NodeAttribute> attributes_of(const Window& window) {
    const auto numbers = [](auto... values) { return std::vector<std::int64_t>{values...}; };
    return {{"kernel_shape", numbers(window.rows.kernel, window.columns.kernel)},
            {"strides", numbers(window.rows.stride, window.columns.stride)},
            {"pads", numbers(window.rows.pads.before, window.columns.pads.before, window.rows.pads.after,
                             window.columns.pads.after)}};
}

Rehearsed keep(Rehearsal values) {
    return std::make_shared<const Rehearsal>(std::move(values));
}

double mean_variance(std::span<const ChannelMoments> moments) {
    double variance = 0.0;
    for (const ChannelMoments& channel : moments) variance += channel.variance;
    return variance / static_cast<double>(moments.size());
}

/// How far a channel's own variance is believed, and not the layer's mean: a variance taken too small makes activations
/// grow. It is more reliable the more numbers it comes from; in a piece of the picture neighbours go together too much.
double trust(const Value& value) {
    const bool whole = value.height == value.rehearsed->height && value.width == value.rehearsed->width;
    const auto numbers = static_cast<double>(Rehearsal::samples * value.rehearsed->area());
    return whole ? numbers / (numbers + 32.0) : 0.1;
}

/// Scales the weights so that what they make has the variance 1, and gives the bias that puts its mean where `bias`
/// says.
std::vector<float> settle(std::vector<float>& weights, Rehearsal& made, Bias bias) {
    const std::vector<ChannelMoments> moments = moments_of(made);
    const auto factor = static_cast<float>(1.0 / std::sqrt(std::max(mean_variance(moments), variance_min)));
    for (float& weight : weights) weight *= factor;
    std::vector<float> biases;
    std::vector<double> offsets;
    for (const ChannelMoments& channel : moments) {
        const double target = bias == Bias::rare ? logit_of_rare : 0.0;
        biases.push_back(static_cast<float>(target - channel.mean * static_cast<double>(factor)));
        offsets.push_back(static_cast<double>(biases.back()));
    }
    scale_channels(made, std::vector<double>(moments.size(), static_cast<double>(factor)), offsets);
    return biases;
}

}  // namespace

NetworkBuilder::NetworkBuilder(std::string name, std::optional<std::uint64_t> seed) : seed_(seed) {
    if (seed) graph_.emplace(std::move(name));
}

std::vector<float> NetworkBuilder::random_weights(const std::string& tensor, std::int64_t count, double limit) const {
    Random random(*seed_ ^ hash_of(tensor));
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = static_cast<float>((2.0 * random.uniform() - 1.0) * limit);
    return values;
}

Value NetworkBuilder::add_node(const std::string& layer, std::string_view op, const std::vector<std::string>& inputs,
                               const std::vector<NodeAttribute>& attributes, Value shape) {
    shape.tensor = layer;
    if (graph_) graph_->node(layer, op, inputs, attributes);
    return shape;
}

Value NetworkBuilder::picture(std::int64_t side, std::int64_t piece) {
    input_ = {"input", DType::float32, {-1, 3, side, side}};
    ++counts_.keras_layers;
    Value value{.tensor = "input", .channels = 3, .height = side, .width = side, .zeros = {}, .rehearsed = {}};
    if (!graph_) return value;
    graph_->input("input", {3, side, side});
    const nlohmann::ordered_json preprocess{{"size", {side, side}}, {"layout", "NCHW"}, {"range", {-1, 1}}};
    graph_->metadata(preprocess_metadata_key, preprocess.dump());
    value.rehearsed = keep(rehearsal_pictures(3, std::min(side, piece)));
    return value;
}

Value NetworkBuilder::features(Sides size) {
    input_ = {"input", DType::float32, {-1, 1, size.rows, size.columns}};
    ++counts_.keras_layers;
    Value value{
        .tensor = "input", .channels = 1, .height = size.rows, .width = size.columns, .zeros = {}, .rehearsed = {}};
    if (!graph_) return value;
    graph_->input("input", {1, size.rows, size.columns});
    value.rehearsed = keep(rehearsal_pictures(1, size));
    return value;
}

Value NetworkBuilder::zero_padding(const Value& from, Zeros zeros) {
    ++counts_.keras_layers;
    Value value = from;
    value.zeros = zeros;
    return value;
}

Value NetworkBuilder::convolve(const std::string& layer, const Value& from, std::int64_t filters, std::int64_t groups,
                               const Filter& filter) {
    const Window window = window_of(from, filter);
    const std::int64_t depth = from.channels / groups;
    const bool biased = filter.bias != Bias::none;
    count({.parameters = filters * (depth * window.area() + (biased ? 1 : 0)), .keras_layers = 1});
    Value value = shape_of(window, filters);
    if (!graph_) return value;

    const std::string kernel = layer + "/kernel";
    const std::int64_t fan_in = depth * window.area();
    auto weights = random_weights(kernel, filters * fan_in, he_limit(fan_in));
    Rehearsal made = convolved(*from.rehearsed, window, {weights, filters, groups});
    std::vector<float> bias;
    if (biased) bias = settle(weights, made, filter.bias);
    value.rehearsed = keep(std::move(made));
    std::vector<std::string> inputs{
        from.tensor, graph_->store(kernel, {filters, depth, window.rows.kernel, window.columns.kernel}, weights)};
    if (biased) inputs.push_back(graph_->store(layer + "/bias", {filters}, bias));
    std::vector<NodeAttribute> attributes = attributes_of(window);
    attributes.push_back({"group", groups});
    return activate(layer, add_node(layer, "Conv", inputs, attributes, std::move(value)), filter.activation);
}

Value NetworkBuilder::convolution(const std::string& layer, const Value& from, std::int64_t filters,
                                  const Filter& filter) {
    return convolve(layer, from, filters, 1, filter);
}

Value NetworkBuilder::depthwise(const std::string& layer, const Value& from, const Filter& filter) {
    return convolve(layer, from, from.channels, from.channels, filter);
}

Value NetworkBuilder::pool(const std::string& layer, const Value& from, const Filter& filter, Pool pool) {
    const Window window = window_of(from, filter);
    count({.parameters = 0, .keras_layers = 1});
    Value value = shape_of(window, from.channels);
    if (!graph_) return value;
    value.rehearsed = keep(pooled(*from.rehearsed, window, pool));
    return add_node(layer, pool == Pool::largest ? "MaxPool" : "AveragePool", {from.tensor}, attributes_of(window),
                    std::move(value));
}

Value NetworkBuilder::max_pool(const std::string& layer, const Value& from, const Filter& window) {
    return pool(layer, from, window, Pool::largest);
}

Value NetworkBuilder::average_pool(const std::string& layer, const Value& from, const Filter& window) {
    return pool(layer, from, window, Pool::mean);
}

Value NetworkBuilder::global_average_pool(const std::string& layer, const Value& from) {
    count({.parameters = 0, .keras_layers = 1});
    Value value = flat(from.channels);
    if (!graph_) return value;
    value.rehearsed = keep(pooled_globally(*from.rehearsed));
    value = add_node(layer, "GlobalAveragePool", {from.tensor}, {}, std::move(value));
    return add_node(layer + "_flat", "Flatten", {value.tensor}, {}, value);
}

Value NetworkBuilder::batch_norm(const std::string& layer, const Value& from, const Norm& norm) {
    const bool scaled = norm.scale == NormScale::learned;
    count({.parameters = from.channels * (scaled ? 4 : 3), .keras_layers = 1});
    if (!graph_) return from;
    std::vector<float> gamma = random_weights(layer + "/gamma", from.channels, 0.1);
    for (float& factor : gamma) factor = scaled ? 1.0F + factor : 1.0F;
    const std::vector<float> beta = random_weights(layer + "/beta", from.channels, 0.1);
    std::vector<float> mean;
    std::vector<float> variance;
    std::vector<double> factors;
    std::vector<double> offsets;
    const std::vector<ChannelMoments> moments = moments_of(*from.rehearsed);
    const double usual = mean_variance(moments);
    const double own = trust(from);
    for (const ChannelMoments& channel : moments) {
        const std::size_t c = mean.size();
        mean.push_back(static_cast<float>(channel.mean));
        const double believed = own * channel.variance + (1.0 - own) * usual;
        variance.push_back(static_cast<float>(norm.margin * std::max(believed, variance_min)));
        // The rehearsal goes on without the margin, which stands for what real activations have in addition.
        const double rehearsed = static_cast<double>(variance[c]) / norm.margin;
        factors.push_back(static_cast<double>(gamma[c]) / std::sqrt(rehearsed + static_cast<double>(norm.epsilon)));
        offsets.push_back(static_cast<double>(beta[c]) - static_cast<double>(mean[c]) * factors[c]);
    }
    Rehearsal normed = *from.rehearsed;
    scale_channels(normed, factors, offsets);
    Value value = from;
    value.rehearsed = keep(std::move(normed));
    const Shape shape{from.channels};
    const std::vector<std::string> inputs{
        from.tensor, graph_->store(layer + "/gamma", shape, gamma), graph_->store(layer + "/beta", shape, beta),
        graph_->store(layer + "/moving_mean", shape, mean), graph_->store(layer + "/moving_variance", shape, variance)};
    return add_node(layer, "BatchNormalization", inputs, {{"epsilon", norm.epsilon}}, std::move(value));
}

Value NetworkBuilder::activate(const std::string& layer, Value from, Activation activation) {
    if (activation == Activation::none || !graph_) return from;
    const std::string before = from.tensor;
    if (activation == Activation::softmax)
        return add_node(layer + "_softmax", "Softmax", {before}, {}, std::move(from));
    from.rehearsed = keep(clipped(*from.rehearsed, unbounded));
    return add_node(layer + "_relu", "Relu", {before}, {}, std::move(from));
}

Value NetworkBuilder::relu(const std::string& layer, const Value& from) {
    count({.parameters = 0, .keras_layers = 1});
    if (!graph_) return from;
    Value value = from;
    value.rehearsed = keep(clipped(*from.rehearsed, unbounded));
    return add_node(layer, "Relu", {from.tensor}, {}, std::move(value));
}

Value NetworkBuilder::relu6(const std::string& layer, const Value& from) {
    count({.parameters = 0, .keras_layers = 1});
    if (!graph_) return from;
    Value value = from;
    constexpr float low = 0.0F;
    constexpr float high = 6.0F;
    value.rehearsed = keep(clipped(*from.rehearsed, high));
    const std::vector<std::string> inputs{from.tensor, graph_->store(layer + "/min", {}, std::span(&low, 1)),
                                          graph_->store(layer + "/max", {}, std::span(&high, 1))};
    return add_node(layer, "Clip", inputs, {}, std::move(value));
}

Value NetworkBuilder::add(const std::string& layer, const Value& first, const Value& second) {
    BREAKEVEN_ASSERT(first.channels == second.channels && first.height == second.height && first.width == second.width);
    count({.parameters = 0, .keras_layers = 1});
    if (!graph_) return first;
    Value value = first;
    value.rehearsed = keep(sum(*first.rehearsed, *second.rehearsed));
    return add_node(layer, "Add", {first.tensor, second.tensor}, {}, std::move(value));
}

Value NetworkBuilder::concat(const std::string& layer, const std::vector<Value>& values) {
    count({.parameters = 0, .keras_layers = 1});
    Value result = values.front();
    std::vector<std::string> inputs;
    std::vector<Rehearsed> parts;
    result.channels = 0;
    for (const Value& value : values) {
        BREAKEVEN_ASSERT(value.height == result.height && value.width == result.width);
        inputs.push_back(value.tensor);
        parts.push_back(value.rehearsed);
        result.channels += value.channels;
    }
    if (graph_) result.rehearsed = keep(joined(parts));
    return add_node(layer, "Concat", inputs, {{"axis", std::int64_t{1}}}, std::move(result));
}

Value NetworkBuilder::flatten(const std::string& layer, const Value& from) {
    count({.parameters = 0, .keras_layers = 1});
    Value value = flat(from.channels * from.height * from.width);
    if (graph_) value.rehearsed = keep(flattened(*from.rehearsed, {from.height, from.width}));
    return add_node(layer, "Flatten", {from.tensor}, {}, std::move(value));
}

Value NetworkBuilder::dense(const std::string& layer, const Value& from, std::int64_t units, Activation activation) {
    count({.parameters = from.channels * units + units, .keras_layers = 1});
    Value value = flat(units);
    if (!graph_) return value;
    auto weights = random_weights(layer + "/kernel", from.channels * units, he_limit(from.channels));
    Rehearsal made = multiplied(*from.rehearsed, weights, units);
    const std::vector<float> bias = settle(weights, made, Bias::centred);
    value.rehearsed = keep(std::move(made));
    const std::vector<std::string> inputs{from.tensor,
                                          graph_->store(layer + "/kernel", {from.channels, units}, weights),
                                          graph_->store(layer + "/bias", {units}, bias)};
    return activate(layer, add_node(layer, "Gemm", inputs, {}, std::move(value)), activation);
}

void NetworkBuilder::count(const Counts& added) {
    counts_.parameters += added.parameters;
    counts_.keras_layers += added.keras_layers;
}

void NetworkBuilder::output(const Value& probabilities) {
    if (graph_) graph_->output("probs", probabilities.tensor, DType::float32, {probabilities.channels});
}

Model NetworkBuilder::finish() {
    BREAKEVEN_ASSERT(graph_.has_value());
    graph_->metadata(weights_metadata_key, "seeded");
    return graph_->finish();
}

}  // namespace breakeven
