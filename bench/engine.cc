// What our layer adds to the engine's own call: Runner::run against a bare Ort::Session::Run of the same library on the
// same model, whose values are made once. The aim: at most 5 microseconds.
#define ORT_API_MANUAL_INIT
#include <dlfcn.h>
#include <onnxruntime_cxx_api.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

#include "breakeven/engine/onnxruntime.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/stats/summary.h"
#include "fakes/tiny_models.h"

namespace {

using namespace breakeven;

constexpr int calls_a_round = 2000;

/// The bare call: one input, one output, everything prepared outside the timed region.
class BareCall {
   public:
    BareCall(const std::string& model, const Tensor& input)
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

Seconds round_of(const std::function<void()>& call) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls_a_round; ++i) call();
    return Seconds(std::chrono::steady_clock::now() - start) / calls_a_round;
}

void compare(const char* title, const std::string& model, const Shape& shape) {
    const auto engine = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    const auto runner =
        engine->load({.name = title, .bytes = model, .path = {}, .sha256 = ""}, parse_platform("cpu:1"), {});
    const Tensor input = sample_input({.name = "x", .dtype = DType::float32, .shape = shape}, 1);
    BareCall bare(model, input);
    const std::function<void()> ours = [&] { (void)runner->run({&input, 1}); };
    const std::function<void()> floor = [&] { bare(); };
    round_of(ours);
    round_of(floor);
    std::vector<Seconds> our_rounds;
    std::vector<Seconds> floor_rounds;
    for (int round = 0; round < 40; ++round) {
        our_rounds.push_back(round_of(ours));
        floor_rounds.push_back(round_of(floor));
    }
    const Summary a = *summarize(our_rounds);
    const Summary b = *summarize(floor_rounds);
    std::printf("%-28s ours %.2f us, bare %.2f us: our layer adds %.2f us (aim: at most 5)\n", title,
                a.p50.count() * 1e6, b.p50.count() * 1e6, (a.p50 - b.p50).count() * 1e6);
}

}  // namespace

int main() {
    void* handle = dlopen(BREAKEVEN_ONNXRUNTIME_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    using ApiBase = const OrtApiBase* (*)();
    Ort::InitApi(reinterpret_cast<ApiBase>(dlsym(handle, "OrtGetApiBase"))()->GetApi(ORT_API_VERSION));
    compare("identity, 1 float", fakes::identity_model({1}), {1});
    compare("identity, 150,528 bytes", fakes::identity_model({1, 3, 112, 112}), {1, 3, 112, 112});
    compare("small convolution", fakes::small_convolution_model(32), {1, 3, 32, 32});
}
