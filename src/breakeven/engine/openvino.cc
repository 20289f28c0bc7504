// OpenVINO as an engine: see openvino.h.
#include "breakeven/engine/openvino.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
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

/// The state of one run, and whose memory its inputs are: a caller that asks again from the same memory need not have
/// it set again.
struct Request {
    explicit Request(Owned<ov_infer_request_t> made) : handle(std::move(made)) {}

    struct Input {
        const std::byte* data = nullptr;
        Shape shape;
    };
    Owned<ov_infer_request_t> handle;
    std::vector<Input> inputs;
};

/// One graph compiled for a device, and its requests; those not in use wait in `idle_`.
class Requests final : public std::enable_shared_from_this<Requests> {
   public:
    Requests(std::shared_ptr<const OpenVinoLibrary> library, Owned<ov_compiled_model_t> compiled)
        : library_(std::move(library)), compiled_(std::move(compiled)) {}

    const OpenVinoFunctions& call() const { return library_->call(); }
    const ov_compiled_model_t* compiled() const { return compiled_.get(); }
    void check(ov_status_e status) const { library_->check(status, "run the model"); }

    /// A request that goes back when nobody holds it any more: outputs lie in its memory.
    std::shared_ptr<Request> take() {
        std::unique_ptr<Request> request;
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                request = std::move(idle_.back());
                idle_.pop_back();
            }
        }
        if (!request) {
            ov_infer_request_t* raw = nullptr;
            check(call().ov_compiled_model_create_infer_request(compiled_.get(), &raw));
            request = std::make_unique<Request>(Owned<ov_infer_request_t>(raw, call().ov_infer_request_free));
        }
        return {request.release(), [own = shared_from_this()](Request* given) { own->give_back(given); }};
    }

   private:
    void give_back(Request* given) {
        std::unique_ptr<Request> request(given);
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(request));
    }

    std::shared_ptr<const OpenVinoLibrary> library_;
    Owned<ov_compiled_model_t> compiled_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Request>> idle_;
};

class OpenVinoRunner final : public Runner {
   public:
    explicit OpenVinoRunner(std::shared_ptr<Requests> requests)
        : requests_(std::move(requests)), call_(requests_->call()) {
        std::size_t count = 0;
        check(call_.ov_compiled_model_inputs_size(requests_->compiled(), &count));
        for (std::size_t i = 0; i < count; ++i) inputs_.push_back(spec(call_.ov_compiled_model_input_by_index, i));
        check(call_.ov_compiled_model_outputs_size(requests_->compiled(), &count));
        for (std::size_t i = 0; i < count; ++i) {
            bool closed = true;
            outputs_.push_back(spec(call_.ov_compiled_model_output_by_index, i, &closed));
            is_closed_.push_back(closed);
        }
    }

    const std::vector<TensorSpec>& inputs() const override { return inputs_; }
    const std::vector<TensorSpec>& outputs() const override { return outputs_; }

    RunResult run(std::span<const Tensor> tensors) override {
        check_tensors(inputs_, tensors);
        const std::shared_ptr<Request> request = requests_->take();
        request->inputs.resize(tensors.size());
        for (std::size_t i = 0; i < tensors.size(); ++i) set_input(*request, i, tensors[i]);
        check(call_.ov_infer_request_infer(request->handle.get()));
        RunResult result;
        result.outputs.reserve(outputs_.size());
        for (std::size_t i = 0; i < outputs_.size(); ++i) result.outputs.push_back(output(request, i));
        return result;
    }

   private:
    void check(ov_status_e status) const { requests_->check(status); }

    /// `closed`: set to whether rank and dimensions are known.
    TensorSpec spec(auto&& port_of, std::size_t index, bool* closed = nullptr) const {
        ov_output_const_port_t* raw = nullptr;
        check(port_of(requests_->compiled(), index, &raw));
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
        if (closed != nullptr) *closed = partial.rank.min == partial.rank.max && element_count(shape).has_value();
        call_.ov_partial_shape_free(&partial);
        return {.name = std::move(text), .dtype = dtype_of(type), .shape = std::move(shape)};
    }

    void set_input(Request& request, std::size_t index, const Tensor& tensor) const {
        Request::Input& known = request.inputs[index];
        if (known.data == tensor.bytes().data() && known.shape == tensor.shape()) return;
        known.data = nullptr;  // whatever fails below, the next run sets it
        const Owned<ov_tensor_t> input = over(tensor);
        check(call_.ov_infer_request_set_input_tensor_by_index(request.handle.get(), index, input.get()));
        known = {tensor.bytes().data(), tensor.shape()};
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

    /// Where the request has it: no copy.
    Tensor output(const std::shared_ptr<Request>& request, std::size_t index) const {
        ov_tensor_t* raw = nullptr;
        check(call_.ov_infer_request_get_output_tensor_by_index(request->handle.get(), index, &raw));
        const Owned<ov_tensor_t> found(raw, call_.ov_tensor_free);
        Shape shape = outputs_[index].shape;
        if (!is_closed_[index]) {
            ov_shape_t dimensions{};
            check(call_.ov_tensor_get_shape(raw, &dimensions));
            shape.assign(dimensions.dims, dimensions.dims + dimensions.rank);
            call_.ov_shape_free(&dimensions);
        }
        void* data = nullptr;
        std::size_t size = 0;
        check(call_.ov_tensor_data(raw, &data));
        check(call_.ov_tensor_get_byte_size(raw, &size));
        return {outputs_[index].dtype, std::move(shape), {static_cast<std::byte*>(data), size}, request};
    }

    std::shared_ptr<Requests> requests_;
    const OpenVinoFunctions& call_;
    std::vector<TensorSpec> inputs_;
    std::vector<TensorSpec> outputs_;
    std::vector<bool> is_closed_;  ///< outputs whose shape is known; of a scalar the library tells none
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
        return std::make_unique<OpenVinoRunner>(
            std::make_shared<Requests>(library, compile(*library, read.get(), platform, attempt)));
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
                opened_.library = std::make_shared<const OpenVinoLibrary>(options_);
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
        const bool tflite = is_tflite(model.bytes);
        if (!model.path.empty() && (!tflite || model.path.extension() == ".tflite")) {
            library.check(call.ov_core_read_model(library.core(), model.path.c_str(), nullptr, &raw), attempt);
        } else if (tflite) {
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
        std::map<std::string, std::string> properties{{"PERFORMANCE_HINT", "LATENCY"}};
        if (platform.unit == "cpu") {
            // One stream: one inference at a time uses all the threads, as ONNX Runtime does.
            properties["INFERENCE_NUM_THREADS"] = fmt::format("{}", platform.number);
            properties["NUM_STREAMS"] = "1";
            properties["INFERENCE_PRECISION_HINT"] = "f32";
        }
        for (const auto& [key, value] : options_of(platform)) properties[key] = value;
        // The C interface takes a count of words, two a property, and that many words: it does not look at the rest.
        constexpr std::size_t words_max = 16;
        std::array<const char*, words_max> w{};
        std::size_t count = 0;
        if (2 * properties.size() > words_max) {
            throw Error(ErrorKind::usage, attempt, fmt::format("at most {} properties", words_max / 2));
        }
        for (const auto& [key, value] : properties) {
            w[count++] = key.c_str();
            w[count++] = value.c_str();
        }
        library.check(
            call.ov_core_compile_model(library.core(), model, device.c_str(), count, &raw, w[0], w[1], w[2], w[3], w[4],
                                       w[5], w[6], w[7], w[8], w[9], w[10], w[11], w[12], w[13], w[14], w[15]),
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
