// pack: the file. Magic, size, SHA-256 of the model; where its tensors lie and how each is coded; the coded bytes.
//
//   89 'B' 'K' 'V' 0D 0A 1A 0A   version   size   sha256[32]
//   rest: size, packed size      tensors: number, then for each: bytes of rest before it, size, how it is coded
//   rest packed, then each tensor's streams; numbers are LEB128
#include "breakeven/compress/pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "breakeven/codec/pack_bytes.h"
#include "breakeven/compress/pack_stream.h"
#include "breakeven/compress/pack_tensor.h"
#include "breakeven/error.h"
#include "breakeven/model/onnx_tensor.h"
#include "breakeven/model/onnx_text.h"
#include "breakeven/model/sha256.h"
#include "breakeven/model/wire_scan.h"
#include "breakeven/units/text.h"

namespace breakeven {

namespace {

// As PNG's: a byte that no text and no ONNX file begins with, and line ends that a transfer as text would change.
constexpr std::string_view magic(
    "\x89"
    "BKV\r\n\x1a\n",
    8);
constexpr std::uint8_t version = 1;
/// Smaller tensors stay in the rest.
constexpr std::size_t tensor_size_min = 128;
constexpr std::size_t digest_size = 32;

std::span<const std::uint8_t> as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string digest_of(std::string_view bytes) {
    const std::string hexadecimal = sha256(bytes);
    std::string digest;
    for (std::size_t i = 0; i < hexadecimal.size(); i += 2) {
        digest.push_back(static_cast<char>(std::stoi(hexadecimal.substr(i, 2), nullptr, 16)));
    }
    return digest;
}

std::size_t width_of(const StoredElements& elements) {
    const std::int64_t bits = bits_of_onnx(elements.data_type).value_or(8);
    const std::size_t width = bits >= 64 ? 8 : bits >= 32 ? 4 : bits >= 16 ? 2 : 1;
    return elements.size % width == 0 ? width : 1;
}

PackedKind kind_of(TensorCoding coding, bool floating) {
    switch (coding) {
        case TensorCoding::codes: return PackedKind::codes;
        case TensorCoding::sparse_planes: return PackedKind::sparse;
        case TensorCoding::planes: break;
    }
    return floating ? PackedKind::floats : PackedKind::integers;
}

class Parts {
   public:
    void add(PackedKind kind, std::size_t tensors, std::size_t size, std::size_t packed_size) {
        PackedPart& part = parts_[static_cast<std::size_t>(kind)];
        part.kind = kind;
        part.tensors += tensors;
        part.size += Bytes(static_cast<std::int64_t>(size));
        part.packed_size += Bytes(static_cast<std::int64_t>(packed_size));
    }
    std::vector<PackedPart> those_that_occur() const {
        std::vector<PackedPart> out;
        std::ranges::copy_if(parts_, std::back_inserter(out),
                             [](const PackedPart& part) { return part.packed_size > Bytes(); });
        return out;
    }

   private:
    std::array<PackedPart, 5> parts_;
};

/// A tensor of the directory.
struct Entry {
    std::size_t rest_before = 0;
    std::size_t size = 0;
    ElementsLayout layout;
    std::size_t packed_size = 0;
};

struct Directory {
    std::size_t size = 0;
    std::string_view digest;
    std::size_t rest_size = 0;
    std::size_t rest_packed = 0;
    std::vector<Entry> entries;
    std::string_view body;
};

/// Everything that is claimed, held against the limit and against what is there, before anything is unpacked.
Directory read_directory(std::string_view packed, const UnpackLimits& limits) {
    ByteReader reader(packed);
    if (!is_packed(packed)) throw UnpackFault("it is no packed model");
    reader.bytes(magic.size());
    if (reader.byte() != version) throw UnpackFault("a newer Breakeven packed it");
    Directory directory;
    const std::uint64_t size = reader.number();
    if (size > static_cast<std::uint64_t>(limits.size.count())) {
        throw UnpackFault(
            fmt::format("it says that it unpacks to {} bytes, at most {} may be", size, limits.size.count()));
    }
    directory.size = static_cast<std::size_t>(size);
    directory.digest = reader.bytes(digest_size);
    directory.rest_size = reader.number_up_to(directory.size, "a size in it");
    directory.rest_packed = reader.number_up_to(packed.size(), "a size in it");
    std::size_t body = directory.rest_packed;
    std::size_t rest = directory.rest_size;
    std::size_t elements = directory.size - directory.rest_size;
    for (std::size_t left = reader.number_up_to(elements, "the number of tensors in it"); left > 0; --left) {
        Entry entry;
        entry.rest_before = reader.number_up_to(rest, "the place of a tensor in it");
        entry.size = reader.number_up_to(elements, "the size of a tensor in it");
        if (entry.size < tensor_size_min) throw UnpackFault("a tensor in it is too small to stand alone");
        entry.layout = read_layout(reader, entry.size);
        for (const std::size_t stream : entry.layout.stream_sizes) entry.packed_size += stream;
        rest -= entry.rest_before;
        elements -= entry.size;
        body += entry.packed_size;
        directory.entries.push_back(std::move(entry));
    }
    directory.body = reader.rest();
    if (elements != 0) throw UnpackFault("its sizes do not add up");
    if (body > directory.body.size()) throw UnpackFault("it ends too early; was it cut short?");
    if (body < directory.body.size()) throw UnpackFault("something that is not its own follows it");
    return directory;
}

std::string unpacked(std::string_view packed, const UnpackLimits& limits) {
    const Directory directory = read_directory(packed, limits);
    std::string model(directory.size, '\0');
    const std::span<std::uint8_t> out(reinterpret_cast<std::uint8_t*>(model.data()), model.size());
    const UnpackedStream rest = unpack_stream(directory.body.substr(0, directory.rest_packed), directory.rest_size);
    std::size_t at = 0;
    std::size_t rest_at = 0;
    std::size_t body_at = directory.rest_packed;
    const auto copy_rest = [&](std::size_t size) {
        std::ranges::copy(rest.bytes.subspan(rest_at, size), out.begin() + static_cast<std::ptrdiff_t>(at));
        rest_at += size;
        at += size;
    };
    for (const Entry& entry : directory.entries) {
        copy_rest(entry.rest_before);
        unpack_elements(entry.layout, directory.body.substr(body_at, entry.packed_size), out.subspan(at, entry.size));
        at += entry.size;
        body_at += entry.packed_size;
    }
    copy_rest(directory.rest_size - rest_at);
    if (digest_of(model) != directory.digest) throw UnpackFault("its checksum is wrong: it is damaged");
    return model;
}

}  // namespace

std::string_view name(PackedKind kind) {
    switch (kind) {
        case PackedKind::codes: return "codes";
        case PackedKind::integers: return "integers";
        case PackedKind::floats: return "floats";
        case PackedKind::sparse: return "sparse";
        case PackedKind::rest: return "rest";
    }
    return "";
}

Packed pack(std::string_view model) {
    Parts parts;
    std::string rest;
    std::string directory;
    std::string streams;
    std::size_t at = 0;
    std::size_t tensors = 0;
    for (const StoredElements& stored : stored_elements(model)) {
        if (stored.size < tensor_size_min) continue;
        const bool floating = is_floating_onnx(stored.data_type);
        const PackedElements packed = pack_elements({.bytes = as_bytes(model.substr(stored.offset, stored.size)),
                                                     .width = width_of(stored),
                                                     .floating = floating,
                                                     .dimensions = stored.dimensions});
        append_number(directory, stored.offset - at);
        append_number(directory, stored.size);
        directory += packed.description;
        streams += packed.streams;
        parts.add(kind_of(packed.coding, floating), 1, stored.size, packed.streams.size());
        rest += model.substr(at, stored.offset - at);
        at = stored.offset + stored.size;
        ++tensors;
    }
    rest += model.substr(at);
    const std::string rest_packed = pack_stream(as_bytes(rest));

    Packed out;
    out.bytes = magic;
    out.bytes.push_back(static_cast<char>(version));
    append_number(out.bytes, model.size());
    out.bytes += digest_of(model);
    append_number(out.bytes, rest.size());
    append_number(out.bytes, rest_packed.size());
    append_number(out.bytes, tensors);
    out.bytes += directory;
    parts.add(PackedKind::rest, 0, rest.size(), out.bytes.size() + rest_packed.size());
    out.bytes += rest_packed;
    out.bytes += streams;
    out.parts = parts.those_that_occur();
    return out;
}

bool is_packed(std::string_view bytes) {
    return bytes.starts_with(magic);
}

std::string unpack(std::string_view packed, const std::string& name, const UnpackLimits& limits) {
    try {
        return unpacked(packed, limits);
    } catch (const UnpackFault& fault) {
        throw bad_model(name, fault.what());
    }
}

}  // namespace breakeven
