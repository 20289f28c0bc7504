// Decoding: see decoding.h.
#include "breakeven/serve/decoding.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "breakeven/codec/frame.h"
#include "breakeven/error.h"
#include "breakeven/wire/coded_inputs.h"

namespace breakeven {
namespace {

/// What one input may take: a few bytes can stand for many.
constexpr Bytes decoded_max{std::int64_t{64} << 20};

std::optional<Refusal> decode(const ModelFace& model, TensorHead& head, Block& block) {
    const auto bad = [&](const std::string& reason) {
        return Refusal{RefusalCode::invalid_argument, fmt::format("coded input {} of model {}: {}",
                                                                  in_quotes(head.name), in_quotes(model.name), reason)};
    };
    const auto spec = std::ranges::find(model.inputs, head.name, &TensorSpec::name);
    if (spec == model.inputs.end()) return bad("the model has no such input");
    if (spec->dtype == DType::string) return bad("strings travel as they are");
    try {
        const FrameHead frame = read_frame_head(block.bytes);
        if (frame.dtype != spec->dtype || !admits(spec->shape, frame.shape)) {
            return bad(fmt::format("its frame holds {} {}, expected is {} {}", name(frame.dtype), to_text(frame.shape),
                                   name(spec->dtype), to_text(spec->shape)));
        }
        auto tensor = std::make_shared<Tensor>(decode_frame(block.bytes, decoded_max));
        head.datatype = protocol_name(tensor->dtype());
        head.shape = tensor->shape();
        const std::span<std::byte> bytes = tensor->mutable_bytes();
        block = {.bytes = bytes, .owner = std::move(tensor)};
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        return bad(error.what());
    }
    return std::nullopt;
}

}  // namespace

std::optional<Refusal> decode_inputs(const ModelFace& model, ParsedMessage& request) {
    if (!is_coded(request)) return std::nullopt;
    if (request.raw.size() != request.tensors.size()) {
        return Refusal{RefusalCode::invalid_argument, "coded inputs must travel as raw contents, one for each input"};
    }
    for (std::size_t i = 0; i < request.tensors.size(); ++i) {
        if (auto refusal = decode(model, request.tensors[i], request.raw[i])) return refusal;
    }
    return std::nullopt;
}

}  // namespace breakeven
