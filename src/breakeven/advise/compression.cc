// Compression: see compression.h.
#include "breakeven/advise/compression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "breakeven/compress/pack.h"
#include "breakeven/engine/execute.h"
#include "breakeven/error.h"
#include "breakeven/measure/data_set.h"
#include "breakeven/measure/measurement.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/model/parts.h"

namespace breakeven {
namespace {

/// Agreement on fewer samples says too little to be printed as a percentage.
constexpr std::size_t compared_least = 10;

/// One such number would be in every weight that is fitted to the samples.
void check_finite(const Tensor& input, const std::string& sample) {
    if (input.dtype() != DType::float32) return;
    const auto values = input.as<float>();
    if (std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) return;
    throw Error(ErrorKind::input, fmt::format("calibrate on sample '{}'", sample),
                "it holds numbers that are not finite; look at it and at its preprocessing");
}

Samples samples_of(const DataSet& data, const TensorSpec& spec) {
    return {.count = data.size(), .at = [&data, spec](std::size_t index) {
                Tensor input = data.input(index, with_batch(spec, 1));
                check_finite(input, data.name(index));
                return std::vector<Tensor>{std::move(input)};
            }};
}

/// Speed is measured on the platform that was asked for; what is only counted may take all of a CPU's threads.
Platform all_threads(Platform platform) {
    if (platform.unit == "cpu") platform.number = std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
    return platform;
}

Bytes size_of_text(const std::string& bytes) {
    return Bytes(static_cast<std::int64_t>(bytes.size()));
}

FormFigures figures_of(const Model& model) {
    const std::string bytes = model.serialized();
    return {.parameters = model.facts().parameters,
            .nonzero = nonzero_weights(model),
            .file_size = size_of_text(bytes),
            .packed_size = size_of_text(pack(bytes).bytes),
            .latency = {},
            .top1 = {}};
}

class Cooking {
   public:
    Cooking(const ModelFile& model, const CompressionRequest& request, CompressionTools& tools)
        : model_(model.model), request_(request), tools_(tools), preprocess_(preprocess()) {
        const bool samples = request.calibration || request.data;
        if (samples && model_.inputs().size() != 1) {
            throw Error(ErrorKind::input, fmt::format("compress '{}' with samples", model_.name()),
                        fmt::format("samples are for networks with one input, it has {}", model_.inputs().size()));
        }
        if (request.calibration) {
            calibration_ = DataSet(*request.calibration, preprocess_).limited(request.calibration_samples);
        }
        if (request.data) {
            DataSet all(*request.data, preprocess_);
            if (calibration_) all = all.without(*calibration_);
            data_ = all.limited(request.data_limit);
        } else if (calibration_ && calibration_->size() >= compared_least) {
            data_ = calibration_;
        }
        result_.is_untrained = breakeven::is_untrained(model_) || !data_ || !data_->is_labelled();
        if (needs_engine()) base_ = tools.engines.load(image_of(model_), request.platform, {});
    }

    CompressionResult cook() {
        RecipeOptions options = request_.options;
        options.progress = [&](const std::string& what, std::optional<double> share) {
            if (tools_.stop != nullptr && *tools_.stop) {
                throw Error(ErrorKind::unavailable, fmt::format("compress '{}'", model_.name()), "it was interrupted");
            }
            tools_.progress(share ? fmt::format("{}, {:.0f} %", what, 100.0 * *share) : what);
        };
        options.drop = [&](const Model& variant) { return drop_of(variant); };
        if (options.drop_points_max && !data_) {
            throw Error(ErrorKind::usage, fmt::format("compress '{}' within an accuracy floor", model_.name()),
                        "say on which samples (--data DIR, or --calibration DIR for agreement)");
        }
        Calibration calibration;
        calibration.execute = execute_on(tools_.engines, all_threads(request_.platform));
        if (calibration_) calibration.samples = samples_of(*calibration_, model_.inputs().front());
        result_.calibration_samples = calibration.samples.count;
        result_.compressed = compress(model_, request_.recipe, options, calibration);
        result_.before = figures_of(model_);
        result_.after = figures_of(result_.compressed.model);
        if (!needs_engine()) return std::move(result_);
        const auto variant = tools_.engines.load(image_of(result_.compressed.model), request_.platform, {});
        if (request_.runs > 0) time(*variant);
        if (data_) compare(*variant);
        return std::move(result_);
    }

   private:
    Preprocess preprocess() const { return request_.preprocess ? *request_.preprocess : preprocess_of(model_); }

    bool needs_engine() const { return request_.runs > 0 || data_ || calibration_; }

    DataSet::Labels labels() const { return result_.is_untrained ? DataSet::Labels::left_out : DataSet::Labels::used; }

    Evaluation evaluate_against(Runner& variant, const std::string& what) {
        return evaluate(data_->task(5, labels()), *base_, &variant, [&](std::size_t done, const Evaluation&) {
            tools_.progress(fmt::format("{}: {} of {} samples", what, done, data_->size()));
            return tools_.stop != nullptr && *tools_.stop ? Onwards::stop : Onwards::go_on;
        });
    }

    /// In points: of accuracy where there are labels, else of disagreement.
    double drop_of(const Model& variant) {
        const auto runner = tools_.engines.load(image_of(variant), request_.platform, {});
        const Evaluation found = evaluate_against(*runner, "how much accuracy is lost");
        if (result_.is_untrained) return 100.0 - share(found.comparison->agreement).in(percent);
        return share(*found.accuracy.top1).in(percent)-share(*found.comparison->second.top1).in(percent);
    }

    void compare(Runner& variant) {
        const Evaluation found = evaluate_against(variant, "accuracy");
        if (found.accuracy.n == 0) return;
        result_.comparison = found.comparison;
        result_.before.top1 = found.accuracy.top1;
        result_.after.top1 = found.comparison->second.top1;
    }

    void time(Runner& variant) {
        const std::vector<Tensor> inputs = sample_inputs(model_.inputs(), 1);
        PowerMeter meter{Powers{}};
        MeasureOptions options{.runs = request_.runs, .stop = tools_.stop};
        options.progress = [&](const Progress& p) {
            tools_.progress(fmt::format("measuring speed: {:.0f} %", 100 * p.fraction));
        };
        const MeasurementSet set =
            measure({{.platform = request_.platform, .runner = *base_, .inputs = inputs, .title = "as given"},
                     {.platform = request_.platform, .runner = variant, .inputs = inputs, .title = request_.recipe}},
                    options, tools_.clock, meter);
        result_.before.latency = set.measurements[0].latency;
        result_.after.latency = set.measurements[1].latency;
        result_.warnings = set.warnings;
    }

    const Model& model_;
    const CompressionRequest& request_;
    CompressionTools& tools_;
    Preprocess preprocess_;
    std::optional<DataSet> calibration_;
    std::optional<DataSet> data_;
    std::unique_ptr<Runner> base_;
    CompressionResult result_{.compressed = {.model = model_}};
};

}  // namespace

CompressionResult compress_model(const ModelFile& model, const CompressionRequest& request, CompressionTools& tools) {
    parse_recipe(request.recipe);  // a slip is told before long work
    if (model.model.external_weights().empty()) return Cooking(model, request, tools).cook();
    throw Error(ErrorKind::unsupported, fmt::format("compress '{}'", model.image.name),
                "its weights lie in files beside it; bring them into one file first");
}

}  // namespace breakeven
