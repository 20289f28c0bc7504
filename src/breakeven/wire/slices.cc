// gRPC's byte buffers: see slices.h.
#include "breakeven/wire/slices.h"

#include <grpcpp/support/proto_buffer_reader.h>

namespace breakeven {
namespace {

grpc::Slice slice_of(const Piece& piece) {
    if (const auto* text = std::get_if<std::string>(&piece)) return grpc::Slice(text->data(), text->size());
    // The slice owns a tensor value, which shares the block: the transport may hold it after the call has ended.
    auto* kept = new Tensor(std::get<Tensor>(piece));
    const std::span<std::byte> bytes = kept->mutable_bytes();
    return grpc::Slice(
        bytes.data(), bytes.size(), [](void* tensor) { delete static_cast<Tensor*>(tensor); }, kept);
}

}  // namespace

grpc::ByteBuffer to_byte_buffer(const Pieces& pieces) {
    std::vector<grpc::Slice> slices;
    slices.reserve(pieces.size());
    for (const Piece& piece : pieces) slices.push_back(slice_of(piece));
    return grpc::ByteBuffer(slices.data(), slices.size());
}

std::variant<ParsedMessage, Malformed> parse(MessageKind kind, grpc::ByteBuffer& buffer) {
    if (!buffer.Valid()) return parse(kind, std::string_view());
    grpc::ProtoBufferReader reader(&buffer);
    if (!reader.status().ok()) return Malformed{"this message cannot be decompressed"};
    return parse(kind, reader, Bytes(static_cast<std::int64_t>(buffer.Length())));
}

}  // namespace breakeven
