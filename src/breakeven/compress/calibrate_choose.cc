// calibrate_choose: see calibrate_choose.h.
#include "breakeven/compress/calibrate_choose.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "breakeven/compress/quantize_layer.h"
#include "breakeven/compress/quantize_write.h"
#include "breakeven/error.h"
#include "breakeven/model/onnx_tensor.h"

namespace breakeven {

namespace {

using onnx::NodeProto;

/// A graph that computes, beside the network, sums of squares as its only outputs.
class Probe {
   public:
    explicit Probe(const Model& model) : network_(model) { network_.graph().clear_output(); }

    Network& network() { return network_; }

    /// The rounding error of a tensor.
    std::string error_of(const std::string& tensor, const ActivationScale& scale, ActivationForm form) {
        const std::string scale_tensor = network_.add_weights("probe_scale", {}, std::span(&scale.scale, 1));
        const auto unsigned_zero = static_cast<std::uint8_t>(scale.zero_point);
        const auto signed_zero = static_cast<std::int8_t>(scale.zero_point);
        const std::string zero =
            form == ActivationForm::unsigned_8
                ? network_.add_stored("probe_zero", DType::uint8, {}, std::as_bytes(std::span(&unsigned_zero, 1)))
                : network_.add_stored("probe_zero", DType::int8, {}, std::as_bytes(std::span(&signed_zero, 1)));
        const std::string integers = node("QuantizeLinear", {tensor, scale_tensor, zero});
        return node("Sub", {node("DequantizeLinear", {integers, scale_tensor, zero}), tensor});
    }

    /// What the layer makes of another input, without its bias.
    std::string through(const NodeProto& layer, const std::string& input) {
        NodeProto copy = layer;
        copy.clear_input();
        copy.add_input(input);
        copy.add_input(layer.input(1));
        copy.clear_output();
        copy.add_output(network_.fresh("probe"));
        copy.set_name(network_.fresh("probe_layer"));
        *network_.graph().add_node() = copy;
        network_.changed();
        return copy.output(0);
    }

    /// Adds the sum of the tensor's squares to the outputs; returns its index.
    std::size_t square(const std::string& tensor) {
        const auto known = squares_.find(tensor);
        if (known != squares_.end()) return known->second;
        NodeProto& sum = network_.add_node("ReduceSumSquare", {tensor}, "probe_square");
        set_attribute(sum, "keepdims", std::int64_t{0});
        auto& output = *network_.graph().add_output();
        output.set_name(sum.output(0));
        output.mutable_type()->mutable_tensor_type()->set_elem_type(onnx_type_of(DType::float32));
        return squares_.emplace(tensor, squares_.size()).first->second;
    }

   private:
    std::string node(const std::string& op, const std::vector<std::string>& inputs) {
        return network_.add_node(op, inputs, "probe").output(0);
    }

    Network network_;
    std::unordered_map<std::string, std::size_t> squares_;
};

/// A range that clips must leave this share of min-max's noise or less: what it clips in other samples is not seen.
constexpr double worth_it = 0.9;

/// One place where a candidate makes noise: indices of sums of squares.
struct Noise {
    std::size_t error = 0;
    std::size_t signal = 0;
};

struct Trial {
    const ChosenRange* range = nullptr;
    std::vector<Noise> noises;
};

/// Tensors of the group that layers take, with those layers; else the tensors that fill it.
std::vector<std::pair<std::string, const NodeProto*>> places(const QuantizePlan& plan, const std::string& shared,
                                                             Network& network) {
    std::unordered_map<std::string, const NodeProto*> by_name;
    for (const NodeProto& node : network.graph().node()) by_name[node.name()] = &node;
    std::vector<std::pair<std::string, const NodeProto*>> found;
    for (const QuantizedNode& node : plan.nodes) {
        if (!node.has_weights || plan.tensors.at(node.inputs.front()) != shared) continue;
        found.emplace_back(node.inputs.front(), by_name.at(node.node));
    }
    if (!found.empty()) return found;
    for (const std::string& source : plan.sources.at(shared)) found.emplace_back(source, nullptr);
    return found;
}

}  // namespace

std::map<std::string, ChosenRange> choose_ranges(const Model& model, const QuantizePlan& plan,
                                                 const std::map<std::string, std::vector<ChosenRange>>& candidates,
                                                 const Samples& samples, const Execute& execute, ActivationForm form) {
    std::map<std::string, ChosenRange> chosen;
    std::map<std::string, std::vector<Trial>> trials;
    Probe probe(model);
    std::size_t sums = 0;
    for (const auto& [shared, ranges] : candidates) {
        BREAKEVEN_ASSERT(!ranges.empty());
        chosen[shared] = ranges.front();
        if (ranges.size() < 2) continue;
        const auto where = places(plan, shared, probe.network());
        for (const ChosenRange& range : ranges) {
            Trial& trial = trials[shared].emplace_back(Trial{&range, {}});
            for (const auto& [tensor, layer] : where) {
                const std::string error = probe.error_of(tensor, activation_scale(range.range, form), form);
                const std::string noise = layer == nullptr ? error : probe.through(*layer, error);
                trial.noises.push_back(
                    {probe.square(noise), probe.square(layer == nullptr ? tensor : layer->output(0))});
                sums = std::max({sums, trial.noises.back().error + 1, trial.noises.back().signal + 1});
            }
        }
    }
    if (trials.empty()) return chosen;
    std::vector<double> totals(sums, 0.0);
    execute(probe.network().finish(), samples, [&](std::size_t, std::span<const Tensor> outputs) {
        BREAKEVEN_ASSERT(outputs.size() == totals.size());
        for (std::size_t i = 0; i < outputs.size(); ++i) totals[i] += double{outputs[i].as<float>()[0]};
    });
    for (const auto& [shared, of] : trials) {
        double least = std::numeric_limits<double>::infinity();
        for (const Trial& trial : of) {
            double loss = 0;
            for (const Noise& noise : trial.noises) {
                loss += totals[noise.error] / std::max(totals[noise.signal], 1e-30);
            }
            if (loss >= least) continue;
            least = &trial == &of.front() ? worth_it * loss : loss;
            chosen[shared] = *trial.range;
        }
    }
    return chosen;
}

}  // namespace breakeven
