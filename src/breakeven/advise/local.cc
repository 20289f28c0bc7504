// The device's own platforms: see local.h.
#include "breakeven/advise/local.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "breakeven/error.h"
#include "breakeven/measure/agreement.h"
#include "breakeven/measure/data_set.h"
#include "breakeven/measure/machine.h"
#include "breakeven/measure/measurement.h"
#include "breakeven/measure/noise.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/model/tflite.h"

namespace breakeven {
namespace {

/// Of a TFLite file those of the engine that reads it.
std::vector<Platform> platforms_of(const AdviseRequest& request, const ModelImage& model, const AdviseTools& tools) {
    if (!request.platforms.empty()) return request.platforms;
    std::vector<Platform> available;
    std::string reason;
    for (const PlatformStatus& status : tools.engines.platforms()) {
        const bool reads = !is_tflite(model.bytes) || status.platform.engine == Engines::cpu_for(model, 1).engine;
        if (!status.available) {
            reason = status.reason;
        } else if (reads && status.platform.unit != "auto") {  // a choice among the others, in a precision of its own
            available.push_back(status.platform);
        }
    }
    if (available.empty()) throw Error(ErrorKind::unsupported, "find a platform on this machine", reason);
    return available;
}

CalendarTime calendar_now() {
    return std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now());
}

const std::optional<Summary> no_latency;

/// Fewer runs do not show where the warm-up ends (stats/warmup.h); local runs are short, so they can be more.
constexpr std::size_t runs_least = 60;

/// A loaded platform that must be measured anew.
struct Loaded {
    Platform platform;
    std::unique_ptr<Runner> runner;
    MeasurementKey key;
};

/// The network's first contact with each engine happens elsewhere: one that dies of it, or ends the process, leaves the
/// others to go on.
void meet(const ModelFile& model, const Platform& platform, const AdviseTools& tools) {
    tools.contact.of_version(tools.engines.version(platform)).with(model.image, platform);
}

/// What tells an engine that is less accurate; nothing without labels, or where they would mean nothing.
std::optional<DataSet> labelled_samples(const AdviseRequest& request, const Model& model) {
    if (!request.data || is_untrained(model)) return std::nullopt;
    constexpr std::size_t most = 100;
    DataSet data =
        DataSet(*request.data, request.preprocess ? *request.preprocess : preprocess_of(model)).limited(most);
    return data.is_labelled() ? std::optional(std::move(data)) : std::nullopt;
}

/// A measurement that cannot be kept (disk full, say) is still an answer.
void keep(Store& store, const MeasurementKey& key, const StoredMeasurement& stored,
          std::vector<std::string>& warnings) {
    try {
        store.put(key, stored);
    } catch (const Error& error) {
        warnings.push_back(fmt::format("not kept: {}", error.what()));
    }
}

/// Each once more as the slower device that was asked for.
void measure_slowed_too(LocalMeasurements& measured, const AdviseRequest& request, const ModelFile& model,
                        AdviseTools& tools) {
    const std::vector<Tensor> inputs = sample_inputs(model.model.inputs(), 1);
    for (LocalMeasurement& local : measured.platforms) {
        if (tools.stop != nullptr && *tools.stop) return;
        tools.progress(fmt::format("measuring {} slowed down", to_text(local.platform)));
        const auto runner = tools.engines.load(model.image, local.platform, {});
        local.slowed = measure_slowed(*runner, inputs,
                                      {.platform = local.platform, .unslowed = local.p50, .slowdown = request.slowdown},
                                      tools.clock);
    }
}

}  // namespace

LocalMeasurements measure_local(const AdviseRequest& request, const ModelFile& model, AdviseTools& tools) {
    const Machine machine = this_machine();
    const std::size_t runs = std::max(request.runs, runs_least);
    const std::vector<Tensor> inputs = sample_inputs(model.model.inputs(), 1);
    LocalMeasurements result;
    std::vector<Loaded> to_measure;
    std::optional<Error> first_failure;  // of those that do not take it: told where nothing else does
    const std::optional<DataSet> labelled = labelled_samples(request, model.model);
    EngineSamples samples;
    if (labelled) samples.labelled = labelled->task(1, DataSet::Labels::used);
    EngineCheck check(tools.engines, model.model, model.image, std::move(samples));
    for (const Platform& platform : platforms_of(request, model.image, tools)) {
        const MeasurementKey key{.host = fingerprint(machine),
                                 .model_sha256 = model.image.sha256,
                                 .platform = platform,
                                 .engine_version = tools.engines.version(platform),
                                 .inputs = inputs_key(inputs),
                                 .breakeven_version = tools.version};
        if (tools.store != nullptr) {
            const auto stored = tools.store->latest(key);
            const auto& latency = stored ? stored->measurement.latency : no_latency;
            if (latency && latency->n >= runs && calendar_now() - stored->taken < fresh_for) {
                result.platforms.push_back(
                    {.platform = platform, .p50 = latency->p50, .p99 = latency->p99, .from_store = true});
                continue;
            }
        }
        try {
            tools.progress(
                fmt::format("first contact with '{}' on {}, in a child process", model.image.name, to_text(platform)));
            meet(model, platform, tools);
            std::unique_ptr<Runner> runner = tools.engines.load(model.image, platform, {});
            tools.progress(fmt::format("comparing {} with the reference", to_text(platform)));
            const EngineVerdict& verdict = check.verdict(platform, *runner);
            const std::string& problem = verdict.problem;
            if (!verdict.not_compared.empty()) {
                const std::string line = fmt::format("{} was not compared: {}", platform.engine, verdict.not_compared);
                if (std::ranges::find(result.warnings, line) == result.warnings.end()) result.warnings.push_back(line);
            }
            if (problem.empty()) {
                to_measure.push_back({platform, std::move(runner), key});
            } else if (std::ranges::find(result.warnings, problem) == result.warnings.end()) {
                result.warnings.push_back(problem);
            }
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::internal) throw;
            result.warnings.emplace_back(error.what());
            if (!first_failure) first_failure = error;
        }
    }

    std::vector<Subject> subjects;
    for (const Loaded& loaded : to_measure) subjects.push_back({loaded.platform, *loaded.runner, inputs});
    if (!subjects.empty()) {
        const NoiseWatch noise(machine, tools.clock);
        PowerMeter meter{Powers{}};
        const MeasureOptions options{
            .runs = runs,
            .progress =
                [&](const Progress& p) {
                    tools.progress(fmt::format("measuring this device: {:.0f} %", 100 * p.fraction));
                },
            .stop = tools.stop};
        const MeasurementSet set = measure(subjects, options, tools.clock, meter);
        for (std::size_t i = 0; i < to_measure.size(); ++i) {
            const Measurement& measurement = set.measurements[i];
            if (measurement.failure) {
                result.warnings.push_back(
                    fmt::format("{}: {}", to_text(measurement.platform), measurement.failure->what()));
            } else if (measurement.latency) {
                result.platforms.push_back({.platform = measurement.platform,
                                            .p50 = measurement.latency->p50,
                                            .p99 = measurement.latency->p99,
                                            .from_store = false});
                if (tools.store != nullptr && !set.interrupted) {
                    keep(*tools.store, to_measure[i].key,
                         {.measurement = measurement,
                          .peak_memory = set.peak_memory,
                          .machine = to_text(machine),
                          .warnings = set.warnings,
                          .taken = calendar_now()},
                         result.warnings);
                }
            }
        }
        result.warnings.insert(result.warnings.end(), set.warnings.begin(), set.warnings.end());
        for (const std::string& line : noise.warnings()) result.warnings.push_back(line);
    }
    if (result.platforms.empty() && to_measure.empty() && first_failure) throw *first_failure;
    if (result.platforms.empty()) {
        throw Error(ErrorKind::unsupported, fmt::format("run model '{}' on this device", model.image.name),
                    result.warnings.empty() ? "no platform could be measured" : result.warnings.front());
    }
    if (request.slowdown > 1.0) measure_slowed_too(result, request, model, tools);
    return result;
}

}  // namespace breakeven
