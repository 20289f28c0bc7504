// Recipe: see recipe.h.
#include "breakeven/compress/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "breakeven/compress/fold.h"
#include "breakeven/compress/network.h"
#include "breakeven/error.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {
namespace {

constexpr std::string_view known_letters = "PWSQ";

std::string million(std::int64_t count) {
    return count < 100'000 ? fmt::format("{}", count) : fmt::format("{:.2f} M", static_cast<double>(count) / 1e6);
}

/// "BatchNormalization x 27: unknown here": alike ones in one line.
std::vector<std::string> lines_of(const std::vector<LeftAlone>& left_alone) {
    std::map<std::pair<std::string, std::string>, std::size_t> counts;
    for (const LeftAlone& each : left_alone) ++counts[{each.op, each.reason}];
    std::vector<std::string> lines;
    for (const auto& [what, count] : counts) {
        lines.push_back(count == 1 ? fmt::format("{}: {}", what.first, what.second)
                                   : fmt::format("{} x {}: {}", what.first, count, what.second));
    }
    return lines;
}

/// One variant in the making.
class Kitchen {
   public:
    Kitchen(const Model& model, const RecipeOptions& options, const Calibration& calibration)
        : options_(options), calibration_(calibration), result_{.model = model} {}

    Compressed cook(const std::string& letters) {
        if (options_.quantize.fold) fold();
        for (const char letter : letters) {
            switch (letter) {
                case 'P': prune_weights(); break;
                case 'W': cluster_weights(); break;
                case 'S': remove_channels(); break;
                case 'Q': quantize_weights(); break;
                default: BREAKEVEN_ASSERT(false);
            }
        }
        Network network(result_.model);
        auto& entry = *network.proto().add_metadata_props();
        entry.set_key(std::string(recipe_metadata_key));
        entry.set_value(letters);
        result_.model = network.finish();
        return std::move(result_);
    }

   private:
    void tell(const std::string& what, std::optional<double> share = {}) const {
        if (options_.progress) options_.progress(what, share);
    }
    void tell(const std::string& what, std::size_t done, std::size_t total) const {
        tell(what, static_cast<double>(done) / static_cast<double>(std::max<std::size_t>(total, 1)));
    }
    const Calibration* samples() const { return calibration_.samples.count > 0 ? &calibration_ : nullptr; }

    void done(char letter, std::string what, std::vector<std::string> left_alone) {
        const std::string bytes = result_.model.serialized();
        result_.steps.push_back({.letter = letter,
                                 .what = std::move(what),
                                 .left_alone = std::move(left_alone),
                                 .parameters = result_.model.facts().parameters,
                                 .nonzero = nonzero_weights(result_.model),
                                 .file_size = Bytes(static_cast<std::int64_t>(bytes.size()))});
    }

    void fold() {
        Network network(result_.model);
        if (fold_batch_norms(network) > 0) result_.model = network.finish();
    }

    /// A letter that finds nothing to change is no variant of it.
    void check_changed(char letter, std::size_t layers, const std::vector<LeftAlone>& left_alone) const {
        if (layers > 0) return;
        const std::string attempt = fmt::format("apply {} to '{}'", letter, printable(result_.model.name(), 120));
        if (left_alone.empty()) {
            throw Error(ErrorKind::input, attempt, "it has no Conv, Gemm or MatMul with stored weights");
        }
        throw Error(
            ErrorKind::input, attempt,
            fmt::format("no layer could be changed ({}); if it is quantized already, start from the float model",
                        lines_of(left_alone).front()));
    }

    void prune_weights() {
        PruneOptions options = options_.prune;
        options.progress = [&](const PrunedLayer& layer, std::size_t at, std::size_t total) {
            tell("P: pruning " + layer.node, at, total);
        };
        Network network(result_.model);
        const PruneReport report = prune(network, options, samples());
        result_.model = network.finish();
        check_changed('P', report.layers.size(), report.left_alone);
        std::int64_t weights = 0;
        std::int64_t zeros = 0;
        for (const PrunedLayer& layer : report.layers) {
            weights += layer.weights;
            zeros += layer.zeros;
        }
        const bool fitted = samples() != nullptr && options.reconstruction == Reconstruction::least_squares;
        done('P',
             fmt::format("{} of {} weights in {} layers are zero{}", million(zeros), million(weights),
                         report.layers.size(), fitted ? ", the others fitted" : ""),
             lines_of(report.left_alone));
    }

    void cluster_weights() {
        ClusterOptions options = options_.cluster;
        options.progress = [&](const ClusteredLayer& layer, std::size_t at, std::size_t total) {
            tell("W: clustering " + layer.node, at, total);
        };
        Network network(result_.model);
        const ClusterReport report = cluster(network, options, samples());
        result_.model = network.finish();
        std::int64_t weights = 0;
        std::size_t layers = 0;
        for (const ClusteredLayer& layer : report.layers) {
            if (!layer.note.empty()) continue;
            weights += layer.weights;
            ++layers;
        }
        check_changed('W', layers, report.left_alone);
        done('W',
             fmt::format("{} weights in {} layers share {} values a layer", million(weights), layers, options.clusters),
             lines_of(report.left_alone));
    }

    void remove_channels() {
        ChannelOptions options = options_.channels;
        options.progress = [&](const std::string& what, std::size_t at, std::size_t total) {
            tell("S: " + what, at, total);
        };
        PrunedNetwork pruned = prune_channels(result_.model, options, calibration_);
        result_.model = std::move(pruned.model);
        std::int64_t gone = 0;
        for (const PrunedChannels& group : pruned.report.groups) gone += group.before - group.after;
        std::string what = fmt::format("{} channels gone, {} of {} multiply-adds left", gone,
                                       million(pruned.report.macs_after), million(pruned.report.macs_before));
        if (options.fit) {
            what += fmt::format("; layers that fit: {} before, {} now, of {}", pruned.report.layers_fit_before,
                                pruned.report.layers_fit_after, pruned.report.layers);
        }
        done('S', std::move(what), lines_of(pruned.report.left_alone));
    }

    void quantize_weights() {
        QuantizeOptions options = options_.quantize;
        options.progress = [&](std::string_view stage) { tell(fmt::format("Q: {}", stage)); };
        const Quantization quantization(result_.model, calibration_.samples, calibration_.execute, options);
        if (options_.sensitivity == SensitivityStudy::measured) {
            tell("Q: which layers suffer most");
            result_.sensitivities = layer_sensitivities(quantization, calibration_.samples, calibration_.execute);
        }
        if (options_.drop_points_max) {
            tell("Q: which layers must stay in float");
            MixedPrecision mixed =
                quantize_within(quantization, result_.sensitivities, *options_.drop_points_max, options_.drop);
            result_.model = std::move(mixed.model);
            result_.kept_float = std::move(mixed.kept_float);
            result_.drop_points = mixed.drop_points;
            result_.floor_holds = mixed.floor_holds;
        } else {
            result_.model = quantization.model();
        }
        const QuantizeReport report = quantization.report(result_.kept_float);
        std::vector<std::string> left_alone;
        for (const OperatorCount& each : report.left_alone) {
            left_alone.push_back(fmt::format("{} x {}: runs in float", each.op, each.count));
        }
        const auto quantized = std::ranges::count_if(report.layers, &QuantizedLayer::quantized);
        done('Q',
             fmt::format("{} of {} layers in 8 bits, calibrated on {} samples", quantized, report.layers.size(),
                         report.samples),
             std::move(left_alone));
    }

    const RecipeOptions& options_;
    const Calibration& calibration_;
    Compressed result_;
};

template <class T>
std::int64_t zeros_in(const std::string& raw) {
    const std::span<const T> values(reinterpret_cast<const T*>(raw.data()), raw.size() / sizeof(T));
    return std::ranges::count(values, T(0));
}

}  // namespace

std::string parse_recipe(std::string_view text) {
    const auto wrong = [&](const std::string& reason) {
        return Error(ErrorKind::usage, fmt::format("read recipe '{}'", printable(std::string(text), 40)), reason);
    };
    if (text.empty()) throw wrong("it has no letter; P prunes, W clusters, S removes channels, Q makes 8-bit integers");
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (known_letters.find(text[i]) == std::string_view::npos) {
            throw wrong(fmt::format("'{}' is none of P (prune), W (cluster), S (remove channels), Q (8-bit integers)",
                                    printable(std::string(1, text[i]), 4)));
        }
        if (text.find(text[i], i + 1) != std::string_view::npos) {
            throw wrong(fmt::format("'{}' is there twice", text[i]));
        }
        if (text[i] == 'Q' && i + 1 < text.size()) throw wrong("Q comes last: integers cannot be changed after it");
    }
    return std::string(text);
}

Compressed compress(const Model& model, const std::string& letters, const RecipeOptions& options,
                    const Calibration& calibration) {
    BREAKEVEN_ASSERT(!options.drop_points_max || options.drop);
    BREAKEVEN_ASSERT(!options.drop_points_max || options.sensitivity == SensitivityStudy::measured);
    return Kitchen(model, options, calibration).cook(parse_recipe(letters));
}

std::int64_t nonzero_weights(const Model& model) {
    Network network(model);
    std::int64_t zeros = 0;
    for (const auto& tensor : network.graph().initializer()) {
        if (tensor.data_type() == onnx::TensorProto::FLOAT && tensor.dims_size() > 0) {
            zeros += zeros_in<float>(tensor.raw_data());
        }
        if (tensor.data_type() != onnx::TensorProto::INT8 || !tensor.has_raw_data()) continue;
        // Integers that are weights are dequantized; zero points are not, and are no weights.
        for (const onnx::NodeProto* node : network.consumers(tensor.name())) {
            if (node->op_type() != "DequantizeLinear" || node->input(0) != tensor.name()) continue;
            zeros += zeros_in<std::int8_t>(tensor.raw_data());
            break;
        }
    }
    return model.facts().parameters - zeros;
}

}  // namespace breakeven
