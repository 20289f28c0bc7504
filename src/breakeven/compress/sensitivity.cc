// sensitivity: see sensitivity.h.
#include "breakeven/compress/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "breakeven/compress/network.h"
#include "breakeven/compress/quantize_layer.h"
#include "breakeven/error.h"

namespace breakeven {

namespace {

/// What the last Softmax takes: probabilities near 0 and 1 say little of the noise. Else the outputs.
std::vector<std::string> compared_tensors(const Model& model) {
    Network network(model);
    std::vector<std::string> tensors;
    for (const TensorSpec& output : model.outputs()) {
        const onnx::NodeProto* maker = network.producer(output.name);
        if (maker != nullptr && is_op(*maker, "Softmax") && model.tensor(maker->input(0))) {
            tensors.push_back(maker->input(0));
        } else if (output.dtype == DType::float32) {
            tensors.push_back(output.name);
        }
    }
    return tensors;
}

/// The outputs of all samples, one after the other.
std::vector<float> values_of(const Model& model, const Samples& samples, const Execute& execute) {
    std::vector<float> values;
    execute(with_outputs(model, compared_tensors(model)), samples, [&](std::size_t, std::span<const Tensor> outputs) {
        for (const Tensor& output : outputs) {
            const auto numbers = output.as<float>();
            values.insert(values.end(), numbers.begin(), numbers.end());
        }
    });
    return values;
}

double sqnr_db(const std::vector<float>& reference, const std::vector<float>& values) {
    BREAKEVEN_ASSERT(reference.size() == values.size());
    double signal = 0;
    double noise = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double off = double{values[i]} - double{reference[i]};
        signal += double{reference[i]} * double{reference[i]};
        noise += off * off;
    }
    if (noise == 0) return std::numeric_limits<double>::infinity();
    return 10 * std::log10(signal / noise);
}

}  // namespace

std::vector<LayerSensitivity> layer_sensitivities(const Quantization& quantization, const Samples& samples,
                                                  const Execute& execute, std::size_t samples_max) {
    const Samples few{std::min(samples.count, samples_max), samples.at};
    const std::vector<float> reference = values_of(quantization.prepared(), few, execute);
    std::vector<LayerSensitivity> sensitivities;
    for (const std::string& layer : quantization.layers()) {
        sensitivities.push_back({layer, sqnr_db(reference, values_of(quantization.only(layer), few, execute))});
    }
    std::stable_sort(sensitivities.begin(), sensitivities.end(),
                     [](const auto& a, const auto& b) { return a.output_sqnr_db < b.output_sqnr_db; });
    return sensitivities;
}

double output_sqnr_db(const Model& reference, const Model& model, const Samples& samples, const Execute& execute) {
    return sqnr_db(values_of(reference, samples, execute), values_of(model, samples, execute));
}

MixedPrecision quantize_within(const Quantization& quantization, const std::vector<LayerSensitivity>& sensitivities,
                               double drop_points_max, const Drop& drop) {
    const auto worst = [&](std::size_t count) {
        std::vector<std::string> layers;
        for (std::size_t i = 0; i < count; ++i) layers.push_back(sensitivities[i].layer);
        return layers;
    };
    const auto try_with = [&](std::size_t count) {
        MixedPrecision result{quantization.model(worst(count)), worst(count), 0, false};
        result.drop_points = drop(result.model);
        result.floor_holds = result.drop_points <= drop_points_max;
        return result;
    };
    std::size_t too_few = 0;
    MixedPrecision best = try_with(0);
    if (best.floor_holds) return best;
    std::size_t enough = 0;
    for (std::size_t count = 1; enough == 0; count *= 2) {
        const std::size_t now = std::min(count, sensitivities.size());
        best = try_with(now);
        if (best.floor_holds) {
            enough = now;
        } else if (now == sensitivities.size()) {
            return best;
        } else {
            too_few = now;
        }
    }
    while (enough - too_few > 1) {
        const std::size_t middle = too_few + (enough - too_few) / 2;
        MixedPrecision found = try_with(middle);
        if (found.floor_holds) {
            enough = middle;
            best = std::move(found);
        } else {
            too_few = middle;
        }
    }
    return best;
}

}  // namespace breakeven
