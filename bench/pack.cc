// Packing: how much smaller a network becomes, how far that is from its entropy, and how fast it comes back on one
// core. The network has VGG16's layers (Simonyan & Zisserman 2015, table 1, column D), its weights random, then as the
// recipes leave them. Floors of the same rounds: copying the unpacked bytes, and Zstandard (level 3) giving back the
// same. Usage: bench_pack [share]   (of VGG16's channels in its widest layers; 0.25 unless told)
#include "breakeven/compress/pack.h"

#include <fmt/format.h>
#include <time.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "breakeven/model/sha256.h"
#include "breakeven/stats/summary.h"
#include "fakes/compressed_weights.h"
#include "fakes/tiny_models.h"

namespace {

using namespace breakeven;
using fakes::Layer;

/// Of this thread on its core: what else the machine does is not counted.
double core_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <class Work>
double seconds_of(Work work) {
    const double start = core_seconds();
    work();
    return core_seconds() - start;
}

std::vector<Layer> vgg16(double share) {
    std::vector<Layer> layers;
    std::size_t before = 3;
    constexpr std::array<std::size_t, 13> filters_of_layers{64,  64,  128, 128, 256, 256, 256,
                                                            512, 512, 512, 512, 512, 512};
    for (const std::size_t filters : filters_of_layers) {
        layers.push_back({.channels = filters, .per_channel = before * 9});
        before = filters;
    }
    const auto wide = static_cast<std::size_t>(4096 * share);
    layers.push_back({.channels = wide, .per_channel = 25088});
    layers.push_back({.channels = wide, .per_channel = wide});
    layers.push_back({.channels = 1000, .per_channel = wide});
    return layers;
}

/// Symbols of one layer as they come: what no code without memory can be shorter than.
class Entropy {
   public:
    template <class Symbols>
    void add(const Symbols& symbols, std::size_t bytes_of_a_value) {
        std::unordered_map<std::uint32_t, double> counts;
        for (const auto symbol : symbols) {
            std::uint32_t bits = 0;
            std::memcpy(&bits, &symbol, sizeof symbol);
            ++counts[bits];
        }
        const auto all = static_cast<double>(symbols.size());
        for (const auto& [symbol, count] : counts) bits_ += count * std::log2(all / count);
        bits_ += 8.0 * static_cast<double>(counts.size() * bytes_of_a_value);
    }
    double bytes() const { return bits_ / 8; }

   private:
    double bits_ = 0;
};

struct Variant {
    std::string recipe;
    std::string model;
    double bound = 0;  ///< of its weights, in bytes; 0: not told
};

std::vector<Variant> variants(const std::vector<Layer>& layers) {
    std::array<fakes::TinyGraph, 4> graphs;
    std::array<Entropy, 4> entropy;
    std::uint64_t seed = 0;
    for (const Layer& layer : layers) {
        const std::string name = fmt::format("w{}", ++seed);
        const Shape shape{static_cast<std::int64_t>(layer.channels), static_cast<std::int64_t>(layer.per_channel)};
        std::vector<float> weights = fakes::float_weights(layer, seed);
        graphs[0].weights(name, shape, weights);
        const std::string bytes = fakes::quantized(weights, layer);
        graphs[1].raw(name, DType::int8, shape, bytes);
        entropy[1].add(bytes, 1);
        fakes::prune_half(weights);
        fakes::cluster_to_16(weights);
        graphs[2].weights(name, shape, weights);
        entropy[2].add(weights, 4);
        graphs[3].raw(name, DType::int8, shape, fakes::quantized(weights, layer));
        entropy[3].add(weights, 1);
    }
    const std::array<const char*, 4> recipes{"float", "Q", "PW", "PWQ"};
    std::vector<Variant> out;
    for (std::size_t i = 0; i < graphs.size(); ++i) {
        graphs[i].input("x", DType::float32, {1}).output("y", DType::float32, {1}).node("Identity", {"x"}, {"y"});
        out.push_back({.recipe = recipes[i], .model = graphs[i].model(), .bound = entropy[i].bytes()});
        graphs[i] = fakes::TinyGraph();
    }
    return out;
}

void report(const Variant& variant, std::size_t float_size) {
    const std::string& model = variant.model;
    Packed packed;
    const double packing = seconds_of([&] { packed = pack(model); });
    std::string zstd(ZSTD_compressBound(model.size()), '\0');
    zstd.resize(ZSTD_compress(zstd.data(), zstd.size(), model.data(), model.size(), 3));
    std::vector<double> unpack_s;
    std::vector<double> zstd_s;
    std::vector<double> hash_s;
    std::vector<double> copy_s;
    std::string out(model.size(), '\1');
    for (int round = 0; round < 7; ++round) {
        std::string unpacked;
        unpack_s.push_back(seconds_of([&] { unpacked = unpack(packed.bytes, variant.recipe); }));
        hash_s.push_back(seconds_of([&] { sha256(unpacked); }));
        if (unpacked != model) throw std::runtime_error("it did not come back as it was");
        zstd_s.push_back(seconds_of([&] { ZSTD_decompress(out.data(), out.size(), zstd.data(), zstd.size()); }));
        copy_s.push_back(seconds_of([&] { std::memcpy(out.data(), unpacked.data(), unpacked.size()); }));
    }
    const auto size = static_cast<double>(model.size());
    const auto rate = [size](const std::vector<double>& seconds) { return size / 1e6 / summarize(seconds)->p50; };
    const auto packed_size = static_cast<double>(packed.bytes.size());
    fmt::print("{:<6} {:>8.1f} MB -> {:>7.2f} MB  {:>5.2f}x of float  zstd {:>7.2f} MB  bound {}  packs in {:.1f} s\n",
               variant.recipe, size / 1e6, packed_size / 1e6, static_cast<double>(float_size) / packed_size,
               static_cast<double>(zstd.size()) / 1e6,
               variant.bound > 0 ? fmt::format("{:+.2f} %", 100 * (packed_size / variant.bound - 1)) : "-", packing);
    fmt::print("       unpacks {:.0f} MB/s ({:.0f} to {:.0f}), of which SHA-256 {:.0f}; zstd {:.0f}, copying {:.0f}\n",
               rate(unpack_s), size / 1e6 / *std::ranges::max_element(unpack_s),
               size / 1e6 / *std::ranges::min_element(unpack_s), rate(hash_s), rate(zstd_s), rate(copy_s));
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<Variant> all = variants(vgg16(argc > 1 ? std::stod(argv[1]) : 0.25));
    for (const Variant& variant : all) report(variant, all.front().model.size());
}
