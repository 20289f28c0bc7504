// Frame: see frame.h.
#include "breakeven/codec/frame.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "breakeven/codec/pack_bytes.h"
#include "breakeven/codec/payload.h"
#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr std::string_view magic = "BKTF";
constexpr std::size_t checksum_size = 4;
constexpr std::size_t rank_max = 16;

/// A type's place here is its number in frames; the order never changes.
constexpr std::array<DType, 14> dtypes{DType::boolean,  DType::uint8,   DType::int8,    DType::uint16, DType::int16,
                                       DType::uint32,   DType::int32,   DType::uint64,  DType::int64,  DType::float16,
                                       DType::bfloat16, DType::float32, DType::float64, DType::string};

std::uint8_t number_of(DType dtype) {
    for (std::size_t i = 0; i < dtypes.size(); ++i) {
        if (dtypes[i] == dtype) return static_cast<std::uint8_t>(i);
    }
    throw Error(ErrorKind::internal, "code a tensor", "its type has no number");
}

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint32_t checksum(std::string_view bytes) {
    return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

[[noreturn]] void refuse(const std::string& reason) {
    throw Error(ErrorKind::input, "decode a coded tensor", reason);
}

/// The payload, and the codec that made it in the end.
std::pair<CodecKind, std::string> payload_of(const Tensor& tensor, const Codec& codec) {
    std::string out;
    bool made = false;
    switch (codec.kind) {
        case CodecKind::raw:
        case CodecKind::lossless: break;
        case CodecKind::q8: made = append_steps(tensor, out); break;
        case CodecKind::q4: made = append_levels(tensor, Levels::sixteen, out); break;
        case CodecKind::q2: made = append_levels(tensor, Levels::one_bit, out); break;
        case CodecKind::jpeg:
            if (!append_picture(tensor, codec.quality, out)) {
                throw Error(ErrorKind::usage,
                            fmt::format("code {} {} as JPEG", name(tensor.dtype()), to_text(tensor.shape())),
                            "it is no picture of whole numbers 0 to 255 with 1 or 3 channels; use q8");
            }
            made = true;
            break;
    }
    // Where few values are too few to pay, the bytes as they are lose nothing.
    if (made && out.size() < tensor.bytes().size()) return {codec.kind, std::move(out)};
    out.clear();
    if (codec.kind != CodecKind::raw && append_lossless(tensor, out) && out.size() < tensor.bytes().size()) {
        return {CodecKind::lossless, std::move(out)};
    }
    return {CodecKind::raw, std::string(text_of(tensor.bytes()))};
}

FrameHead head_of(ByteReader& reader) {
    FrameHead head;
    if (reader.bytes(magic.size()) != magic) refuse("it does not begin as one");
    const std::uint8_t version = reader.byte();
    if (version != frame_version) refuse(fmt::format("its version is {}, known here is {}", version, frame_version));
    const std::uint8_t kind = reader.byte();
    if (kind > static_cast<std::uint8_t>(CodecKind::jpeg)) refuse(fmt::format("its codec {} is not known here", kind));
    head.codec.kind = static_cast<CodecKind>(kind);
    const std::uint8_t type = reader.byte();
    if (type >= dtypes.size()) refuse(fmt::format("its element type {} is not known here", type));
    head.dtype = dtypes[type];
    const std::uint8_t rank = reader.byte();
    if (rank > rank_max) refuse(fmt::format("it has {} dimensions, {} are allowed", rank, rank_max));
    for (std::size_t i = 0; i < rank; ++i) {
        head.shape.push_back(static_cast<std::int64_t>(reader.number_up_to(INT64_MAX, "a dimension of it")));
    }
    const auto count = element_count(head.shape);
    const auto width = static_cast<std::int64_t>(element_size(head.dtype));
    const auto decoded = static_cast<std::int64_t>(reader.number_up_to(INT64_MAX, "its size"));
    if (!count) refuse("its dimensions are too large");
    // Strings take at least the four bytes of their length each.
    const bool fits = width > 0 ? decoded % width == 0 && decoded / width == *count : decoded / 4 >= *count;
    if (!fits) refuse(fmt::format("its size, {} bytes, does not fit its shape {}", decoded, to_text(head.shape)));
    head.decoded = Bytes(decoded);
    const std::size_t payload = reader.number_up_to(reader.rest().size(), "its payload's size");
    const std::string_view bytes = reader.bytes(payload);
    head.payload = std::as_bytes(std::span(bytes.data(), bytes.size()));
    if (reader.rest().size() != checksum_size) refuse("its payload is not as long as the frame");
    return head;
}

void check_lower_bound(const FrameHead& head) {
    const auto elements = element_count(head.shape).value_or(0);
    const auto size = static_cast<std::int64_t>(head.payload.size());
    if (head.codec.kind == CodecKind::raw && size != head.decoded.count()) refuse("its payload has the wrong size");
    if (head.codec.kind == CodecKind::q8 && head.payload.size() < steps_size_min(elements)) {
        refuse("its payload is too short");
    }
    const bool lossy = !is_exact(head.codec);
    const bool pixels = head.codec.kind == CodecKind::jpeg && head.dtype == DType::uint8;
    if (lossy && head.dtype != DType::float32 && !pixels) refuse("its codec does not go with its element type");
}

/// Not zeroed first: it is filled or refused.
Tensor blank(const FrameHead& head) {
    if (head.dtype != DType::string) return Tensor(head.dtype, head.shape);
    auto block = std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(head.decoded.count()));
    const std::span<std::byte> bytes(*block);
    return Tensor(head.dtype, head.shape, bytes, std::move(block));
}

}  // namespace

Tensor encode_frame(const Tensor& tensor, const Codec& codec) {
    BREAKEVEN_ASSERT(tensor.shape().size() <= rank_max);
    const auto [kind, payload] = payload_of(tensor, codec);
    auto frame = std::make_shared<std::string>(magic);
    frame->reserve(payload.size() + 64);
    frame->push_back(static_cast<char>(frame_version));
    frame->push_back(static_cast<char>(kind));
    frame->push_back(static_cast<char>(number_of(tensor.dtype())));
    frame->push_back(static_cast<char>(tensor.shape().size()));
    for (const std::int64_t dimension : tensor.shape()) append_number(*frame, static_cast<std::uint64_t>(dimension));
    append_number(*frame, tensor.bytes().size());
    append_number(*frame, payload.size());
    frame->append(payload);
    const std::uint32_t sum = checksum(*frame);
    for (unsigned shift = 0; shift < 32; shift += 8) frame->push_back(static_cast<char>(sum >> shift));
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(frame->data(), frame->size()));
    return Tensor(DType::uint8, {static_cast<std::int64_t>(frame->size())}, bytes, frame);
}

FrameHead read_frame_head(std::span<const std::byte> frame) {
    try {
        ByteReader reader(text_of(frame));
        FrameHead head = head_of(reader);
        check_lower_bound(head);
        return head;
    } catch (const UnpackFault& fault) {
        refuse(fault.what());
    }
}

Tensor decode_frame(std::span<const std::byte> frame, Bytes size_max) {
    const FrameHead head = read_frame_head(frame);
    const std::string_view all = text_of(frame);
    std::uint32_t told = 0;
    for (unsigned i = 0; i < checksum_size; ++i) {
        told |= static_cast<std::uint32_t>(static_cast<unsigned char>(all[all.size() - checksum_size + i])) << (8 * i);
    }
    if (told != checksum(all.substr(0, all.size() - checksum_size))) refuse("its checksum is wrong; was it changed?");
    if (head.decoded > size_max) {
        refuse(fmt::format("it would take {} bytes, {} are allowed", head.decoded.count(), size_max.count()));
    }
    Tensor tensor = blank(head);
    const std::string_view payload = text_of(head.payload);
    try {
        switch (head.codec.kind) {
            case CodecKind::raw:
                if (!payload.empty()) std::memcpy(tensor.mutable_bytes().data(), payload.data(), payload.size());
                break;
            case CodecKind::lossless: read_lossless(payload, tensor); break;
            case CodecKind::q8: read_steps(payload, tensor); break;
            case CodecKind::q4:
            case CodecKind::q2: read_levels(payload, tensor); break;
            case CodecKind::jpeg: read_picture(payload, tensor); break;
        }
    } catch (const UnpackFault& fault) {
        refuse(fault.what());
    }
    return tensor;
}

}  // namespace breakeven
