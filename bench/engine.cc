// What our layer adds to an engine's own call: Runner::run against the bare call of the same library on the same model,
// whose tensors are made once. Both engines. The aim: at most 5 microseconds, whatever the size: nothing is copied.
#define ORT_API_MANUAL_INIT
#include <dlfcn.h>
#include <fmt/format.h>
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

#include "bench_main.h"
#include "breakeven/engine/onnxruntime.h"
#include "breakeven/engine/openvino.h"
#include "breakeven/engine/openvino_library.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/stats/summary.h"
#include "fakes/tiny_models.h"

namespace {

using namespace breakeven;

constexpr Seconds round_time{0.02};
constexpr int rounds = 40;

/// One input, one output, everything prepared outside the timed region.
class BareOnnxRuntime {
   public:
    BareOnnxRuntime(const std::string& model, const Tensor& input)
        : environment_(ORT_LOGGING_LEVEL_FATAL, "bench"),
          session_(environment_, model.data(), model.size(), options()) {
        const auto memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);
        input_ =
            Ort::Value::CreateTensor(memory, const_cast<std::byte*>(input.bytes().data()), input.bytes().size(),
                                     input.shape().data(), input.shape().size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
    }
    void operator()() {
        const char* input_name = "x";
        const char* output_name = "y";
        session_.Run(Ort::RunOptions{nullptr}, &input_name, &input_, 1, &output_name, 1);
    }

   private:
    static Ort::SessionOptions options() {
        Ort::SessionOptions options;
        options.SetIntraOpNumThreads(1);
        options.SetInterOpNumThreads(1);
        return options;
    }
    Ort::Env environment_;
    Ort::Session session_;
    Ort::Value input_{nullptr};
};

/// The same of OpenVINO: one request whose tensors are set once.
class BareOpenVino {
   public:
    BareOpenVino(const std::string& model, const Tensor& input)
        : library_(OpenVinoOptions{.libraries = {BREAKEVEN_OPENVINO_LIBRARY}}) {
        const OpenVinoFunctions& call = library_.call();
        const auto check = [&](ov_status_e status) { library_.check(status, "call OpenVINO"); };
        ov_model_t* read = nullptr;
        check(call.ov_core_read_model_from_memory_buffer(library_.core(), model.data(), model.size(), nullptr, &read));
        model_ = {read, call.ov_model_free};
        ov_compiled_model_t* compiled = nullptr;
        check(call.ov_core_compile_model(library_.core(), read, "CPU", 8, &compiled, "INFERENCE_NUM_THREADS", "1",
                                         "NUM_STREAMS", "1", "INFERENCE_PRECISION_HINT", "f32", "PERFORMANCE_HINT",
                                         "LATENCY"));
        compiled_ = {compiled, call.ov_compiled_model_free};
        ov_infer_request_t* request = nullptr;
        check(call.ov_compiled_model_create_infer_request(compiled, &request));
        request_ = {request, call.ov_infer_request_free};
        ov_tensor_t* tensor = nullptr;
        const ov_shape_t shape{static_cast<std::int64_t>(input.shape().size()),
                               const_cast<std::int64_t*>(input.shape().data())};
        check(call.ov_tensor_create_from_host_ptr(ov_element_type_e::F32, shape,
                                                  const_cast<std::byte*>(input.bytes().data()), &tensor));
        const Owned<ov_tensor_t> owned(tensor, call.ov_tensor_free);
        check(call.ov_infer_request_set_input_tensor_by_index(request, 0, tensor));
    }
    void operator()() { library_.check(library_.call().ov_infer_request_infer(request_.get()), "run"); }

   private:
    OpenVinoLibrary library_;
    Owned<ov_model_t> model_{nullptr, nullptr};
    Owned<ov_compiled_model_t> compiled_{nullptr, nullptr};
    Owned<ov_infer_request_t> request_{nullptr, nullptr};
};

Seconds processor_time() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return Seconds(static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec));
}

/// Of one call.
struct Times {
    std::vector<Seconds> wall;
    std::vector<Seconds> processor;
};

void time_round(const std::function<void()>& call, int calls, Times& times) {
    const auto start = std::chrono::steady_clock::now();
    const Seconds processor = processor_time();
    for (int i = 0; i < calls; ++i) call();
    times.processor.push_back((processor_time() - processor) / calls);
    times.wall.push_back(Seconds(std::chrono::steady_clock::now() - start) / calls);
}

/// The median of the rounds' differences, and the interval in which half of them lie.
std::string added(const std::vector<Seconds>& ours, const std::vector<Seconds>& bare) {
    std::vector<double> apart;
    for (std::size_t i = 0; i < ours.size(); ++i) apart.push_back((ours[i] - bare[i]).count() * 1e6);
    std::sort(apart.begin(), apart.end());
    return fmt::format("{:6.2f} ({:.2f} to {:.2f})", apart[apart.size() / 2], apart[apart.size() / 4],
                       apart[3 * apart.size() / 4]);
}

struct Case {
    const char* title;
    std::string model;
    Shape shape;
};

template <class Bare>
void compare(const char* engine_name, Engine& engine, const Platform& platform, const Case& tested) {
    const auto runner =
        engine.load({.name = tested.title, .bytes = tested.model, .path = {}, .sha256 = ""}, platform, {});
    const Tensor input = sample_input({.name = "x", .dtype = DType::float32, .shape = tested.shape}, 1);
    Bare bare(tested.model, input);
    const std::function<void()> ours = [&] { (void)runner->run({&input, 1}); };
    const std::function<void()> floor = [&] { bare(); };
    Times warmup;
    time_round(floor, 200, warmup);
    const int calls = std::max(20, static_cast<int>(round_time / warmup.wall.front()));
    time_round(ours, calls, warmup);
    Times our_times, floor_times;
    for (int round = 0; round < rounds; ++round) {
        time_round(round % 2 == 0 ? ours : floor, calls, round % 2 == 0 ? our_times : floor_times);
        time_round(round % 2 == 0 ? floor : ours, calls, round % 2 == 0 ? floor_times : our_times);
    }
    fmt::print("{:<12} {:<24} bare {:8.2f} us; we add, of time {}, of the processor's {} us\n", engine_name,
               tested.title, summarize(floor_times.wall)->p50.count() * 1e6, added(our_times.wall, floor_times.wall),
               added(our_times.processor, floor_times.processor));
}

int run(const std::vector<std::string>&) {
    void* handle = dlopen(BREAKEVEN_ONNXRUNTIME_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    using ApiBase = const OrtApiBase* (*)();
    Ort::InitApi(reinterpret_cast<ApiBase>(dlsym(handle, "OrtGetApiBase"))()->GetApi(ORT_API_VERSION));
    const std::vector<Case> cases{
        {"identity, 1 float", fakes::identity_model({1}), {1}},
        {"identity, 150,528 bytes", fakes::identity_model({1, 3, 112, 112}), {1, 3, 112, 112}},
        {"plus one, 150,528 bytes", fakes::add_one_model({1, 3, 112, 112}), {1, 3, 112, 112}},
        {"small convolution", fakes::small_convolution_model(32), {1, 3, 32, 32}},
    };
    const auto onnxruntime = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    const auto openvino = make_openvino({.libraries = {BREAKEVEN_OPENVINO_LIBRARY}});
    fmt::print("medians of {} interleaved rounds, and where half of them lie; the aim is at most 5 us\n", rounds);
    for (const Case& each : cases) {
        compare<BareOnnxRuntime>("ONNX Runtime", *onnxruntime, parse_platform("cpu:1"), each);
    }
    for (const Case& each : cases) {
        compare<BareOpenVino>("OpenVINO", *openvino, parse_platform("openvino:cpu:1"), each);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return bench_main("bench_engine", run, argc, argv);
}
