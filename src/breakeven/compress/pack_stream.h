// pack_stream: bytes of one kind (codes, exponents, a mask), each stream by whatever makes it smallest.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace breakeven {

/// Never longer than the bytes and one more. `dimensions` of the tensor whose elements they are; empty: unknown.
std::string pack_stream(std::span<const std::uint8_t> bytes, std::span<const std::int64_t> dimensions = {});

/// A stream unpacked: into `own`, or where it lay as it is, in the packed bytes.
struct UnpackedStream {
    std::vector<std::uint8_t> own;
    std::span<const std::uint8_t> bytes;
};

/// Throws UnpackFault where `packed` does not hold `size` bytes.
UnpackedStream unpack_stream(std::string_view packed, std::size_t size);
/// The same into `out`, all of it.
void unpack_stream_into(std::string_view packed, std::span<std::uint8_t> out);

/// Zstandard (RFC 8878) at this level.
std::string zstd_packed(std::span<const std::uint8_t> bytes, int level);

}  // namespace breakeven
