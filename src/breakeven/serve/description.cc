// What clients are told about models: see description.h.
#include "breakeven/serve/description.h"

#include <chrono>

#include "breakeven/wire/message.h"

namespace breakeven {
namespace {

/// What OIP calls a model: PROJECT_FORMAT.
const char* platform_of(const ServedModel& model) {
    return model.format == ModelFormat::tflite ? "tensorflow_tflite" : "onnx_onnxv1";
}

/// What a client is told of the largest batch where the model takes any: enough for every load generator.
constexpr int batch_size_max = 128;

inference::DataType data_type_of(DType dtype) {
    switch (dtype) {
        case DType::boolean: return inference::TYPE_BOOL;
        case DType::uint8: return inference::TYPE_UINT8;
        case DType::int8: return inference::TYPE_INT8;
        case DType::uint16: return inference::TYPE_UINT16;
        case DType::int16: return inference::TYPE_INT16;
        case DType::uint32: return inference::TYPE_UINT32;
        case DType::int32: return inference::TYPE_INT32;
        case DType::uint64: return inference::TYPE_UINT64;
        case DType::int64: return inference::TYPE_INT64;
        case DType::float16: return inference::TYPE_FP16;
        case DType::bfloat16: return inference::TYPE_BF16;
        case DType::float32: return inference::TYPE_FP32;
        case DType::float64: return inference::TYPE_FP64;
        case DType::string: return inference::TYPE_STRING;
    }
    return inference::TYPE_INVALID;
}

void describe(const TensorSpec& spec, inference::ModelMetadataResponse::TensorMetadata& out) {
    out.set_name(spec.name);
    out.set_datatype(std::string(protocol_name(spec.dtype)));
    for (const std::int64_t dimension : spec.shape) out.add_shape(dimension);
}

/// In a configuration with batches, dims do not show the batch dimension.
template <class Io>
void configure(const TensorSpec& spec, bool batched, Io& out) {
    out.set_name(spec.name);
    out.set_data_type(data_type_of(spec.dtype));
    for (std::size_t i = batched ? 1 : 0; i < spec.shape.size(); ++i) out.add_dims(spec.shape[i]);
}

void set(inference::StatisticDuration* out, const CountedTime& time) {
    out->set_count(time.count);
    out->set_ns(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time.total).count()));
}

}  // namespace

inference::ModelMetadataResponse metadata_of(const ServedModel& model, const std::vector<std::string>& versions) {
    inference::ModelMetadataResponse out;
    out.set_name(model.name);
    for (const std::string& version : versions) out.add_versions(version);
    out.set_platform(platform_of(model));
    for (const TensorSpec& spec : model.runner->inputs()) describe(spec, *out.add_inputs());
    for (const TensorSpec& spec : model.runner->outputs()) describe(spec, *out.add_outputs());
    if (!model.sha256.empty()) {
        (*out.mutable_parameters())[std::string(sha256_parameter)].set_string_param(model.sha256);
    }
    return out;
}

inference::ModelConfig configuration_of(const ServedModel& model) {
    inference::ModelConfig out;
    out.set_name(model.name);
    out.set_platform(platform_of(model));
    out.set_backend(model.engine);
    out.set_default_model_filename(model.file);
    // Above 0 only where the whole face has a batch dimension: clients drop the first dimension of every shape then.
    out.set_max_batch_size(model.batched ? batch_size_max : 0);
    for (const TensorSpec& spec : model.runner->inputs()) configure(spec, model.batched, *out.add_input());
    for (const TensorSpec& spec : model.runner->outputs()) configure(spec, model.batched, *out.add_output());
    out.mutable_model_transaction_policy()->set_decoupled(false);
    if (!model.sha256.empty()) {
        (*out.mutable_parameters())[std::string(sha256_parameter)].set_string_value(model.sha256);
    }
    return out;
}

inference::ModelStatistics statistics_of(const ServedModel& model) {
    const StatisticsSnapshot counted = model.statistics.snapshot();
    inference::ModelStatistics out;
    out.set_name(model.name);
    out.set_version(std::to_string(model.version));
    out.set_last_inference(static_cast<std::uint64_t>(counted.last_inference_ms));
    out.set_inference_count(counted.inferences);
    out.set_execution_count(counted.executions);
    inference::InferStatistics& times = *out.mutable_inference_stats();
    set(times.mutable_success(), counted.success);
    set(times.mutable_fail(), counted.fail);
    set(times.mutable_queue(), counted.queue);
    set(times.mutable_compute_input(), counted.input);
    set(times.mutable_compute_infer(), counted.compute);
    set(times.mutable_compute_output(), counted.output);
    set(times.mutable_breakeven_cancelled(), counted.cancelled);
    set(times.mutable_cache_hit(), {});
    set(times.mutable_cache_miss(), {});
    for (const auto& [size, of_size] : counted.batches) {
        inference::InferBatchStatistics& batch = *out.add_batch_stats();
        batch.set_batch_size(static_cast<std::uint64_t>(size));
        set(batch.mutable_compute_input(), of_size.input);
        set(batch.mutable_compute_infer(), of_size.compute);
        set(batch.mutable_compute_output(), of_size.output);
    }
    return out;
}

}  // namespace breakeven
