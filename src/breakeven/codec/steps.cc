// q8: each channel's range in 256 steps. Written so that compilers make vector instructions of it: fixed lanes, no
// branches, no library calls.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "breakeven/codec/pack_bytes.h"
#include "breakeven/codec/payload.h"
#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr std::size_t lanes = 16;
constexpr float steps = 255.0F;
/// Below this a step's inverse would be no number.
constexpr float step_min = 4 * std::numeric_limits<float>::min();

struct Extent {
    float low = 0.0F;
    float high = 0.0F;
    bool finite = true;
};

Extent extent(const float* from, std::size_t size) {
    std::array<float, lanes> low;
    std::array<float, lanes> high;
    std::array<std::uint32_t, lanes> odd{};
    low.fill(from[0]);
    high.fill(from[0]);
    constexpr std::uint32_t exponent = 0x7f800000U;
    const auto take = [&](std::size_t lane, float value) {
        low[lane] = value < low[lane] ? value : low[lane];
        high[lane] = value > high[lane] ? value : high[lane];
        odd[lane] |= (std::bit_cast<std::uint32_t>(value) & exponent) == exponent ? 1U : 0U;
    };
    std::size_t i = 0;
    for (; i + lanes <= size; i += lanes) {
        for (std::size_t lane = 0; lane < lanes; ++lane) take(lane, from[i + lane]);
    }
    for (std::size_t lane = 0; i < size; ++i, ++lane) take(lane, from[i]);
    Extent all{.low = low[0], .high = high[0]};
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        all.low = std::min(all.low, low[lane]);
        all.high = std::max(all.high, high[lane]);
        all.finite = all.finite && odd[lane] == 0;
    }
    return all;
}

/// A step as its upper 16 bits (bfloat16), never smaller than it must be.
std::uint16_t rounded_up(float step) {
    const auto bits = std::bit_cast<std::uint32_t>(step);
    return static_cast<std::uint16_t>((bits >> 16U) + ((bits & 0xffffU) != 0 ? 1U : 0U));
}

float step_of(std::uint16_t upper) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(upper) << 16U);
}

void quantize(const float* from, std::size_t size, float low, float inverse, std::uint8_t* to) {
    for (std::size_t i = 0; i < size; ++i) {
        to[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>((from[i] - low) * inverse + 0.5F));
    }
}

void restore(const std::uint8_t* from, std::size_t size, float low, float step, float* to) {
    for (std::size_t i = 0; i < size; ++i) to[i] = low + static_cast<float>(static_cast<std::int32_t>(from[i])) * step;
}

template <class Number>
void append(std::string& out, Number number) {
    static_assert(std::endian::native == std::endian::little, "frames are written as this machine has its numbers");
    std::array<char, sizeof(Number)> bytes;
    std::memcpy(bytes.data(), &number, sizeof number);
    out.append(bytes.data(), bytes.size());
}

template <class Number>
std::vector<Number> numbers(ByteReader& reader, std::size_t count) {
    const std::string_view bytes = reader.bytes(count * sizeof(Number));
    std::vector<Number> out(count);
    if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
}

}  // namespace

// Payload: steps of all blocks, whether there are lows, the lows, the codes.
bool append_steps(const Tensor& tensor, std::string& out) {
    if (tensor.dtype() != DType::float32 || tensor.elements() == 0) return false;
    const std::span<const float> from = tensor.as<float>();
    const ChannelBlocks blocks = channel_blocks(tensor.shape());
    std::vector<std::uint16_t> uppers(blocks.count);
    std::vector<float> lows(blocks.count);
    std::vector<std::uint8_t> codes(from.size());
    for (std::size_t b = 0, at = 0; b < blocks.count; ++b, at += blocks.size) {
        const std::size_t size = std::min(blocks.size, from.size() - at);
        const Extent range = extent(from.data() + at, size);
        // What no negative number is among begins at 0, so that zeros stay zeros.
        const float low = range.low >= 0.0F && range.low <= range.high / 2 ? 0.0F : range.low;
        const float span = range.high - low;
        if (!range.finite || !std::isfinite(span)) return false;
        uppers[b] = rounded_up(std::max(span / steps, step_min));
        lows[b] = low;
        const float step = step_of(uppers[b]);
        if (!std::isfinite(step)) return false;
        quantize(from.data() + at, size, low, 1.0F / step, codes.data() + at);
    }
    const bool has_lows = std::ranges::any_of(lows, [](float low) { return low != 0.0F; });
    for (const std::uint16_t upper : uppers) append(out, upper);
    out.push_back(has_lows ? 1 : 0);
    if (has_lows) {
        for (const float low : lows) append(out, low);
    }
    out.append(reinterpret_cast<const char*>(codes.data()), codes.size());
    return true;
}

std::size_t steps_size_min(std::int64_t elements) {
    return static_cast<std::size_t>(elements) + (elements > 0 ? 3 : 0);
}

void read_steps(std::string_view payload, Tensor& tensor) {
    const std::span<float> to = tensor.mutable_as<float>();
    const ChannelBlocks blocks = channel_blocks(tensor.shape());
    ByteReader reader(payload);
    const auto uppers = numbers<std::uint16_t>(reader, blocks.count);
    const std::uint8_t has_lows = reader.byte();
    if (has_lows > 1) throw UnpackFault("its ranges cannot be right");
    const auto lows = has_lows == 1 ? numbers<float>(reader, blocks.count) : std::vector<float>(blocks.count, 0.0F);
    const std::string_view codes = reader.bytes(to.size());
    if (!reader.rest().empty()) throw UnpackFault("it is longer than it should be");
    const auto* from = reinterpret_cast<const std::uint8_t*>(codes.data());
    for (std::size_t b = 0, at = 0; b < blocks.count; ++b, at += blocks.size) {
        const std::size_t size = std::min(blocks.size, to.size() - at);
        restore(from + at, size, lows[b], step_of(uppers[b]), to.data() + at);
    }
}

}  // namespace breakeven
