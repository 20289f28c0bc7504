// Frame: one tensor, coded, with all that a reader needs to make it again, on any machine and to the same bit:
//   "BKTF" | version | codec | element type | rank | dimensions | decoded size | payload size | payload | CRC-32
// One byte each up to the rank, then numbers of 7 bits a byte, the lowest first; the CRC is of all before it, 4 bytes,
// the lowest first. A frame names the codec that was used: where the one asked for cannot code a tensor (not-a-number,
// integers), or another is shorter and loses nothing, it is `lossless` or `raw`.
#pragma once

#include <cstddef>
#include <span>

#include "breakeven/codec/codec.h"
#include "breakeven/tensor/tensor.h"
#include "breakeven/units/units.h"

namespace breakeven {

inline constexpr std::uint8_t frame_version = 1;

/// The frame as a tensor of bytes, uint8 [n]. Throws Error{usage} where `jpeg` is asked for what is no picture:
/// [1, height, width, channels] or [1, channels, height, width], 1 or 3 channels, of uint8 or whole floats 0 to 255.
Tensor encode_frame(const Tensor& tensor, const Codec& codec);

struct FrameHead {
    Codec codec;  ///< of `jpeg` the quality is not told
    DType dtype = DType::float32;
    Shape shape;
    Bytes decoded;  ///< what the tensor takes
    std::span<const std::byte> payload;
};

/// Everything but the payload is read and held against what it can be. Throws Error{input}.
FrameHead read_frame_head(std::span<const std::byte> frame);

/// No more memory than a small multiple of `size_max` and of the frame is used, whatever it says. Throws Error{input}
/// for anything that encode_frame() did not make, and for a tensor larger than `size_max`.
Tensor decode_frame(std::span<const std::byte> frame, Bytes size_max);

}  // namespace breakeven
