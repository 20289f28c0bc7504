// Between our messages and gRPC's byte buffers, without copying tensors. Internal to wire/ and serve/: gRPC's types.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "breakeven/wire/message.h"

namespace breakeven {

/// The pieces as one message. Its tensors are referred to and kept alive until gRPC has sent them.
grpc::ByteBuffer to_byte_buffer(const Pieces& pieces);

/// Reads a received message; its tensors are copied once, into blocks of their own.
std::variant<ParsedMessage, Malformed> parse(MessageKind kind, grpc::ByteBuffer& buffer);

}  // namespace breakeven
