// quantize: see quantize.h.
#include "breakeven/compress/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "breakeven/compress/bias.h"
#include "breakeven/compress/calibrate_choose.h"
#include "breakeven/compress/equalize.h"
#include "breakeven/compress/fold.h"
#include "breakeven/compress/network.h"
#include "breakeven/compress/quantize_layer.h"
#include "breakeven/compress/quantize_plan.h"
#include "breakeven/compress/quantize_prepare.h"
#include "breakeven/compress/quantize_write.h"
#include "breakeven/error.h"
#include "breakeven/model/graph_index.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {

namespace {

/// The passes that run more than the network itself look at fewer samples: what they find settles sooner.
constexpr std::size_t choosing_samples_max = 16;
constexpr std::size_t bias_samples_max = 16;

std::unordered_set<std::string> set_of(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    std::unordered_set<std::string> all(a.begin(), a.end());
    all.insert(b.begin(), b.end());
    return all;
}

void check_names(const Model& model, const std::vector<std::string>& layers) {
    for (const std::string& name : layers) {
        const auto& known = model.layers();
        if (std::any_of(known.begin(), known.end(), [&](const Layer& l) { return l.name == name; })) continue;
        throw Error(ErrorKind::input,
                    fmt::format("keep layer '{}' of '{}' in float", printable(name, 120), printable(model.name(), 120)),
                    "the model has no layer of that name; `breakeven inspect --layers` lists them");
    }
}

/// `count` of the samples, evenly spread: neighbours in a data set are often alike.
Samples spread(const Samples& samples, std::size_t count) {
    const std::size_t taken = std::min(samples.count, count);
    return {taken, [samples, taken](std::size_t index) { return samples.at(index * samples.count / taken); }};
}

}  // namespace

struct Quantization::State {
    QuantizeOptions options;
    Model prepared;
    std::map<std::string, Range> ranges;
    BiasShifts shifts;
    QuantizeReport report;

    QuantizePlan plan(const std::vector<std::string>& keep_float, Network& network) const {
        return plan_quantization(network, set_of(options.keep_float, keep_float));
    }

    Model write(const QuantizePlan& plan, const BiasShifts& with) const {
        Network network(prepared);
        // A variant with fewer layers in 8 bits may name a shared range after another of its tensors.
        std::map<std::string, Range> named;
        for (const auto& [tensor, shared] : plan.tensors) {
            const auto range = ranges.find(tensor);
            if (range != ranges.end()) named[shared] = range->second;
        }
        write_quantized(network, plan, named, with, options);
        return network.finish();
    }

    void tell(std::string_view stage) const {
        if (options.progress) options.progress(stage);
    }

    void calibrate(const QuantizePlan& plan, const Samples& samples, const Execute& execute);
};

void Quantization::State::calibrate(const QuantizePlan& plan, const Samples& samples, const Execute& execute) {
    tell("calibrate");
    const auto observations = observe(prepared, plan.sources, options.calibration, samples, execute);
    std::map<std::string, std::vector<ChosenRange>> candidates;
    for (const auto& [shared, observation] : observations) {
        candidates[shared] = candidate_ranges(shared, observation, options.calibration);
    }
    if (options.calibration.method == CalibrationMethod::automatic) tell("choose ranges");
    const auto chosen =
        choose_ranges(prepared, plan, candidates, spread(samples, choosing_samples_max), execute, options.activations);
    for (const auto& [tensor, shared] : plan.tensors) ranges[tensor] = chosen.at(shared).range;
    for (const auto& [shared, range] : chosen) report.ranges.push_back(range);
}

Quantization::Quantization(const Model& model, const Samples& samples, const Execute& execute,
                           const QuantizeOptions& options) {
    check_names(model, options.keep_float);
    const Samples checked = checked_samples(model, samples, options.calibration.samples_max);
    if (options.progress) options.progress("fold");
    // An open network is a copy of all its weights: none stays open while networks run.
    {
        Network network = open_for_quantization(model);
        QuantizeReport report;
        if (options.fold) report.folded = fold_batch_norms(network);
        if (options.equalize) report.equalized = equalize(network);
        report.samples = checked.count;
        state_ = std::make_unique<State>(State{options, network.finish(), {}, {}, std::move(report)});
    }
    const QuantizePlan plan = [&] {
        Network opened(state_->prepared);
        return state_->plan({}, opened);
    }();
    if (plan.nodes.empty()) return;
    state_->calibrate(plan, checked, execute);
    if (options.bias_correction == BiasCorrection::off) return;
    state_->tell("correct biases");
    std::map<std::string, Range> by_shared;
    for (const auto& [tensor, shared] : plan.tensors) by_shared[shared] = state_->ranges.at(tensor);
    state_->shifts =
        bias_shifts(state_->prepared, plan, by_shared, spread(checked, bias_samples_max), execute, options);
    state_->report.biases_corrected = state_->shifts.size();
}

Quantization::~Quantization() = default;
Quantization::Quantization(Quantization&&) noexcept = default;
Quantization& Quantization::operator=(Quantization&&) noexcept = default;

const Model& Quantization::prepared() const {
    return state_->prepared;
}

std::vector<std::string> Quantization::layers() const {
    Network network(state_->prepared);
    std::vector<std::string> names;
    for (const QuantizedNode& node : state_->plan({}, network).nodes) {
        if (node.has_weights) names.push_back(node.node);
    }
    return names;
}

Model Quantization::model(const std::vector<std::string>& keep_float) const {
    Network network(state_->prepared);
    return state_->write(state_->plan(keep_float, network), state_->shifts);
}

Model Quantization::only(const std::string& layer) const {
    std::vector<std::string> others = layers();
    std::erase(others, layer);
    Network network(state_->prepared);
    return state_->write(state_->plan(others, network), state_->shifts);
}

QuantizeReport Quantization::report(const std::vector<std::string>& keep_float) const {
    QuantizeReport report = state_->report;
    Network network(state_->prepared);
    const QuantizePlan plan = state_->plan(keep_float, network);
    const auto kept = set_of(state_->options.keep_float, keep_float);
    std::unordered_set<std::string> in_8_bits;
    for (const QuantizedNode& node : plan.nodes) {
        in_8_bits.insert(node.node);
        if (!node.activation.empty()) in_8_bits.insert(node.activation);
    }
    std::map<std::string, std::size_t> alone;
    for (const onnx::NodeProto& node : network.graph().node()) {
        const bool quantized = in_8_bits.contains(node.name());
        const bool is_layer =
            is_op(node, "Conv") || is_op(node, "ConvTranspose") || is_op(node, "Gemm") || is_op(node, "MatMul");
        if (is_layer) {
            const std::string why = quantized                    ? ""
                                    : kept.contains(node.name()) ? "kept in float"
                                                                 : "its weights are not stored as float32 numbers";
            report.layers.push_back({node.name(), op_of(node), quantized, why});
        } else if (!quantized) {
            ++alone[op_of(node)];
        }
    }
    for (const auto& [op, count] : alone) report.left_alone.push_back({op, count});
    return report;
}

Model quantize(const Model& model, const Samples& samples, const Execute& execute, const QuantizeOptions& options,
               QuantizeReport& report) {
    const Quantization quantization(model, samples, execute, options);
    report = quantization.report();
    return quantization.model();
}

}  // namespace breakeven
