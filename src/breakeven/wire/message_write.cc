// Writing ModelInfer's messages: see message.h.
#include <google/protobuf/io/coded_stream.h>

#include <array>

#include "breakeven/wire/fields.h"
#include "breakeven/wire/message.h"

namespace breakeven {
namespace {

/// Below this a tensor is copied into the bytes around it: cheaper than another piece for the socket to gather.
constexpr std::int64_t inline_size_max = 4096;

void append_varint(std::string& out, std::uint64_t value) {
    std::array<std::uint8_t, 10> buffer{};
    const std::uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(value, buffer.data());
    out.append(reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(end - buffer.data()));
}

void append_length(std::string& out, unsigned field, std::size_t length) {
    append_varint(out, field << 3U | 2U);
    append_varint(out, length);
}

void append_text(std::string& out, unsigned field, std::string_view text) {
    append_length(out, field, text.size());
    out += text;
}

void append_parameter(std::string& out, unsigned field, const Parameter& parameter) {
    std::string value;
    if (const bool* flag = std::get_if<bool>(&parameter.value)) {
        append_varint(value, fields::parameter_bool << 3U);
        append_varint(value, *flag ? 1 : 0);
    } else if (const auto* text = std::get_if<std::string>(&parameter.value)) {
        append_text(value, fields::parameter_string, *text);
    } else {
        append_varint(value, fields::parameter_int64 << 3U);
        append_varint(value, static_cast<std::uint64_t>(std::get<std::int64_t>(parameter.value)));
    }
    std::string entry;
    append_text(entry, fields::map_key, parameter.name);
    append_text(entry, fields::map_value, value);
    append_text(out, field, entry);
}

void append_tensor_head(std::string& out, unsigned field, const NamedTensor& named) {
    std::string shape;
    for (const std::int64_t dimension : named.tensor.shape())
        append_varint(shape, static_cast<std::uint64_t>(dimension));
    std::string head;
    append_text(head, fields::tensor_name, named.name);
    append_text(head, fields::tensor_datatype, protocol_name(named.tensor.dtype()));
    if (!shape.empty()) append_text(head, fields::tensor_shape, shape);
    append_text(out, field, head);
}

/// The raw contents after the rest: `out` holds what comes before them.
Pieces with_raw_contents(std::string out, unsigned field, const std::vector<NamedTensor>& tensors) {
    Pieces pieces;
    for (const NamedTensor& named : tensors) {
        append_length(out, field, static_cast<std::size_t>(named.tensor.size().count()));
        if (named.tensor.size().count() <= inline_size_max) {
            const std::span<const std::byte> bytes = named.tensor.bytes();
            out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            continue;
        }
        pieces.emplace_back(std::move(out));
        pieces.emplace_back(named.tensor);
        out = {};
    }
    if (!out.empty() || pieces.empty()) pieces.emplace_back(std::move(out));
    return pieces;
}

std::string head(const std::string& model, const std::string& version, const std::string& id) {
    std::string out;
    append_text(out, fields::model_name, model);
    if (!version.empty()) append_text(out, fields::model_version, version);
    if (!id.empty()) append_text(out, fields::id, id);
    return out;
}

}  // namespace

Bytes size(const Pieces& pieces) {
    Bytes total;
    for (const Piece& piece : pieces) {
        if (const auto* text = std::get_if<std::string>(&piece)) {
            total += Bytes(static_cast<std::int64_t>(text->size()));
        } else {
            total += std::get<Tensor>(piece).size();
        }
    }
    return total;
}

Pieces encode(const Request& request) {
    std::string out = head(request.model, request.version, request.id);
    for (const Parameter& parameter : request.parameters) append_parameter(out, fields::parameters, parameter);
    for (const NamedTensor& input : request.inputs) append_tensor_head(out, fields::request_inputs, input);
    for (const std::string& name : request.outputs) {
        std::string requested;
        append_text(requested, fields::tensor_name, name);
        append_text(out, fields::request_outputs, requested);
    }
    return with_raw_contents(std::move(out), fields::request_raw, request.inputs);
}

Pieces encode(const Response& response) {
    std::string out = head(response.model, response.version, response.id);
    for (const Parameter& parameter : response.parameters) append_parameter(out, fields::parameters, parameter);
    for (const NamedTensor& output : response.outputs) append_tensor_head(out, fields::response_outputs, output);
    return with_raw_contents(std::move(out), fields::response_raw, response.outputs);
}

Pieces encode_in_stream(Pieces response) {
    std::string out;
    append_length(out, fields::stream_response, static_cast<std::size_t>(size(response).count()));
    response.insert(response.begin(), std::move(out));
    return response;
}

Pieces encode_in_stream(const StreamError& error) {
    std::string response;  // as Triton's: the request's id says which of them failed
    if (!error.id.empty()) append_text(response, fields::id, error.id);
    std::string out;
    append_text(out, fields::stream_error, error.reason);
    append_text(out, fields::stream_response, response);
    return {std::move(out)};
}

}  // namespace breakeven
