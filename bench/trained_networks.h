// trained_networks: the trained networks of the shared test data with the samples that go with each: some calibrate,
// unlabelled, and the accuracy is that of the others.
#pragma once

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "breakeven/compress/gram.h"
#include "breakeven/engine/onnxruntime.h"
#include "breakeven/files/model_file.h"
#include "breakeven/files/samples.h"
#include "breakeven/stats/proportion.h"
#include "breakeven/stats/summary.h"
#include "breakeven/tensor/preprocess.h"
#include "fakes/shared_data.h"

namespace breakeven {

struct TrainedNetwork {
    std::string_view name;
    std::string_view file;        ///< below models/onnx
    std::string_view samples;     ///< folder
    std::string_view preprocess;  ///< JSON
    std::size_t calibrating;      ///< of the folder's samples
};

inline constexpr TrainedNetwork trained_networks[] = {
    {"keyword-spotting", "kws_dscnn_fp32", "audio/kws01-500", R"({"dtype":"int8","mean":[83],"std":[1.71027029]})",
     250},
    {"cifar-little", "cifar10_little_resnet8_fp32", "images/cifar10-jpeg-2000", "{}", 500},
    {"cifar-medium", "cifar10_medium_iclarge_fp32", "images/cifar10-jpeg-2000", "{}", 500},
    {"cifar-big", "cifar10_big_resnet6blk_fp32", "images/cifar10-jpeg-2000", "{}", 500},
    {"mobilenet-v1-0.25-128", "imagenet_mobilenet_v1_0.25_128_fp32", "images/imagenet-500", R"({"label_offset":1})",
     250},
    {"mobilenet-v1-0.25-224", "imagenet_mobilenet_v1_0.25_224_keras_fp32", "images/imagenet-500", R"({"range":[-1,1]})",
     250},
    {"mobilenet-v1-0.5-160", "imagenet_mobilenet_v1_0.5_160_fp32", "images/imagenet-500", R"({"label_offset":1})", 250},
    {"mobilenet-v1-0.75-192", "imagenet_mobilenet_v1_0.75_192_fp32", "images/imagenet-500", R"({"label_offset":1})",
     250},
    {"squeezenet", "squeezenet_v1.0_from_deepcompression_fp32", "images/imagenet-500",
     R"({"channels":"bgr","mean":[104,117,123]})", 250},
    {"mobilenet-v2", "imagenet_mobilenet_v2_1.0_224_fp32", "images/imagenet-500", R"({"label_offset":1})", 250},
};

/// Of this thread on its core: what else the machine does is not counted.
inline double core_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// One network, its samples in memory, and ONNX Runtime on one thread.
class Trained {
   public:
    explicit Trained(const TrainedNetwork& network)
        : engine_(make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}})),
          file_(load_model(fakes::shared_data() / "models" / "onnx" / (std::string(network.file) + ".onnx"))) {
        const Preprocess preprocess = parse_preprocess(network.preprocess, network.name);
        offset_ = preprocess.label_offset;
        const SampleFolder folder = read_sample_folder(fakes::shared_data() / network.samples);
        const TensorSpec spec = with_batch(model().inputs().front(), 1);
        const std::size_t count = folder.samples.size();
        std::size_t taken = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const bool calibrates = (i + 1) * network.calibrating / count > taken;
            taken += calibrates ? 1 : 0;
            Tensor input = read_sample(folder, folder.samples[i], spec, preprocess);
            if (calibrates) {
                calibrating_.push_back(std::move(input));
            } else {
                held_out_.push_back(std::move(input));
                labels_.push_back(folder.samples[i].label.value());
            }
        }
    }

    const Model& model() const { return file_.model; }
    Calibration calibration() const {
        return {.samples = {calibrating_.size(), [this](std::size_t i) { return Sample{calibrating_[i]}; }},
                .execute = [this](const Model& model, const Samples& samples, const TakeOutputs& take) {
                    const auto runner = load(model);
                    for (std::size_t i = 0; i < samples.count; ++i) take(i, runner->run(samples.at(i)).outputs);
                }};
    }
    std::unique_ptr<Runner> load(const Model& model) const {
        return engine_->load(image_of(model), Platform{.engine = "onnxruntime", .unit = "cpu", .number = 1}, {});
    }

    /// Which held-out samples the network gets right.
    std::vector<bool> right(const Model& model) const {
        const auto runner = load(model);
        std::vector<bool> found;
        for (std::size_t i = 0; i < held_out_.size(); ++i) {
            const auto outputs = runner->run(std::span(&held_out_[i], 1)).outputs;
            const auto scores = outputs.front().as<float>();
            found.push_back(std::ranges::max_element(scores) - scores.begin() == labels_[i] + offset_);
        }
        return found;
    }

    /// Processor time of one inference of `first` over that of `second`, in interleaved rounds.
    Distribution<double> speed(const Model& first, const Model& second, double seconds = 4.0) const {
        const auto one = load(first);
        const auto other = load(second);
        const auto time = [&](Runner& runner, int runs) {
            const double start = core_seconds();
            for (int i = 0; i < runs; ++i) runner.run(std::span(&held_out_.front(), 1));
            return core_seconds() - start;
        };
        time(*other, 2);
        time(*one, 2);
        constexpr int rounds = 41;
        const int runs = std::max(1, static_cast<int>(seconds / 2 / rounds / (time(*one, 3) / 3)));
        std::vector<double> ratios;
        for (int round = 0; round < rounds; ++round) {
            const double before = time(*one, runs);
            ratios.push_back(before / time(*other, runs));
        }
        return *summarize(ratios);
    }

   private:
    std::unique_ptr<Engine> engine_;
    ModelFile file_;
    std::int64_t offset_ = 0;
    std::vector<Tensor> calibrating_;
    std::vector<Tensor> held_out_;
    std::vector<std::int64_t> labels_;
};

inline double share_of(const std::vector<bool>& right) {
    return 100.0 * static_cast<double>(std::ranges::count(right, true)) / static_cast<double>(right.size());
}

/// "-0.8 +- 1.2": points by which the second is better, with the paired 95 % interval.
inline std::string points(const std::vector<bool>& first, const std::vector<bool>& second) {
    Disagreement counts;
    counts.total = static_cast<std::int64_t>(first.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
        if (first[i] && !second[i]) ++counts.only_first_right;
        if (!first[i] && second[i]) ++counts.only_second_right;
    }
    const auto interval = paired_difference_interval(counts);
    return fmt::format("{:+.1f} +- {:.1f}", share_of(second) - share_of(first),
                       (interval.high.in(percent)-interval.low.in(percent)) / 2);
}

}  // namespace breakeven
