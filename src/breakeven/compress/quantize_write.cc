// quantize_write: see quantize_write.h.
#include "breakeven/compress/quantize_write.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "breakeven/compress/quantize_layer.h"
#include "breakeven/error.h"

namespace breakeven {

namespace {

using onnx::NodeProto;

constexpr float smallest_scale = 1e-12F;

template <class T>
std::string add_scalar(Network& network, const std::string& name, DType dtype, T value) {
    return network.add_stored(name, dtype, {}, std::as_bytes(std::span<const T>(&value, 1)));
}

class Writer {
   public:
    Writer(Network& network, const QuantizePlan& plan, const std::map<std::string, Range>& ranges,
           const std::map<std::string, std::vector<float>>& shifts, const QuantizeOptions& options)
        : network_(network), plan_(plan), ranges_(ranges), shifts_(shifts), options_(options) {
        for (NodeProto& node : *network.graph().mutable_node()) nodes_[node.name()] = &node;
    }

    void write() {
        for (const QuantizedNode& node : plan_.nodes) {
            if (node.has_weights) write_layer(node);
        }
        std::unordered_map<std::string, const QuantizedNode*> makers;
        for (const QuantizedNode& node : plan_.nodes) {
            if (node.rounds_output) makers[node.output] = &node;
        }
        for (const auto& [tensor, shared] : plan_.tensors) {
            const auto maker = makers.find(tensor);
            maker == makers.end() ? write_taken(tensor) : write_made(tensor, *maker->second);
        }
        network_.changed();
    }

   private:
    struct Scale {
        ActivationScale value;
        std::string scale, zero_point;  // tensors
    };

    const Scale& scale_of(const std::string& tensor) {
        const std::string& shared = plan_.tensors.at(tensor);
        const auto known = scales_.find(shared);
        if (known != scales_.end()) return known->second;
        const auto range = ranges_.find(shared);
        BREAKEVEN_ASSERT(range != ranges_.end());
        Scale scale;
        scale.value = activation_scale(range->second, options_.activations);
        scale.scale = add_scalar(network_, shared + "_scale", DType::float32, scale.value.scale);
        const std::string name = shared + "_zero_point";
        scale.zero_point =
            options_.activations == ActivationForm::unsigned_8
                ? add_scalar(network_, name, DType::uint8, static_cast<std::uint8_t>(scale.value.zero_point))
                : add_scalar(network_, name, DType::int8, static_cast<std::int8_t>(scale.value.zero_point));
        return scales_.emplace(shared, scale).first->second;
    }

    /// A tensor that float operators make: only takers in 8 bits see it rounded.
    void write_taken(const std::string& tensor) {
        const Scale& scale = scale_of(tensor);
        const std::string integers =
            network_.add_node("QuantizeLinear", {tensor, scale.scale, scale.zero_point}, tensor + "_quantized")
                .output(0);
        const std::string rounded =
            network_.add_node("DequantizeLinear", {integers, scale.scale, scale.zero_point}, tensor + "_rounded")
                .output(0);
        for (const QuantizedNode& node : plan_.nodes) {
            for (std::string& input : *nodes_.at(node.node)->mutable_input()) {
                if (input == tensor) input = rounded;
            }
        }
    }

    /// A tensor that an operator in 8 bits makes: its name moves behind the rounding, so that all takers see that.
    void write_made(const std::string& tensor, const QuantizedNode& maker) {
        const Scale& scale = scale_of(tensor);
        NodeProto& node = *nodes_.at(maker.node);
        if (!maker.activation.empty()) {
            NodeProto& activation = *nodes_.at(maker.activation);
            activation.clear_input();
            activation.set_output(0, network_.fresh(tensor + "_unused"));
        }
        node.set_output(0, network_.fresh(tensor + "_unrounded"));
        const std::string integers =
            network_.add_node("QuantizeLinear", {node.output(0), scale.scale, scale.zero_point}, tensor + "_quantized")
                .output(0);
        network_.add_node("DequantizeLinear", {integers, scale.scale, scale.zero_point}, tensor + "_rounded")
            .set_output(0, tensor);
    }

    void write_layer(const QuantizedNode& of) {
        NodeProto& node = *nodes_.at(of.node);
        const WeightLayout layout = *weight_layout(network_, node);
        std::vector<float> bias = bias_of(network_, node);
        const auto shift = shifts_.find(of.node);
        const bool shifted = shift != shifts_.end() && node.op_type() != "MatMul";
        for (std::size_t i = 0; shifted && i < bias.size(); ++i) bias[i] += shift->second[i];
        const float input_scale = scale_of(of.inputs.front()).value.scale;
        const RoundedWeights rounded =
            round_weights(network_.weights(node.input(1)), layout, options_, floors_of(bias, layout, input_scale));
        const bool has_bias = node.input_size() > 2 && !node.input(2).empty();
        if (has_bias || shifted) write_bias(node, bias, rounded, input_scale);
        write_weights(node, layout, rounded);
    }

    /// So that a bias is at most 2^30 steps: it shares 32 bits with the sum of products.
    static std::vector<float> floors_of(const std::vector<float>& bias, const WeightLayout& layout, float input_scale) {
        std::vector<float> floors(static_cast<std::size_t>(layout.axis_length()), 0.0F);
        for (std::size_t i = 0; i < bias.size(); ++i) {
            float& floor = floors[i % floors.size()];
            floor = std::max(floor, std::abs(bias[i]) / (input_scale * 1073741824.0F));
        }
        return floors;
    }

    void write_bias(NodeProto& node, const std::vector<float>& bias, const RoundedWeights& rounded, float input_scale) {
        std::vector<std::int32_t> values;
        std::vector<float> scales;
        for (std::size_t i = 0; i < bias.size(); ++i) {
            const float scale = input_scale * rounded.scales[i % rounded.scales.size()];
            values.push_back(static_cast<std::int32_t>(std::lrint(double{bias[i]} / double{scale})));
            scales.push_back(scale);
        }
        const std::string wish = node.name() + "_bias";
        const Shape shape{static_cast<std::int64_t>(bias.size())};
        const std::string stored = network_.add_stored(wish + "_integers", DType::int32, shape,
                                                       std::as_bytes(std::span<const std::int32_t>(values)));
        const std::string scale = network_.add_weights(wish + "_scale", shape, scales);
        NodeProto& real = network_.add_node("DequantizeLinear", {stored, scale}, wish + "_rounded");
        set_attribute(real, "axis", std::int64_t{0});
        while (node.input_size() < 3) node.add_input();
        node.set_input(2, real.output(0));
    }

    void write_weights(NodeProto& node, const WeightLayout& layout, const RoundedWeights& rounded) {
        const std::string tensor = node.input(1);
        auto& known = written_[tensor];
        for (const auto& [scales, real] : known) {  // of another layer with the same weights
            if (scales == rounded.scales) return node.set_input(1, real);
        }
        const std::string stored =
            network_.add_stored(tensor + "_integers", DType::int8, network_.weights_shape(tensor),
                                std::as_bytes(std::span<const std::int8_t>(rounded.values)));
        const bool one = rounded.scales.size() == 1 && options_.weight_scales == WeightScales::per_tensor;
        const Shape shape = one ? Shape{} : Shape{static_cast<std::int64_t>(rounded.scales.size())};
        const std::string scale = network_.add_weights(tensor + "_scale", shape, rounded.scales);
        const std::vector<std::int8_t> zeros(rounded.scales.size(), 0);
        const std::string zero = network_.add_stored(tensor + "_zero_point", DType::int8, shape,
                                                     std::as_bytes(std::span<const std::int8_t>(zeros)));
        NodeProto& real = network_.add_node("DequantizeLinear", {stored, scale, zero}, tensor + "_rounded");
        if (!one) set_attribute(real, "axis", std::int64_t{layout.output_axis});
        node.set_input(1, real.output(0));
        known.emplace_back(rounded.scales, real.output(0));
    }

    Network& network_;
    const QuantizePlan& plan_;
    const std::map<std::string, Range>& ranges_;
    const std::map<std::string, std::vector<float>>& shifts_;
    const QuantizeOptions& options_;
    std::unordered_map<std::string, NodeProto*> nodes_;
    std::unordered_map<std::string, Scale> scales_;
    std::unordered_map<std::string, std::vector<std::pair<std::vector<float>, std::string>>> written_;
};

}  // namespace

ActivationScale activation_scale(Range range, ActivationForm form) {
    range = with_zero(range);
    ActivationScale result;
    result.scale = std::max((range.high - range.low) / 255.0F, smallest_scale);
    result.zero_point = std::clamp(static_cast<int>(std::lrint(-range.low / result.scale)), 0, 255);
    if (form == ActivationForm::signed_8) result.zero_point -= 128;
    return result;
}

RoundedWeights round_weights(std::span<const float> weights, const WeightLayout& layout, const QuantizeOptions& options,
                             std::span<const float> floors) {
    const bool one = options.weight_scales == WeightScales::per_tensor;
    const auto most = options.weight_bits == WeightBits::eight ? 127.0F : 63.0F;
    const auto entries = static_cast<std::size_t>(one ? 1 : layout.axis_length());
    RoundedWeights rounded;
    rounded.scales.assign(entries, smallest_scale * most);
    const auto entry_of = [&](std::int64_t row, std::int64_t column) {
        return one ? std::size_t{0} : static_cast<std::size_t>(layout.axis_index(row, column));
    };
    const auto each = [&](const auto& visit) {
        std::size_t at = 0;
        for (std::int64_t row = 0; row < layout.rows; ++row) {
            for (std::int64_t column = 0; column < layout.columns; ++column) {
                for (std::int64_t i = 0; i < layout.inner; ++i, ++at) visit(weights[at], entry_of(row, column));
            }
        }
    };
    each([&](float w, std::size_t entry) { rounded.scales[entry] = std::max(rounded.scales[entry], std::abs(w)); });
    for (float& scale : rounded.scales) scale /= most;
    for (std::size_t i = 0; i < floors.size(); ++i) {
        float& scale = rounded.scales[i % entries];
        scale = std::max(scale, floors[i]);
    }
    rounded.values.reserve(weights.size());
    each([&](float w, std::size_t entry) {
        const float level = std::clamp(std::nearbyint(w / rounded.scales[entry]), -most, most);
        rounded.values.push_back(static_cast<std::int8_t>(level));
    });
    return rounded;
}

std::vector<float> dequantized(const RoundedWeights& rounded, const WeightLayout& layout) {
    std::vector<float> values;
    values.reserve(rounded.values.size());
    std::size_t at = 0;
    for (std::int64_t row = 0; row < layout.rows; ++row) {
        for (std::int64_t column = 0; column < layout.columns; ++column) {
            const float scale =
                rounded.scales[static_cast<std::size_t>(layout.axis_index(row, column)) % rounded.scales.size()];
            for (std::int64_t i = 0; i < layout.inner; ++i, ++at) {
                values.push_back(static_cast<float>(rounded.values[at]) * scale);
            }
        }
    }
    return values;
}

void write_quantized(Network& network, const QuantizePlan& plan, const std::map<std::string, Range>& ranges,
                     const std::map<std::string, std::vector<float>>& shifts, const QuantizeOptions& options) {
    Writer(network, plan, ranges, shifts, options).write();
}

}  // namespace breakeven
