// pack: a model file made small without losing a bit: the bytes of its tensors coded by what they are, the rest
// compressed, a checksum over all of it. Made for compressed models (few values, many zeros, 8 bits); any model will
// do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "breakeven/units/units.h"

namespace breakeven {

/// What a tensor turned out to be. `rest`: everything that is no large tensor's elements.
enum class PackedKind { codes, integers, floats, sparse, rest };

std::string_view name(PackedKind kind);

struct PackedPart {
    PackedKind kind = PackedKind::rest;
    std::size_t tensors = 0;
    Bytes size;         ///< in the model's file
    Bytes packed_size;  ///< in the packed one
};

struct Packed {
    std::string bytes;
    std::vector<PackedPart> parts;  ///< by kind, those that occur
};

/// Any bytes; a serialized ONNX model is what it is made for.
Packed pack(std::string_view model);

/// Whether a file begins as packed ones do.
bool is_packed(std::string_view bytes);

struct UnpackLimits {
    Bytes size{std::int64_t{2} << 30};  ///< of the model unpacked
};

/// What was packed, bit by bit. Throws Error{input} for what is damaged, cut short or no packed model, and for more
/// than the limit, before memory is taken for it. `name` is for messages.
std::string unpack(std::string_view packed, const std::string& name, const UnpackLimits& limits = {});

}  // namespace breakeven
