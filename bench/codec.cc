// Codecs: how fast each is on one core, beside copying and Zstandard in the same rounds; and what each makes of a
// trained network that is cut where little crosses: bits an element, and top-1 lost with its paired 95 % interval. The
// rival stands beside them: the whole input sent as JPEG. Usage: bench_codec [speed | accuracy [samples]]   (both, with
// 250 samples, unless told)
#include <fmt/format.h>
#include <time.h>
#include <zstd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "bench_main.h"
#include "breakeven/codec/frame.h"
#include "breakeven/engine/onnxruntime.h"
#include "breakeven/error.h"
#include "breakeven/files/model_file.h"
#include "breakeven/files/part_files.h"
#include "breakeven/files/samples.h"
#include "breakeven/model/parts.h"
#include "breakeven/stats/proportion.h"
#include "breakeven/stats/summary.h"
#include "breakeven/tensor/preprocess.h"
#include "fakes/shared_data.h"

namespace {

using namespace breakeven;
namespace fs = std::filesystem;

constexpr Bytes plenty{std::int64_t{1} << 28};

/// Of this thread on its core: what else the machine does is not counted.
double core_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// What a layer behind a ReLU gives: half zeros, what is active lies together.
Tensor activations(const Shape& shape) {
    Tensor tensor(DType::float32, shape);
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    float before = 0.0F;
    for (float& value : tensor.mutable_as<float>()) {
        before = 0.9F * before + 0.4F * normal(random);
        value = std::max(0.0F, before);
    }
    return tensor;
}

struct Contender {
    std::string name;
    std::function<void()> encode;
    std::function<void()> decode;
    std::vector<double> encode_s = {};
    std::vector<double> decode_s = {};
    std::size_t size = 0;
};

/// Seconds of one call, of as many as take a few milliseconds.
double seconds_of(const std::function<void()>& work) {
    int calls = 0;
    const double start = core_seconds();
    double now = start;
    while (now < start + 4e-3) {
        work();
        ++calls;
        now = core_seconds();
    }
    return (now - start) / calls;
}

double median(const std::vector<double>& values) {
    return summarize(values)->p50;
}

void speed_of(const Shape& shape) {
    const Tensor tensor = activations(shape);
    const auto bytes = tensor.bytes();
    std::string copy(bytes.size(), '\1');
    std::string zstd(ZSTD_compressBound(bytes.size()), '\0');
    std::vector<Contender> contenders;
    const auto copying = [&] { std::memcpy(copy.data(), bytes.data(), bytes.size()); };
    contenders.push_back({.name = "memcpy", .encode = copying, .decode = copying, .size = bytes.size()});
    const std::size_t packed = ZSTD_compress(zstd.data(), zstd.size(), bytes.data(), bytes.size(), 1);
    std::string packed_bytes = zstd.substr(0, packed);
    contenders.push_back(
        {.name = "zstd level 1",
         .encode = [&] { ZSTD_compress(zstd.data(), zstd.size(), bytes.data(), bytes.size(), 1); },
         .decode = [&] { ZSTD_decompress(copy.data(), copy.size(), packed_bytes.data(), packed_bytes.size()); },
         .size = packed});
    for (const Codec& codec : all_codecs()) {
        if (codec.kind == CodecKind::jpeg) continue;
        const Tensor frame = encode_frame(tensor, codec);
        contenders.push_back({.name = name(codec),
                              .encode = [&tensor, codec] { encode_frame(tensor, codec); },
                              .decode = [frame] { decode_frame(frame.bytes(), plenty); },
                              .size = frame.bytes().size()});
    }
    for (int round = 0; round < 11; ++round) {
        for (Contender& each : contenders) {
            each.encode_s.push_back(seconds_of(each.encode));
            each.decode_s.push_back(seconds_of(each.decode));
        }
    }
    fmt::print("{} float32, {:.0f} kB; GB of floats a second, one core\n", to_text(shape),
               static_cast<double>(bytes.size()) / 1e3);
    fmt::print("  {:<14}{:>9}{:>9}{:>18}{:>18}\n", "", "encode", "decode", "encode/memcpy", "bits an element");
    const double floor = median(contenders.front().encode_s);
    for (const Contender& each : contenders) {
        const double gigabytes = static_cast<double>(bytes.size()) / 1e9;
        fmt::print("  {:<14}{:>9.2f}{:>9.2f}{:>18.1f}{:>18.2f}\n", each.name, gigabytes / median(each.encode_s),
                   gigabytes / median(each.decode_s), median(each.encode_s) / floor,
                   8.0 * static_cast<double>(each.size) / static_cast<double>(tensor.elements()));
    }
}

struct Case {
    std::string model;
    std::string folder;
    std::string preprocess;
    std::string cut;
};

std::vector<Case> cases() {
    const std::string imagenet = "images/imagenet-500";
    const std::string background = R"({"label_offset": 1})";
    const std::string caffe = R"({"channels": "bgr", "mean": [104, 117, 123]})";
    const std::string squeezenet = "squeezenet_v1.0_from_deepcompression_fp32";
    return {{"imagenet_mobilenet_v2_1.0_224_fp32", imagenet, background, "averagepool_1"},
            {"imagenet_mobilenet_v1_0.75_192_fp32", imagenet, background, "averagepool_1"},
            {"imagenet_mobilenet_v1_0.5_160_fp32", imagenet, background, "averagepool_1"},
            {"imagenet_mobilenet_v1_0.25_128_fp32", imagenet, background, "averagepool_1"},
            {"cifar10_medium_iclarge_fp32", "images/cifar10-jpeg-2000", "{}", "averagepool_1"},
            {"cifar10_medium_iclarge_fp32", "images/cifar10-jpeg-2000", "{}", "relu_7"},
            {"imagenet_mobilenet_v1_0.75_192_fp32", imagenet, background, "clip_24"},
            {squeezenet, imagenet, caffe, "fire9_conv1x1_1_r"},
            {"imagenet_mobilenet_v2_1.0_224_fp32", imagenet, background, "conv_21"},
            {squeezenet, imagenet, caffe, "fire5_conv1x1_1_r"}};
}

std::size_t best_class(const Tensor& scores) {
    const auto values = scores.as<float>();
    return static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
}

/// A way for what crosses, and how it did on the samples so far.
struct Way {
    std::string name;
    std::vector<double> bits;
    Disagreement against_plain = {};
    std::int64_t right = 0;

    void count(bool plain_right, bool is_right) {
        against_plain.only_first_right += plain_right && !is_right ? 1 : 0;
        against_plain.only_second_right += is_right && !plain_right ? 1 : 0;
        ++against_plain.total;
        right += is_right ? 1 : 0;
    }
};

void print(const Way& way, std::int64_t elements) {
    const auto summary = summarize(way.bits);
    const auto interval = paired_difference_interval(way.against_plain);
    const auto total = static_cast<double>(way.against_plain.total);
    const double change =
        100.0 * static_cast<double>(way.against_plain.only_second_right - way.against_plain.only_first_right) / total;
    const auto bytes = [](double bits) { return bits / 8; };
    fmt::print("  {:<14}{:>8.0f}{:>8.0f}{:>8.2f}{:>8.2f}{:>9.1f} %{:>+8.1f} [{:+.1f}, {:+.1f}]\n", way.name,
               bytes(summary->p50), bytes(summary->p90), summary->p50 / static_cast<double>(elements),
               summary->p90 / static_cast<double>(elements), 100.0 * static_cast<double>(way.right) / total, change,
               interval.low.in(percent), interval.high.in(percent));
}

/// The input as JPEG of its 8-bit pixels, then scaled as the network wants it.
Tensor through_jpeg(const Tensor& pixels, const Preprocess& preprocess, const TensorSpec& spec, int quality,
                    double& bits) {
    const Tensor frame = encode_frame(pixels, {.kind = CodecKind::jpeg, .quality = quality});
    bits = 8.0 * static_cast<double>(frame.bytes().size());
    const Tensor decoded = decode_frame(frame.bytes(), plenty);
    const ImageInput image = image_input(spec, preprocess);
    const ChannelScaling scaling = channel_scaling(preprocess, image.channel_count);
    Tensor input(DType::float32, decoded.shape());
    const auto from = decoded.as<std::uint8_t>();
    const auto to = input.mutable_as<float>();
    const auto channels = static_cast<std::size_t>(image.channel_count);
    for (std::size_t i = 0; i < to.size(); ++i) {
        const std::size_t c = image.layout == ImageLayout::nhwc ? i % channels : i / (to.size() / channels) % channels;
        to[i] = static_cast<float>(from[i] * scaling.scale[c] + scaling.offset[c]);
    }
    return input;
}

void accuracy_of(const Case& each, Engine& engine, std::size_t samples_max) {
    const fs::path data = fakes::shared_data();
    const ModelFile whole = load_model(data / "models/onnx" / (each.model + ".onnx"));
    const Preprocess preprocess = parse_preprocess(each.preprocess, each.model);
    const std::vector<std::string> cut{each.cut};
    const Parts parts = split_at(whole.model, cut);
    const Platform platform = parse_platform("cpu:1");
    const auto head = engine.load(image_of_part(parts.head, whole), platform, {});
    const auto tail = engine.load(image_of_part(parts.tail, whole), platform, {});
    const auto unsplit = engine.load(whole.image, platform, {});
    const SampleFolder folder = read_sample_folder(data / each.folder);
    const TensorSpec& spec = whole.model.inputs().front();
    TensorSpec pixel_spec = spec;
    pixel_spec.dtype = DType::uint8;
    std::vector<Way> ways;
    for (const Codec& codec : all_codecs()) {
        if (codec.kind != CodecKind::jpeg) ways.push_back({.name = name(codec), .bits = {}});
    }
    const std::vector<int> qualities{95, 90, 75};
    for (const int quality : qualities) ways.push_back({.name = fmt::format("input jpeg:{}", quality), .bits = {}});
    const std::size_t count = std::min(samples_max, folder.samples.size());
    std::int64_t elements = 0;
    std::int64_t input_elements = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const SampleFile& sample = folder.samples[i * folder.samples.size() / count];
        const auto label = static_cast<std::size_t>(sample.label.value() + preprocess.label_offset);
        const std::vector<Tensor> input{read_sample(folder, sample, spec, preprocess)};
        const std::vector<Tensor> crossing = head->run(input).outputs;
        elements = crossing.front().elements();
        input_elements = input.front().elements();
        const bool plain = best_class(tail->run(crossing).outputs.front()) == label;
        std::size_t way = 0;
        for (const Codec& codec : all_codecs()) {
            if (codec.kind == CodecKind::jpeg) continue;
            const Tensor frame = encode_frame(crossing.front(), codec);
            const std::vector<Tensor> decoded{decode_frame(frame.bytes(), plenty)};
            ways[way].bits.push_back(8.0 * static_cast<double>(frame.bytes().size()));
            ways[way++].count(plain, best_class(tail->run(decoded).outputs.front()) == label);
        }
        const Tensor pixels = read_sample(folder, sample, pixel_spec, preprocess);
        for (const int quality : qualities) {
            double bits = 0.0;
            const std::vector<Tensor> seen{through_jpeg(pixels, preprocess, spec, quality, bits)};
            ways[way].bits.push_back(bits);
            ways[way++].count(plain, best_class(unsplit->run(seen).outputs.front()) == label);
        }
    }
    fmt::print("{} at {}: {} elements of {}, {} samples\n", each.model, each.cut, elements, input_elements, count);
    fmt::print("  {:<14}{:>8}{:>8}{:>8}{:>8}{:>11}{:>8} {}\n", "", "B p50", "B p90", "bit/el", "p90", "top-1", "change",
               "95 % interval, points");
    for (std::size_t w = 0; w < ways.size(); ++w) {
        print(ways[w], w + qualities.size() < ways.size() ? elements : input_elements);
    }
    std::fflush(stdout);
}

int run(const std::vector<std::string>& words) {
    const std::string what = words.empty() ? "both" : words[0];
    if (what != "accuracy") {
        for (const Shape& shape : {Shape{1, 64, 56, 56}, Shape{1, 320, 7, 7}}) speed_of(shape);
    }
    if (what == "speed") return 0;
    if (fakes::shared_data().empty()) {
        fmt::print("accuracy: needs the shared test data (set BREAKEVEN_SHARED_DATA to its folder)\n");
        return 0;
    }
    const auto engine = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    for (const Case& each : cases()) {
        if (words.size() > 2 && each.cut != words[2]) continue;
        accuracy_of(each, *engine, words.size() > 1 ? std::stoul(words[1]) : 250);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return breakeven::bench_main("bench_codec", run, argc, argv);
}
