// ModelInfer's two messages, read and written by hand, so that a tensor is copied at most once on its way: writing
// yields pieces that point at the tensors, reading puts each tensor's bytes into one aligned block.
// Pure: bytes in, values out. Field numbers: open_inference.proto.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "breakeven/tensor/tensor.h"
#include "breakeven/units/units.h"

namespace google::protobuf::io {
class ZeroCopyInputStream;
}

namespace breakeven {

// ---- writing

/// Part of a message on its way out: bytes of our own, or a tensor that is sent from where it lies.
using Piece = std::variant<std::string, Tensor>;
using Pieces = std::vector<Piece>;
Bytes size(const Pieces& pieces);

struct NamedTensor {
    std::string name;
    Tensor tensor;
};

/// A parameter of a message. The protocol also has float and unsigned ones, which we neither need nor write.
struct Parameter {
    std::string name;
    std::variant<bool, std::int64_t, std::string> value;
};

/// Parameters of a response: nanoseconds that the request waited for its turn, and that the engine worked.
inline constexpr std::string_view queue_parameter = "breakeven_queue_ns";
inline constexpr std::string_view compute_parameter = "breakeven_compute_ns";

/// Of a request: the SHA-256 of the network that must answer it, or nobody; of its response: of the one that did. Also
/// what a server tells of its networks in their metadata and configurations.
inline constexpr std::string_view sha256_parameter = "breakeven_sha256";

struct Request {
    std::string model;
    std::string version;  ///< empty: the server chooses
    std::string id;
    std::vector<Parameter> parameters;
    std::vector<NamedTensor> inputs;
    std::vector<std::string> outputs;  ///< empty: all
};
Pieces encode(const Request& request);

struct Response {
    std::string model;
    std::string version;
    std::string id;
    std::vector<Parameter> parameters;
    std::vector<NamedTensor> outputs;
};
Pieces encode(const Response& response);

/// One message of a ModelInfer stream: a response, or what went wrong with one request while the stream stays open.
Pieces encode_in_stream(Pieces response);
struct StreamError {
    std::string reason;
    std::string id;  ///< of the request
};
Pieces encode_in_stream(const StreamError& error);

// ---- reading

/// What makes a message unusable, as one line for whoever sent it.
struct Malformed {
    std::string reason;
};

/// A block of memory for exactly one tensor, aligned like Tensor's own but not zeroed.
struct Block {
    std::span<std::byte> bytes;
    std::shared_ptr<const void> owner;  ///< shared: the tensors made from the block keep it
};
Block make_block(std::size_t size);

/// A tensor as a message describes it, before its numbers are looked at.
struct TensorHead {
    std::string name;
    std::string datatype;
    Shape shape;
    bool shared_memory = false;  ///< its numbers lie in a shared memory region of the sender's
    bool has_contents = false;
    std::string contents;  ///< the typed contents, still encoded
};

struct RequestedOutput {
    std::string name;
    bool shared_memory = false;
    bool classification = false;
};

/// A request or a response as it came.
struct ParsedMessage {
    std::string model;
    std::string version;
    std::string id;
    std::vector<Parameter> parameters;
    std::vector<TensorHead> tensors;
    std::vector<RequestedOutput> requested;  ///< of a request
    std::vector<Block> raw;
};

enum class MessageKind { request, response };

/// Reads `length` bytes of `stream`. What is allocated is bounded by a small multiple of that length.
std::variant<ParsedMessage, Malformed> parse(MessageKind kind, google::protobuf::io::ZeroCopyInputStream& stream,
                                             Bytes length);
std::variant<ParsedMessage, Malformed> parse(MessageKind kind, std::string_view bytes);

/// The value of an integer parameter, if it is there.
std::optional<std::int64_t> integer_parameter(const std::vector<Parameter>& parameters, std::string_view name);
/// The value of a text parameter; empty if it is not there.
std::string text_parameter(const std::vector<Parameter>& parameters, std::string_view name);

/// The message's tensors, raw or typed, each checked against its own datatype and shape; in the order of
/// `message.tensors`. Raw blocks move into the tensors.
std::variant<std::vector<NamedTensor>, Malformed> take_tensors(ParsedMessage& message);

/// Quoted for a message: at most 100 characters of it.
std::string in_quotes(std::string_view text);

}  // namespace breakeven
