// The payloads of frames, one pair of functions a codec. Coding appends to `out`; reading fills a tensor that has its
// type and shape already, and throws UnpackFault (pack_bytes.h) for bytes that coding does not make.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// False, with `out` as it was, where the codec has nothing to offer for this tensor.
[[nodiscard]] bool append_lossless(const Tensor& tensor, std::string& out);
void read_lossless(std::string_view payload, Tensor& tensor);

/// Floats that are all finite; false for any other tensor.
[[nodiscard]] bool append_steps(const Tensor& tensor, std::string& out);
void read_steps(std::string_view payload, Tensor& tensor);
/// Bytes that the payload of so many elements has at least: checked before memory is taken.
std::size_t steps_size_min(std::int64_t elements);

/// The same, as one of at most 16 values: as many as pay, or so many that about one bit an element is left.
enum class Levels { sixteen, one_bit };
[[nodiscard]] bool append_levels(const Tensor& tensor, Levels levels, std::string& out);
void read_levels(std::string_view payload, Tensor& tensor);

/// False for what is no picture of whole 8-bit pixels.
[[nodiscard]] bool append_picture(const Tensor& tensor, int quality, std::string& out);
void read_picture(std::string_view payload, Tensor& tensor);

/// How the elements lie: blocks that follow one another, each a channel with the same number of elements. Tensors of
/// fewer than 3 dimensions, and channels too small to be worth a scale of their own, are joined.
struct ChannelBlocks {
    std::size_t count = 0;
    std::size_t size = 0;    ///< elements of a block; the last may have fewer
    std::size_t height = 1;  ///< of a channel where it is a map, else 1
    std::size_t width = 1;
};
ChannelBlocks channel_blocks(const Shape& shape);

}  // namespace breakeven
