// Lossless: the first bytes of all elements together, then the second, ...: what is alike stands together (exponents),
// and Zstandard finds it.
#include <zstd.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "breakeven/codec/pack_bytes.h"
#include "breakeven/codec/payload.h"

namespace breakeven {
namespace {

/// Higher levels gain a hundredth on activations and take several times as long.
constexpr int level = 1;

template <std::size_t width>
void shuffle(const std::uint8_t* from, std::size_t elements, std::uint8_t* to) {
    for (std::size_t plane = 0; plane < width; ++plane) {
        for (std::size_t i = 0; i < elements; ++i) to[plane * elements + i] = from[i * width + plane];
    }
}

template <std::size_t width>
void unshuffle(const std::uint8_t* from, std::size_t elements, std::uint8_t* to) {
    for (std::size_t i = 0; i < elements; ++i) {
        for (std::size_t plane = 0; plane < width; ++plane) to[i * width + plane] = from[plane * elements + i];
    }
}

template <class Work>
void by_width(std::size_t width, Work work) {
    switch (width) {
        case 2: work.template operator()<2>(); break;
        case 4: work.template operator()<4>(); break;
        case 8: work.template operator()<8>(); break;
        default: break;
    }
}

}  // namespace

bool append_lossless(const Tensor& tensor, std::string& out) {
    const auto bytes = tensor.bytes();
    const std::size_t width = element_size(tensor.dtype());
    const auto* from = reinterpret_cast<const std::uint8_t*>(bytes.data());
    std::vector<std::uint8_t> planes;
    if (width > 1) {
        planes.resize(bytes.size());
        by_width(width, [&]<std::size_t w>() { shuffle<w>(from, bytes.size() / w, planes.data()); });
        from = planes.data();
    }
    const std::size_t before = out.size();
    out.resize(before + ZSTD_compressBound(bytes.size()));
    const std::size_t size = ZSTD_compress(out.data() + before, out.size() - before, from, bytes.size(), level);
    const bool made = ZSTD_isError(size) == 0;
    out.resize(made ? before + size : before);
    return made;
}

void read_lossless(std::string_view payload, Tensor& tensor) {
    const auto bytes = tensor.mutable_bytes();
    const std::size_t width = element_size(tensor.dtype());
    auto* const to = reinterpret_cast<std::uint8_t*>(bytes.data());
    std::vector<std::uint8_t> planes(width > 1 ? bytes.size() : 0);
    std::uint8_t* const unpacked = width > 1 ? planes.data() : to;
    const std::size_t size = ZSTD_decompress(unpacked, bytes.size(), payload.data(), payload.size());
    if (ZSTD_isError(size) != 0 || size != bytes.size()) throw UnpackFault("Zstandard cannot make it again");
    if (width > 1) by_width(width, [&]<std::size_t w>() { unshuffle<w>(planes.data(), bytes.size() / w, to); });
}

}  // namespace breakeven
