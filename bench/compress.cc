// Quantizing: our 8-bit networks against those of ONNX Runtime's quantize_static (bench/quantize_peer.py: per channel,
// QDQ, min-max), from the same float networks and the same 100 samples: accuracy on the others, signal to noise of the
// logits, speed on one thread, and what making them takes. Needs the shared test data and the Python peers
// (BREAKEVEN_PEERS, else what `./dev test` has made).
// Usage: bench_compress [WORD...]   networks whose file name holds one of the words; "make": only what making them
// takes; "once": made once, not thrice
//        bench_compress ours MODEL FOLDER OUTPUT METHOD   what it starts as a child process
#include <fmt/format.h>
#include <glob.h>
#include <onnx/onnx_pb.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench_main.h"
#include "breakeven/compress/execution.h"
#include "breakeven/compress/quantize.h"
#include "breakeven/engine/child_process.h"
#include "breakeven/engine/engines.h"
#include "breakeven/engine/execute.h"
#include "breakeven/engine/onnxruntime.h"
#include "breakeven/files/files.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/accuracy.h"
#include "breakeven/measure/data_set.h"
#include "breakeven/measure/steady_clock.h"
#include "breakeven/stats/compare.h"
#include "breakeven/stats/proportion.h"
#include "breakeven/stats/summary.h"
#include "breakeven/tensor/npy.h"
#include "breakeven/zoo/synthetic.h"
#include "breakeven/zoo/zoo.h"
#include "fakes/shared_data.h"

namespace {

using namespace breakeven;
namespace fs = std::filesystem;

constexpr std::size_t calibrating_samples = 100;
constexpr std::size_t noise_samples = 100;
constexpr int speed_rounds = 40;

struct Subject {
    std::string file;  ///< below models/onnx; "zoo:NAME" is built here
    std::string data;
    std::string preprocess;
    bool classifies = true;
};

const std::vector<Subject>& subjects() {
    const std::string cifar = "images/cifar10-jpeg-2000";
    const std::string imagenet = "images/imagenet-500";
    const std::string background_first = R"({"label_offset": 1})";
    static const std::vector<Subject> all{
        {"cifar10_little_resnet8_fp32", cifar, "{}"},
        {"cifar10_medium_iclarge_fp32", cifar, "{}"},
        {"cifar10_big_resnet6blk_fp32", cifar, "{}"},
        {"kws_dscnn_fp32", "audio/kws01-500", R"({"dtype": "int8", "mean": 83, "std": 1.7102795283})"},
        {"mnist-cntk", "images/mnist-1000", "{}"},
        {"imagenet_mobilenet_v1_0.25_128_fp32", imagenet, background_first},
        {"imagenet_mobilenet_v1_0.25_224_keras_fp32", imagenet, R"({"range": [-1, 1]})"},
        {"imagenet_mobilenet_v1_0.5_160_fp32", imagenet, background_first},
        {"imagenet_mobilenet_v1_0.75_192_fp32", imagenet, background_first},
        {"imagenet_mobilenet_v2_1.0_224_fp32", imagenet, background_first},
        {"squeezenet_v1.0_from_deepcompression_fp32", imagenet, R"({"channels": "bgr", "mean": [104, 117, 123]})"},
        {"ultraface_version-RFB-320", imagenet, R"({"mean": 127, "std": 128})", false},
        {"zoo:resnet50-128", "", "{}", false},
        {"zoo:mobilenet-v1-128", "", "{}", false}};
    return all;
}

/// A folder of this run's own, gone at its end.
class Scratch {
   public:
    Scratch() {
        std::string name = (fs::temp_directory_path() / "breakeven-bench-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path_ = name;
    }
    ~Scratch() {
        std::error_code failed;
        fs::remove_all(path_, failed);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    fs::path operator/(const std::string& name) const { return path_ / name; }

   private:
    fs::path path_;
};

Engines make_engines() {
    Engines engines;
    engines.add(make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}}));
    return engines;
}

double core_seconds(int whose) {
    rusage usage{};
    ::getrusage(whose, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double thread_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// What the child process does: the same work as the peer's quantize_static, from file to file.
int quantize_here(const std::vector<std::string>& words) {
    const std::map<std::string, CalibrationMethod> methods{{"auto", CalibrationMethod::automatic},
                                                           {"minmax", CalibrationMethod::min_max},
                                                           {"mse", CalibrationMethod::squared_error},
                                                           {"kl", CalibrationMethod::divergence}};
    const SteadyClock clock;
    const Seconds began = clock.now();
    const double used = core_seconds(RUSAGE_SELF);
    const Engines engines = make_engines();
    const Model model = load_model(words.at(1)).model;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(words.at(2))) files.push_back(entry.path());
    std::ranges::sort(files);
    const Samples samples{.count = files.size(), .at = [&](std::size_t index) {
                              const std::string bytes = read_file(files[index], Bytes(1LL << 30));
                              return Sample{parse_npy(std::as_bytes(std::span(bytes)), "sample")};
                          }};
    QuantizeOptions options;
    options.calibration.method = methods.at(words.at(4));
    const bool tells = std::getenv("BREAKEVEN_BENCH_STAGES") != nullptr;
    if (tells) {
        options.progress = [&](std::string_view stage) {
            fmt::print(stderr, "{:7.2f} s {:7.2f} core-s  {}\n", (clock.now() - began).count(),
                       core_seconds(RUSAGE_SELF) - used, stage);
        };
    }
    QuantizeReport report;
    const Model quantized = quantize(model, samples, execute_on(engines, parse_platform("cpu:2")), options, report);
    write_file(words.at(3), quantized.serialized());
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    fmt::print("{}\n", nlohmann::json{{"seconds", (clock.now() - began).count()},
                                      {"core_seconds", core_seconds(RUSAGE_SELF) - used},
                                      {"peak_kib", usage.ru_maxrss}}
                           .dump());
    return 0;
}

struct Making {
    std::vector<double> seconds;
    std::vector<double> core_seconds;
    double peak_mib = 0;
};

void make(const std::vector<std::string>& command, Making& into) {
    const ChildResult child = run_child(command, {.time = Seconds(600)});
    if (child.exit_code != 0 || child.signal || child.timed_out) {
        throw std::runtime_error(fmt::format("{}: {}", command.front(), child.errors));
    }
    const auto json = nlohmann::json::parse(child.output.substr(child.output.rfind("{\"")));
    into.seconds.push_back(json.at("seconds").get<double>());
    into.core_seconds.push_back(json.at("core_seconds").get<double>());
    into.peak_mib = std::max(into.peak_mib, json.at("peak_kib").get<double>() / 1024);
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

std::string peers_python() {
    if (const char* venv = std::getenv("BREAKEVEN_PEERS")) return std::string(venv) + "/bin/python";
    const char* home = std::getenv("HOME");
    const std::string pattern = std::string(home == nullptr ? "" : home) + "/.cache/breakeven/python-*/bin/python";
    glob_t found{};
    std::string python;
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) python = found.gl_pathv[0];
    ::globfree(&found);
    if (python.empty()) throw std::runtime_error("no Python peers: `./dev test` makes them, or set BREAKEVEN_PEERS");
    return python;
}

/// What the last Softmax takes, or the outputs: probabilities near 0 and 1 say little of the noise.
std::vector<std::string> logits(const Model& model) {
    std::vector<std::string> tensors;
    for (const onnx::NodeProto& node : model.proto().graph().node()) {
        if (node.op_type() == "Softmax") tensors = {node.input(0)};
    }
    if (tensors.empty()) {
        for (const TensorSpec& output : model.outputs()) tensors.push_back(output.name);
    }
    return tensors;
}

std::vector<float> values_of(const Model& model, const Samples& samples, const Execute& execute) {
    std::vector<float> values;
    execute(with_outputs(model, logits(model)), samples, [&](std::size_t, std::span<const Tensor> outputs) {
        for (const Tensor& output : outputs) {
            const auto numbers = output.as<float>();
            values.insert(values.end(), numbers.begin(), numbers.end());
        }
    });
    return values;
}

double sqnr_db(const std::vector<float>& reference, const std::vector<float>& values) {
    if (reference.size() != values.size()) throw std::runtime_error("logits of different sizes");
    double signal = 0;
    double noise = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        signal += double{reference[i]} * double{reference[i]};
        noise += (double{values[i]} - double{reference[i]}) * (double{values[i]} - double{reference[i]});
    }
    return 10 * std::log10(signal / noise);
}

class Bench {
   public:
    Bench(Subject subject, const Engines& engines) : subject_(std::move(subject)), engines_(engines) {
        if (subject_.file.starts_with("zoo:")) {
            model_ = build_network(subject_.file.substr(4), 0);
            write_file(scratch_ / "float.onnx", model_->serialized());
        } else {
            const fs::path data = fakes::shared_data();
            fs::copy_file(data / "models/onnx" / (subject_.file + ".onnx"), scratch_ / "float.onnx");
            model_ = load_model(scratch_ / "float.onnx").model;
            const Preprocess preprocess = parse_preprocess(subject_.preprocess, subject_.file);
            const DataSet all(data / subject_.data, preprocess);
            calibration_ = all.limited(calibrating_samples);
            others_ = all.without(*calibration_);
        }
        fs::create_directory(scratch_ / "samples");
        for (std::size_t i = 0; i < calibrating_samples; ++i) {
            write_file((scratch_ / "samples") / fmt::format("{:04}.npy", i), to_npy(sample(i, Use::calibrating)));
        }
    }

    void make_all(const std::string& self, int rounds) {
        const auto ours = [&](const std::string& method) {
            return std::vector<std::string>{self,  "ours", file("float"), file("samples", ""), file("ours-" + method),
                                            method};
        };
        const std::vector<std::string> peer{
            peers_python(), BREAKEVEN_QUANTIZE_PEER, file("float"), file("samples", ""), file("peer"), "minmax"};
        std::map<std::string, Making> makings;
        for (int round = 0; round < rounds; ++round) {
            make(ours("minmax"), makings["ours min-max"]);
            make(peer, makings["peer min-max"]);
        }
        for (const std::string method : {"auto", "kl", "mse"}) make(ours(method), makings["ours " + method]);
        const Making& theirs = makings["peer min-max"];
        for (const auto& [what, making] : makings) {
            const auto ratio = [&](const std::vector<double>& a, const std::vector<double>& b) {
                return median(a) / median(b);
            };
            fmt::print("  made by {:<13} {:6.2f} s ({:4.2f} of the peer's), {:6.2f} core-s ({:4.2f}), {:4.0f} MiB\n",
                       what, median(making.seconds), ratio(making.seconds, theirs.seconds), median(making.core_seconds),
                       ratio(making.core_seconds, theirs.core_seconds), making.peak_mib);
        }
    }

    void compare() {
        const std::size_t count = others_ ? others_->size() : noise_samples;
        const Samples some{.count = std::min(count, noise_samples),
                           .at = [this](std::size_t i) { return Sample{sample(i, Use::comparing)}; }};
        const Execute execute = execute_on(engines_, parse_platform("cpu:2"));
        const std::vector<float> reference = values_of(*model_, some, execute);
        for (const std::string& form : forms()) {
            const Model other = load_model(file(form)).model;
            std::string text =
                fmt::format("  {:<13} SQNR {:5.1f} dB", form, sqnr_db(reference, values_of(other, some, execute)));
            if (subject_.classifies && others_) text += accuracy_text(other);
            fmt::print("{}\n", text);
        }
    }

    void time() {
        std::vector<std::unique_ptr<Runner>> runners;
        for (const std::string& form : {std::string("float"), std::string("ours-auto"), std::string("peer")}) {
            runners.push_back(engines_.load(load_model(file(form)).image, parse_platform("cpu:1"), {}));
        }
        const std::vector<Tensor> input{sample(0, Use::comparing)};
        std::vector<std::vector<Seconds>> series(runners.size());
        for (int warm = 0; warm < 3; ++warm) {
            for (const auto& runner : runners) runner->run(input);
        }
        const double once = [&] {
            const double start = thread_seconds();
            runners[0]->run(input);
            return thread_seconds() - start;
        }();
        const int repeats = std::clamp(static_cast<int>(0.004 / std::max(once, 1e-6)), 1, 50);
        for (int round = 0; round < speed_rounds; ++round) {
            for (std::size_t turn = 0; turn < runners.size(); ++turn) {
                // Who follows the float network finds its weights in the caches: everyone does in turn.
                const std::size_t i = (turn + static_cast<std::size_t>(round)) % runners.size();
                const double start = thread_seconds();
                for (int repeat = 0; repeat < repeats; ++repeat) runners[i]->run(input);
                series[i].push_back(Seconds((thread_seconds() - start) / repeats));
            }
        }
        const auto speedup = [&](std::size_t slow, std::size_t fast) {
            const auto found = compare_medians({.subject = series[slow], .baseline = series[fast]});
            return fmt::format("{:.2f} ({:.2f} to {:.2f})", found->ratio, found->ci95.low, found->ci95.high);
        };
        fmt::print("  one thread: float {:.2f} ms; ours {} times as fast, the peer's {}; ours to the peer's {}\n",
                   1e3 * summarize(series[0])->p50.count(), speedup(0, 1), speedup(0, 2), speedup(2, 1));
    }

   private:
    enum class Use { calibrating, comparing };

    static std::vector<std::string> forms() { return {"ours-auto", "ours-minmax", "ours-kl", "ours-mse", "peer"}; }
    std::string file(const std::string& name, const std::string& ending = ".onnx") const {
        return (scratch_ / (name + ending)).string();
    }

    Tensor sample(std::size_t index, Use use) const {
        const TensorSpec spec = with_batch(model_->inputs().front(), 1);
        if (!calibration_) {
            return synthetic_picture(spec, {.seed = use == Use::calibrating ? 0U : 1U, .index = index});
        }
        return (use == Use::calibrating ? *calibration_ : *others_).input(index, spec);
    }

    std::string accuracy_text(const Model& other) const {
        const auto given = engines_.load(image_of(*model_), parse_platform("cpu:2"), {});
        const auto changed = engines_.load(image_of(other), parse_platform("cpu:2"), {});
        const Evaluation found = evaluate(others_->task(5, DataSet::Labels::used), *given, changed.get(),
                                          [](std::size_t, const Evaluation&) { return Onwards::go_on; });
        const Disagreement counts = *found.comparison->disagreement;
        const auto interval = paired_difference_interval(counts);
        return fmt::format(", top-1 {:.2f} of {:.2f} %: lost {:.2f} points ({:.2f} to {:.2f}), {} samples",
                           share(*found.comparison->second.top1).in(percent), share(*found.accuracy.top1).in(percent),
                           100.0 * static_cast<double>(counts.only_first_right - counts.only_second_right) /
                               static_cast<double>(counts.total),
                           -interval.high.in(percent), -interval.low.in(percent), counts.total);
    }

    Subject subject_;
    const Engines& engines_;
    Scratch scratch_;
    std::optional<Model> model_;
    std::optional<DataSet> calibration_;
    std::optional<DataSet> others_;
};

int run(const std::vector<std::string>& words) {
    if (!words.empty() && words.front() == "ours") return quantize_here(words);
    if (fakes::shared_data().empty()) throw std::runtime_error("needs the shared test data (BREAKEVEN_SHARED_DATA)");
    const auto said = [&](const std::string& word) { return std::ranges::find(words, word) != words.end(); };
    const Engines engines = make_engines();
    const std::string self = fs::read_symlink("/proc/self/exe").string();
    const auto is_name = [](const std::string& word) { return word != "make" && word != "once"; };
    const bool named = std::ranges::any_of(words, is_name);
    for (const Subject& subject : subjects()) {
        const bool wanted = std::ranges::any_of(words, [&](const std::string& word) {
            return is_name(word) && subject.file.find(word) != std::string::npos;
        });
        if (named && !wanted) continue;
        fmt::print("{}\n", subject.file);
        Bench bench(subject, engines);
        bench.make_all(self, said("once") ? 1 : 3);
        if (!said("make")) {
            try {
                bench.compare();
                bench.time();
            } catch (const std::exception& error) {  // what the peer writes for old networks cannot be loaded
                fmt::print("  {}\n", error.what());
            }
        }
        std::fflush(stdout);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return bench_main("bench_compress", run, argc, argv);
}
