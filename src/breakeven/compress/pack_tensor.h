// pack_tensor: the elements of one tensor as streams: codes of few values, or one stream for each byte of an element,
// zeros taken out before where there are many.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace breakeven {

/// How a tensor's elements became streams.
enum class TensorCoding : std::uint8_t {
    planes,         ///< first bytes together, second bytes together, ...; for 8-bit elements one stream
    codes,          ///< at most 256 values: a table of them, and each element's place in it
    sparse_planes,  ///< which elements are not zero, and those
};

struct TensorElements {
    std::span<const std::uint8_t> bytes;
    std::size_t width = 1;                     ///< bytes of an element; divides their number
    bool floating = false;                     ///< 4-byte elements: sign, 8 bits of exponent, mantissa
    std::span<const std::int64_t> dimensions;  ///< empty: unknown
};

struct PackedElements {
    TensorCoding coding = TensorCoding::planes;
    std::string description;  ///< how to read the streams
    std::string streams;
};

PackedElements pack_elements(const TensorElements& elements);

/// What a description says.
struct ElementsLayout {
    TensorCoding coding = TensorCoding::planes;
    std::size_t width = 1;
    bool rotated = false;
    std::size_t values = 0;   ///< of codes
    std::size_t nonzero = 0;  ///< elements, of sparse planes
    std::vector<std::size_t> stream_sizes;
};

class ByteReader;
/// Of a tensor of `size` bytes. Throws UnpackFault.
ElementsLayout read_layout(ByteReader& reader, std::size_t size);
/// Fills `out` from `streams`, as long as the layout's stream_sizes together. Throws UnpackFault.
void unpack_elements(const ElementsLayout& layout, std::string_view streams, std::span<std::uint8_t> out);

}  // namespace breakeven
