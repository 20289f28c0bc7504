// ONNX Runtime as an engine: see onnxruntime.h.
#include "breakeven/engine/onnxruntime.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

#include "breakeven/engine/onnxruntime_options.h"
#include "breakeven/engine/onnxruntime_providers.h"
#include "breakeven/engine/onnxruntime_tensor.h"
#include "breakeven/engine/shared_library.h"
#include "breakeven/engine/tensor_check.h"
#include "breakeven/error.h"
#include "breakeven/model/tflite.h"

namespace breakeven {
namespace {

/// The environment all sessions share, or the reason why there is none.
struct Library {
    void* handle = nullptr;
    const OrtApiBase* base = nullptr;
    std::string version;
    std::string problem;
    std::unique_ptr<Ort::Env> environment;
};

// A log line of the library would break the rule that stderr holds our narration alone; its errors come as exceptions.
void ignore_log(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

const OrtApi* load_api(Library& library) {
    using ApiBase = const OrtApiBase* (*)();
    const auto base = reinterpret_cast<ApiBase>(dlsym(library.handle, "OrtGetApiBase"));
    if (base == nullptr) return nullptr;
    library.base = base();
    if (library.base == nullptr) return nullptr;
    library.version = library.base->GetVersionString();
    return library.base->GetApi(ORT_API_VERSION);
}

std::unique_ptr<Ort::Env> make_environment(const OnnxRuntimeOptions& options) {
    if (options.pool == OnnxRuntimeOptions::Pool::per_model) {
        return std::make_unique<Ort::Env>(ORT_LOGGING_LEVEL_FATAL, "breakeven", ignore_log, nullptr);
    }
    Ort::ThreadingOptions threading;
    threading.SetGlobalIntraOpNumThreads(options.shared_threads);
    threading.SetGlobalInterOpNumThreads(1);
    threading.SetGlobalSpinControl(0);
    return std::make_unique<Ort::Env>(static_cast<const OrtThreadingOptions*>(threading), ignore_log, nullptr,
                                      ORT_LOGGING_LEVEL_FATAL, "breakeven");
}

Library open_library(const OnnxRuntimeOptions& options) {
    const auto found = std::find_if(options.libraries.begin(), options.libraries.end(), [](const auto& path) {
        std::error_code ignored;
        return std::filesystem::exists(path, ignored);
    });
    if (found == options.libraries.end()) {
        return {.problem =
                    "ONNX Runtime's library is not here: `./dev setup` fetches it, or set "
                    "BREAKEVEN_ONNXRUNTIME to a libonnxruntime.so"};
    }
    if (options.trial) {
        if (const std::string refusal = options.trial(*found); !refusal.empty()) return {.problem = refusal};
    }
    const SharedLibrary opened = open_shared(*found);
    if (opened.handle == nullptr) return {.problem = opened.problem};
    Library library{.handle = opened.handle};
    const OrtApi* api = load_api(library);
    if (api == nullptr) {
        library.problem =
            fmt::format("'{}' is not an ONNX Runtime of version 1.{} or newer; it says {}", found->string(),
                        ORT_API_VERSION, library.version.empty() ? "nothing of a version" : library.version);
        return library;
    }
    // The C++ wrapper keeps one interface a process, set once: sessions may be opened from many threads.
    static const OrtApi* const first = (Ort::InitApi(api), api);
    if (api != first) {
        library.problem = fmt::format("'{}' is not the ONNX Runtime that this process already uses", found->string());
        return library;
    }
    try {
        library.environment = make_environment(options);
    } catch (const Ort::Exception& error) {
        library.problem = fmt::format("ONNX Runtime does not start: {}", error.what());
    }
    return library;
}

std::vector<TensorSpec> specs(std::size_t count, auto&& name_of, auto&& type_of) {
    std::vector<TensorSpec> result;
    for (std::size_t i = 0; i < count; ++i) {
        const Ort::TypeInfo type = type_of(i);
        const std::string name = name_of(i);
        if (type.GetONNXType() != ONNX_TYPE_TENSOR) {
            throw Error(ErrorKind::unsupported, fmt::format("run a model with '{}'", name),
                        "it is a sequence, map or optional; only tensors can be inputs and outputs");
        }
        const auto info = type.GetTensorTypeAndShapeInfo();
        Shape shape = info.GetShape();
        for (std::int64_t& dimension : shape) dimension = std::max<std::int64_t>(dimension, -1);
        result.push_back({.name = name, .dtype = dtype_of(info.GetElementType()), .shape = std::move(shape)});
    }
    return result;
}

class OnnxRuntimeRunner final : public Runner {
   public:
    OnnxRuntimeRunner(const Ort::Env& environment, const ModelImage& model, const Ort::SessionOptions& options)
        : session_(model.path.empty() ? Ort::Session(environment, model.bytes.data(), model.bytes.size(), options)
                                      : Ort::Session(environment, model.path.c_str(), options)) {
        const Ort::AllocatorWithDefaultOptions allocator;
        inputs_ = specs(
            session_.GetInputCount(),
            [&](std::size_t i) { return std::string(session_.GetInputNameAllocated(i, allocator).get()); },
            [&](std::size_t i) { return session_.GetInputTypeInfo(i); });
        outputs_ = specs(
            session_.GetOutputCount(),
            [&](std::size_t i) { return std::string(session_.GetOutputNameAllocated(i, allocator).get()); },
            [&](std::size_t i) { return session_.GetOutputTypeInfo(i); });
        for (const TensorSpec& spec : inputs_) input_names_.push_back(spec.name.c_str());
        for (const TensorSpec& spec : outputs_) output_names_.push_back(spec.name.c_str());
    }

    const std::vector<TensorSpec>& inputs() const override { return inputs_; }
    const std::vector<TensorSpec>& outputs() const override { return outputs_; }
    std::optional<Placement> placement() const override { return placement_; }

    const OrtSession* session() const { return session_; }
    void tell(std::optional<Placement> placement) { placement_ = std::move(placement); }

    RunResult run(std::span<const Tensor> tensors) override {
        check_tensors(inputs_, tensors);
        try {
            std::vector<Ort::Value> values;
            values.reserve(tensors.size());
            for (const Tensor& tensor : tensors) values.push_back(to_ort(tensor));
            // The outputs stay in the engine's memory: each Tensor keeps its Value alive.
            std::vector<Ort::Value> produced =
                session_.Run(Ort::RunOptions{nullptr}, input_names_.data(), values.data(), values.size(),
                             output_names_.data(), output_names_.size());
            RunResult result;
            result.outputs.reserve(produced.size());
            for (Ort::Value& value : produced) result.outputs.push_back(from_ort(std::move(value)));
            return result;
        } catch (const Ort::Exception& error) {
            throw Error(ErrorKind::input, "run the model", error.what());
        }
    }

   private:
    Ort::Session session_;
    std::optional<Placement> placement_;
    std::vector<TensorSpec> inputs_;
    std::vector<TensorSpec> outputs_;
    std::vector<const char*> input_names_;
    std::vector<const char*> output_names_;
};

class OnnxRuntime final : public Engine {
   public:
    explicit OnnxRuntime(const OnnxRuntimeOptions& options)
        : pool_(options.pool),
          profile_prefix_(options.profile_prefix),
          plugins_{.files = options.plugins, .trial = options.trial},
          library_(open_library(options)) {}

    std::string name() const override { return "onnxruntime"; }
    std::string version() const override { return library_.version; }

    std::vector<PlatformStatus> platforms() const override {
        std::vector<PlatformStatus> all;
        const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
        for (int threads = 1; threads < cores; threads *= 2) all.push_back(cpu(threads));
        all.push_back(cpu(cores));
        if (!library_.problem.empty()) return all;
        for (PlatformStatus& status : providers().platforms()) all.push_back(std::move(status));
        return all;
    }

    std::unique_ptr<Runner> load(const ModelImage& model, const Platform& platform,
                                 const LoadOptions& options) override {
        const std::string attempt = fmt::format("load model '{}' on {}", model.name, to_text(platform));
        if (!library_.problem.empty()) throw Error(ErrorKind::unsupported, attempt, library_.problem);
        if (is_tflite(model.bytes)) {
            throw Error(ErrorKind::unsupported, attempt,
                        "ONNX Runtime reads no TFLite files; openvino:cpu:N does (see `breakeven platforms`)");
        }
        try {
            auto runner =
                std::make_unique<OnnxRuntimeRunner>(*library_.environment, model, session_options(platform, options));
            if (platform.unit != "cpu") runner->tell(providers().placement(runner->session(), platform));
            return runner;
        } catch (const Ort::Exception& error) {
            throw Error(ErrorKind::input, attempt, error.what());
        }
    }

   private:
    PlatformStatus cpu(int threads) const {
        return {.platform = {.engine = "onnxruntime", .unit = "cpu", .number = threads},
                .available = library_.problem.empty(),
                .reason = library_.problem};
    }

    Ort::SessionOptions session_options(const Platform& platform, const LoadOptions& options) const {
        Ort::SessionOptions session;
        session.SetGraphOptimizationLevel(options.optimize ? ORT_ENABLE_ALL : ORT_DISABLE_ALL);
        session.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
        if (!profile_prefix_.empty()) session.EnableProfiling(profile_prefix_.c_str());
        if (pool_ == OnnxRuntimeOptions::Pool::shared) {
            session.DisablePerSessionThreads();
        } else {
            if (platform.unit == "cpu") session.SetIntraOpNumThreads(platform.number);
            session.SetInterOpNumThreads(1);
        }
        if (platform.unit == "xnnpack") {  // it brings threads of its own, and its authors advise against two pools
            session.SetIntraOpNumThreads(1);
            session.AddConfigEntry("session.intra_op.allow_spinning", "0");
        }
        for (const auto& [key, value] : options_of(platform)) {
            if (key.find('.') != std::string::npos) {
                session.AddConfigEntry(key.c_str(), value.c_str());
            } else if (platform.unit == "cpu") {
                set_session_option(session, platform, key, value);
            }
        }
        if (platform.unit != "cpu") providers().add_to(session, platform);
        return session;
    }

    /// Asked for at the first platform that needs them: loading plugins takes a while.
    const OnnxRuntimeProviders& providers() const {
        std::call_once(once_, [this] {
            providers_.emplace(OnnxRuntimeProviders::Library{.handle = library_.handle,
                                                             .base = library_.base,
                                                             .environment = *library_.environment,
                                                             .version = library_.version},
                               plugins_);
        });
        return *providers_;
    }

    OnnxRuntimeOptions::Pool pool_;
    std::string profile_prefix_;
    OnnxRuntimeProviders::Plugins plugins_;
    Library library_;
    mutable std::once_flag once_;
    mutable std::optional<OnnxRuntimeProviders> providers_;
};

}  // namespace

std::unique_ptr<Engine> make_onnxruntime(const OnnxRuntimeOptions& options) {
    return std::make_unique<OnnxRuntime>(options);
}

}  // namespace breakeven
