// Codec: the ways a tensor may cross a link, by name. What each makes of a tensor: frame.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace breakeven {

enum class CodecKind : std::uint8_t {
    raw,       ///< the bytes as they are
    lossless,  ///< first bytes of all elements together, second bytes, ...; then Zstandard
    q8,        ///< floats in 256 steps, a range for each channel
    q4,        ///< floats as one of 16 values chosen from the data, entropy coded: 2 to 3 bits an element
    q2,        ///< the same with fewer values, as many as one bit an element allows
    jpeg,      ///< pictures of 8-bit pixels
};

struct Codec {
    CodecKind kind = CodecKind::raw;
    int quality = 90;  ///< of `jpeg`, 1 to 100
    friend bool operator==(const Codec&, const Codec&) = default;
};

/// "raw", "q8", "jpeg:90".
std::string name(const Codec& codec);

/// Throws Error{usage} with what there is.
Codec parse_codec(std::string_view text);

/// Whether every tensor comes back to the bit.
bool is_exact(const Codec& codec);

/// One of each, those that lose nothing first.
std::vector<Codec> all_codecs();

}  // namespace breakeven
