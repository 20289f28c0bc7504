// OpenVINO as an engine: see openvino.h.
#include "breakeven/engine/openvino.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "breakeven/engine/openvino_library.h"
#include "breakeven/engine/tensor_check.h"
#include "breakeven/error.h"
#include "breakeven/files/temporary_file.h"
#include "breakeven/model/tflite.h"

namespace breakeven {
namespace {

constexpr std::string_view engine_name = "openvino";

std::string device_of(const Platform& platform) {
    std::string device = platform.unit;
    for (char& c : device) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (platform.unit != "cpu" && platform.unit != "auto" && platform.number > 0) {
        device += fmt::format(".{}", platform.number);
    }
    return device;
}

/// One graph compiled for a device. A request holds the state of one run; those not in use wait in `idle_`.
class OpenVinoRunner final : public Runner {
   public:
    OpenVinoRunner(std::shared_ptr<const OpenVinoLibrary> library, Owned<ov_compiled_model_t> compiled)
        : library_(std::move(library)), call_(library_->call()), compiled_(std::move(compiled)) {
        std::size_t count = 0;
        check(call_.ov_compiled_model_inputs_size(compiled_.get(), &count));
        for (std::size_t i = 0; i < count; ++i) inputs_.push_back(spec(call_.ov_compiled_model_input_by_index, i));
        check(call_.ov_compiled_model_outputs_size(compiled_.get(), &count));
        for (std::size_t i = 0; i < count; ++i) outputs_.push_back(spec(call_.ov_compiled_model_output_by_index, i));
    }

    const std::vector<TensorSpec>& inputs() const override { return inputs_; }
    const std::vector<TensorSpec>& outputs() const override { return outputs_; }

    RunResult run(std::span<const Tensor> tensors) override {
        check_tensors(inputs_, tensors);
        Owned<ov_infer_request_t> request = take_request();
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            const Owned<ov_tensor_t> input = over(tensors[i]);
            check(call_.ov_infer_request_set_input_tensor_by_index(request.get(), i, input.get()));
        }
        RunResult result;
        for (std::size_t i = 0; i < outputs_.size(); ++i) result.outputs.push_back(prepare_output(request.get(), i));
        check(call_.ov_infer_request_infer(request.get()));
        for (std::size_t i = 0; i < outputs_.size(); ++i) {
            if (!element_count(outputs_[i].shape)) result.outputs[i] = copy_output(request.get(), i);
        }
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(request));
        return result;
    }

   private:
    void check(ov_status_e status) const { library_->check(status, "run the model"); }

    TensorSpec spec(auto&& port_of, std::size_t index) const {
        ov_output_const_port_t* raw = nullptr;
        check(port_of(compiled_.get(), index, &raw));
        const Owned<ov_output_const_port_t> port(raw, call_.ov_output_const_port_free);
        char* name = nullptr;
        std::string text = fmt::format("{}", index);
        if (call_.ov_port_get_any_name(port.get(), &name) == ov_status_e::OK) {
            text = name;
            call_.ov_free(name);
        }
        ov_element_type_e type{};
        check(call_.ov_port_get_element_type(port.get(), &type));
        ov_partial_shape_t partial{};
        check(call_.ov_port_get_partial_shape(port.get(), &partial));
        Shape shape;
        if (partial.rank.min == partial.rank.max) {
            for (std::int64_t d = 0; d < partial.rank.min; ++d) {
                const ov_dimension_t dimension = partial.dims[d];
                shape.push_back(dimension.min == dimension.max ? dimension.min : -1);
            }
        }
        call_.ov_partial_shape_free(&partial);
        return {.name = std::move(text), .dtype = dtype_of(type), .shape = std::move(shape)};
    }

    Owned<ov_infer_request_t> take_request() {
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                Owned<ov_infer_request_t> request = std::move(idle_.back());
                idle_.pop_back();
                return request;
            }
        }
        ov_infer_request_t* raw = nullptr;
        check(call_.ov_compiled_model_create_infer_request(compiled_.get(), &raw));
        return {raw, call_.ov_infer_request_free};
    }

    /// OpenVINO's view of our memory: no copy. It takes inputs as mutable and does not write to them.
    Owned<ov_tensor_t> over(const Tensor& tensor) const {
        ov_tensor_t* raw = nullptr;
        const ov_shape_t shape{static_cast<std::int64_t>(tensor.shape().size()),
                               const_cast<std::int64_t*>(tensor.shape().data())};
        check(call_.ov_tensor_create_from_host_ptr(openvino_type(tensor.dtype()), shape,
                                                   const_cast<std::byte*>(tensor.bytes().data()), &raw));
        return {raw, call_.ov_tensor_free};
    }

    /// An output of a known shape is written straight into a block of ours; others are fetched after the run.
    Tensor prepare_output(ov_infer_request_t* request, std::size_t index) const {
        const TensorSpec& output = outputs_[index];
        if (!element_count(output.shape)) return {};
        Tensor tensor(output.dtype, output.shape);
        const Owned<ov_tensor_t> view = over(tensor);
        check(call_.ov_infer_request_set_output_tensor_by_index(request, index, view.get()));
        return tensor;
    }

    Tensor copy_output(ov_infer_request_t* request, std::size_t index) const {
        ov_tensor_t* raw = nullptr;
        check(call_.ov_infer_request_get_output_tensor_by_index(request, index, &raw));
        const Owned<ov_tensor_t> output(raw, call_.ov_tensor_free);
        ov_shape_t dimensions{};
        check(call_.ov_tensor_get_shape(output.get(), &dimensions));
        Shape shape(dimensions.dims, dimensions.dims + dimensions.rank);
        call_.ov_shape_free(&dimensions);
        void* data = nullptr;
        std::size_t size = 0;
        check(call_.ov_tensor_data(output.get(), &data));
        check(call_.ov_tensor_get_byte_size(output.get(), &size));
        Tensor tensor(outputs_[index].dtype, std::move(shape));
        std::copy_n(static_cast<const std::byte*>(data), size, tensor.mutable_bytes().data());
        return tensor;
    }

    std::shared_ptr<const OpenVinoLibrary> library_;
    const OpenVinoFunctions& call_;
    Owned<ov_compiled_model_t> compiled_;
    std::vector<TensorSpec> inputs_;
    std::vector<TensorSpec> outputs_;
    std::mutex mutex_;
    std::vector<Owned<ov_infer_request_t>> idle_;
};

class OpenVino final : public Engine {
   public:
    explicit OpenVino(OpenVinoOptions options) : options_(std::move(options)) {}

    std::string name() const override { return std::string(engine_name); }

    std::string version() const override { return opened().library == nullptr ? "" : opened().library->version(); }

    std::vector<PlatformStatus> platforms() const override {
        std::vector<PlatformStatus> all;
        const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
        for (int threads = 1; threads < cores; threads *= 2) all.push_back(status("cpu", threads));
        all.push_back(status("cpu", cores));
        for (const char* unit : {"gpu", "npu", "auto"}) all.push_back(status(unit, 0));
        return all;
    }

    std::unique_ptr<Runner> load(const ModelImage& model, const Platform& platform,
                                 const LoadOptions& options) override {
        const std::string attempt = fmt::format("load model '{}' on {}", model.name, to_text(platform));
        if (!options.optimize) {
            throw Error(ErrorKind::unsupported, attempt, "OpenVINO always optimizes; the reference is cpu:1");
        }
        if (const std::string problem = problem_of(platform.unit, platform.number); !problem.empty()) {
            throw Error(ErrorKind::unsupported, attempt, problem);
        }
        const std::shared_ptr<const OpenVinoLibrary>& library = opened().library;
        const Owned<ov_model_t> read = read_model(*library, model, attempt);
        return std::make_unique<OpenVinoRunner>(library, compile(*library, read.get(), platform, attempt));
    }

   private:
    struct Opened {
        std::shared_ptr<const OpenVinoLibrary> library;
        std::vector<std::string> devices;
        std::string problem;
    };

    const Opened& opened() const {
        std::call_once(once_, [this] {
            try {
                opened_.library = std::make_shared<const OpenVinoLibrary>(options_.libraries);
                opened_.devices = opened_.library->devices();
            } catch (const Error& error) {
                opened_.problem = error.what();
            }
        });
        return opened_;
    }

    std::string problem_of(const std::string& unit, int number) const {
        const Opened& found = opened();
        if (!found.problem.empty()) return found.problem;
        const Platform platform{.engine = std::string(engine_name), .unit = unit, .number = number};
        const std::string device = device_of(platform);
        const bool here = unit == "auto" || std::any_of(found.devices.begin(), found.devices.end(), [&](const auto& d) {
                              return d == device || d == device + ".0";
                          });
        if (here) return "";
        return fmt::format("OpenVINO finds no {} here (it finds {})", device, fmt::join(found.devices, ", "));
    }

    PlatformStatus status(const std::string& unit, int number) const {
        const std::string problem = problem_of(unit, number);
        return {.platform = {.engine = name(), .unit = unit, .number = number},
                .available = problem.empty(),
                .reason = problem};
    }

    static Owned<ov_model_t> read_model(const OpenVinoLibrary& library, const ModelImage& model,
                                        const std::string& attempt) {
        ov_model_t* raw = nullptr;
        const OpenVinoFunctions& call = library.call();
        if (!model.path.empty()) {
            library.check(call.ov_core_read_model(library.core(), model.path.c_str(), nullptr, &raw), attempt);
        } else if (is_tflite(model.bytes)) {
            // Its reader for TFLite takes files alone, and knows them by their ending.
            const TemporaryFile file(".tflite", model.bytes);
            library.check(call.ov_core_read_model(library.core(), file.path().c_str(), nullptr, &raw), attempt);
        } else {
            library.check(call.ov_core_read_model_from_memory_buffer(library.core(), model.bytes.data(),
                                                                     model.bytes.size(), nullptr, &raw),
                          attempt);
        }
        return {raw, call.ov_model_free};
    }

    static Owned<ov_compiled_model_t> compile(const OpenVinoLibrary& library, const ov_model_t* model,
                                              const Platform& platform, const std::string& attempt) {
        ov_compiled_model_t* raw = nullptr;
        const OpenVinoFunctions& call = library.call();
        const std::string device = device_of(platform);
        const std::string threads = fmt::format("{}", platform.number);
        // One stream: one inference at a time uses all the threads, as ONNX Runtime does. The C interface takes the
        // count of words, two a property.
        library.check(platform.unit == "cpu"
                          ? call.ov_core_compile_model(library.core(), model, device.c_str(), 8, &raw,
                                                       "INFERENCE_NUM_THREADS", threads.c_str(), "NUM_STREAMS", "1",
                                                       "INFERENCE_PRECISION_HINT", "f32", "PERFORMANCE_HINT", "LATENCY")
                          : call.ov_core_compile_model(library.core(), model, device.c_str(), 2, &raw,
                                                       "PERFORMANCE_HINT", "LATENCY"),
                      attempt);
        return {raw, call.ov_compiled_model_free};
    }

    OpenVinoOptions options_;
    mutable std::once_flag once_;
    mutable Opened opened_;
};

}  // namespace

std::unique_ptr<Engine> make_openvino(const OpenVinoOptions& options) {
    return std::make_unique<OpenVino>(options);
}

}  // namespace breakeven
