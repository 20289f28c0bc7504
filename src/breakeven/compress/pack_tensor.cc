// pack_tensor: see pack_tensor.h.
#include "breakeven/compress/pack_tensor.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "breakeven/codec/pack_bytes.h"
#include "breakeven/compress/pack_stream.h"
#include "breakeven/error.h"

namespace breakeven {

namespace {

using Bytes8 = std::vector<std::uint8_t>;

constexpr std::size_t values_most = 256;
constexpr std::uint8_t rotated_flag = 0x80;

/// An element as a number, its bytes lowest first, as ONNX stores them.
std::uint64_t element_at(std::span<const std::uint8_t> bytes, std::size_t width, std::size_t index) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value |= std::uint64_t{bytes[index * width + i]} << (8 * i);
    return value;
}

/// The distinct elements, ascending, or nothing where there are too many.
std::optional<std::vector<std::uint64_t>> few_values(const TensorElements& elements) {
    std::unordered_map<std::uint64_t, bool> seen;
    const std::size_t count = elements.bytes.size() / elements.width;
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t value = element_at(elements.bytes, elements.width, i);
        if (i > 0 && value == before) continue;
        before = value;
        seen.emplace(value, true);
        if (seen.size() > values_most) return std::nullopt;
    }
    std::vector<std::uint64_t> values;
    for (const auto& [value, ignored] : seen) values.push_back(value);
    std::ranges::sort(values);
    return values;
}

/// Gathers streams, and what to say of them.
class Streams {
   public:
    explicit Streams(TensorCoding coding, std::size_t width, bool rotated) {
        packed_.coding = coding;
        const auto kind = static_cast<std::uint8_t>(coding);
        packed_.description.push_back(static_cast<char>(rotated ? kind | rotated_flag : kind));
        append_number(packed_.description, width);
    }
    void say(std::size_t number) { append_number(packed_.description, number); }
    void add(std::span<const std::uint8_t> bytes, std::span<const std::int64_t> dimensions = {}) {
        const std::string stream = pack_stream(bytes, dimensions);
        say(stream.size());
        packed_.streams += stream;
    }
    PackedElements take() { return std::move(packed_); }

   private:
    PackedElements packed_;
};

PackedElements coded(const TensorElements& elements, const std::vector<std::uint64_t>& values) {
    std::unordered_map<std::uint64_t, std::uint8_t> place;
    Bytes8 table;
    for (const std::uint64_t value : values) {
        place.emplace(value, static_cast<std::uint8_t>(place.size()));
        for (std::size_t i = 0; i < elements.width; ++i) table.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
    Bytes8 codes(elements.bytes.size() / elements.width);
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = place.at(element_at(elements.bytes, elements.width, i));
    Streams streams(TensorCoding::codes, elements.width, false);
    streams.say(values.size());
    streams.add(table);
    streams.add(codes, elements.dimensions);
    return streams.take();
}

/// One stream for each byte of an element. Rotated: the exponent's 8 bits together, the sign below the mantissa.
void add_planes(Streams& streams, std::span<const std::uint8_t> bytes, std::size_t width, bool rotated,
                std::span<const std::int64_t> dimensions) {
    if (width == 1) return streams.add(bytes, dimensions);
    Bytes8 plane(bytes.size() / width);
    for (std::size_t p = 0; p < width; ++p) {
        for (std::size_t i = 0; i < plane.size(); ++i) {
            if (!rotated) {
                plane[i] = bytes[i * width + p];
                continue;
            }
            const auto turned = std::rotl(static_cast<std::uint32_t>(element_at(bytes, width, i)), 1);
            plane[i] = static_cast<std::uint8_t>(turned >> (8 * p));
        }
        streams.add(plane, dimensions);
    }
}

PackedElements in_planes(const TensorElements& elements) {
    const bool rotated = elements.floating && elements.width == 4;
    Streams streams(TensorCoding::planes, elements.width, rotated);
    add_planes(streams, elements.bytes, elements.width, rotated, elements.dimensions);
    return streams.take();
}

PackedElements sparse(const TensorElements& elements) {
    const bool rotated = elements.floating && elements.width == 4;
    const std::size_t count = elements.bytes.size() / elements.width;
    Bytes8 mask((count + 7) / 8, 0);
    Bytes8 rest;
    for (std::size_t i = 0; i < count; ++i) {
        const auto element = elements.bytes.subspan(i * elements.width, elements.width);
        if (std::ranges::all_of(element, [](std::uint8_t byte) { return byte == 0; })) continue;
        mask[i / 8] = static_cast<std::uint8_t>(mask[i / 8] | 1U << (i % 8));
        rest.insert(rest.end(), element.begin(), element.end());
    }
    Streams streams(TensorCoding::sparse_planes, elements.width, rotated);
    streams.say(rest.size() / elements.width);
    streams.add(mask);
    add_planes(streams, rest, elements.width, rotated, {});
    return streams.take();
}

std::size_t zeros_of(const TensorElements& elements) {
    std::size_t zeros = 0;
    const std::size_t count = elements.bytes.size() / elements.width;
    for (std::size_t i = 0; i < count; ++i) zeros += element_at(elements.bytes, elements.width, i) == 0 ? 1U : 0U;
    return zeros;
}

template <class Element>
void join_planes(std::span<const UnpackedStream> planes, bool rotated, std::uint8_t* out, std::size_t count) {
    std::array<const std::uint8_t*, sizeof(Element)> plane;
    for (std::size_t p = 0; p < plane.size(); ++p) plane[p] = planes[p].bytes.data();
    for (std::size_t i = 0; i < count; ++i) {
        Element element = 0;
        for (std::size_t p = 0; p < plane.size(); ++p) {
            element = static_cast<Element>(element | static_cast<Element>(Element{plane[p][i]} << (8 * p)));
        }
        if constexpr (sizeof(Element) == 4) element = rotated ? std::rotr(element, 1) : element;
        std::uint8_t bytes[sizeof(Element)];
        for (std::size_t b = 0; b < sizeof(Element); ++b) bytes[b] = static_cast<std::uint8_t>(element >> (8 * b));
        std::memcpy(out + i * sizeof(Element), bytes, sizeof(Element));
    }
}

/// Takes streams off the front as the layout lists them.
class StreamReader {
   public:
    StreamReader(const ElementsLayout& layout, std::string_view streams) : layout_(layout), rest_(streams) {}
    std::string_view next() {
        const std::size_t size = layout_.stream_sizes[at_++];
        BREAKEVEN_ASSERT(size <= rest_.size());
        const std::string_view stream = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return stream;
    }

   private:
    const ElementsLayout& layout_;
    std::string_view rest_;
    std::size_t at_ = 0;
};

void unpack_planes(StreamReader& streams, const ElementsLayout& layout, std::span<std::uint8_t> out) {
    if (layout.width == 1) return unpack_stream_into(streams.next(), out);
    const std::size_t count = out.size() / layout.width;
    std::vector<UnpackedStream> planes;
    for (std::size_t p = 0; p < layout.width; ++p) planes.push_back(unpack_stream(streams.next(), count));
    switch (layout.width) {
        case 2: return join_planes<std::uint16_t>(planes, false, out.data(), count);
        case 4: return join_planes<std::uint32_t>(planes, layout.rotated, out.data(), count);
        default: return join_planes<std::uint64_t>(planes, false, out.data(), count);
    }
}

template <std::size_t width>
void look_up(std::span<const std::uint8_t> codes, const std::uint8_t* table, std::uint8_t* out) {
    for (std::size_t i = 0; i < codes.size(); ++i) std::memcpy(out + i * width, table + codes[i] * width, width);
}

void unpack_codes(StreamReader& streams, const ElementsLayout& layout, std::span<std::uint8_t> out) {
    Bytes8 table(layout.values * layout.width);
    unpack_stream_into(streams.next(), table);
    const UnpackedStream codes = unpack_stream(streams.next(), out.size() / layout.width);
    // A code beyond the table finds zeros, and the checksum finds the code.
    table.resize(values_most * layout.width);
    switch (layout.width) {
        case 1: return look_up<1>(codes.bytes, table.data(), out.data());
        case 2: return look_up<2>(codes.bytes, table.data(), out.data());
        case 4: return look_up<4>(codes.bytes, table.data(), out.data());
        default: return look_up<8>(codes.bytes, table.data(), out.data());
    }
}

template <std::size_t width>
void scatter(std::span<const std::uint8_t> mask, const std::uint8_t* rest, std::span<std::uint8_t> out) {
    const std::size_t count = out.size() / width;
    for (std::size_t i = 0; i < count; ++i) {
        const bool here = (mask[i / 8] >> (i % 8) & 1U) != 0;
        if (here) std::memcpy(out.data() + i * width, rest, width);
        if (!here) std::memset(out.data() + i * width, 0, width);
        rest += here ? width : 0;
    }
}

void unpack_sparse(StreamReader& streams, const ElementsLayout& layout, std::span<std::uint8_t> out) {
    const std::size_t count = out.size() / layout.width;
    const UnpackedStream mask = unpack_stream(streams.next(), (count + 7) / 8);
    std::size_t set = 0;
    for (const std::uint8_t byte : mask.bytes) set += static_cast<std::size_t>(std::popcount(byte));
    const bool beyond = count % 8 != 0 && mask.bytes.back() >> (count % 8) != 0;
    if (set != layout.nonzero || beyond) throw UnpackFault("a mask in it does not fit its elements");
    Bytes8 rest(layout.nonzero * layout.width);
    unpack_planes(streams, layout, rest);
    switch (layout.width) {
        case 1: return scatter<1>(mask.bytes, rest.data(), out);
        case 2: return scatter<2>(mask.bytes, rest.data(), out);
        case 4: return scatter<4>(mask.bytes, rest.data(), out);
        default: return scatter<8>(mask.bytes, rest.data(), out);
    }
}

}  // namespace

PackedElements pack_elements(const TensorElements& elements) {
    BREAKEVEN_ASSERT(elements.bytes.size() % elements.width == 0);
    if (elements.width > 1) {
        if (const auto values = few_values(elements)) return coded(elements, *values);
    }
    PackedElements best = in_planes(elements);
    // One stream of bytes codes its zeros well by itself, unless there is hardly anything else.
    const std::size_t worth =
        elements.width > 1 ? elements.bytes.size() / elements.width / 32 : elements.bytes.size() / 8 * 7;
    if (zeros_of(elements) > worth) {
        PackedElements other = sparse(elements);
        if (other.streams.size() < best.streams.size()) best = std::move(other);
    }
    return best;
}

ElementsLayout read_layout(ByteReader& reader, std::size_t size) {
    ElementsLayout layout;
    const std::uint8_t kind = reader.byte();
    layout.rotated = (kind & rotated_flag) != 0;
    if ((kind & ~rotated_flag) > static_cast<std::uint8_t>(TensorCoding::sparse_planes)) {
        throw UnpackFault("it is coded in a way not known here");
    }
    layout.coding = static_cast<TensorCoding>(kind & ~rotated_flag);
    layout.width = reader.number_up_to(8, "an element's width in it");
    if (!std::has_single_bit(layout.width) || size % layout.width != 0) {
        throw UnpackFault("an element's width in it does not fit");
    }
    const std::size_t count = size / layout.width;
    std::size_t streams = layout.width;
    if (layout.coding == TensorCoding::codes) {
        layout.values = reader.number_up_to(values_most, "a number of values in it");
        streams = 2;
    } else if (layout.coding == TensorCoding::sparse_planes) {
        layout.nonzero = reader.number_up_to(count, "a number of elements in it");
        ++streams;
    }
    for (std::size_t i = 0; i < streams; ++i) {
        // No stream is longer than what it holds and its method's byte; a table holds up to 256 values of 8 bytes.
        const std::size_t longest = 1 + std::max(size, values_most * sizeof(std::uint64_t));
        layout.stream_sizes.push_back(reader.number_up_to(longest, "the size of a part of it"));
    }
    return layout;
}

void unpack_elements(const ElementsLayout& layout, std::string_view streams, std::span<std::uint8_t> out) {
    StreamReader reader(layout, streams);
    switch (layout.coding) {
        case TensorCoding::planes: return unpack_planes(reader, layout, out);
        case TensorCoding::codes: return unpack_codes(reader, layout, out);
        case TensorCoding::sparse_planes: return unpack_sparse(reader, layout, out);
    }
}

}  // namespace breakeven
