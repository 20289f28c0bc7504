// Channel blocks: see payload.h. Networks lie [batch, channels, height, width] in memory where they are cut (ONNX), so
// a channel is a run of elements.
#include <algorithm>

#include "breakeven/codec/payload.h"

namespace breakeven {
namespace {

/// A scale takes 2 bytes, a range that does not begin at 0 takes 4 more.
constexpr std::size_t block_size_min = 32;

}  // namespace

ChannelBlocks channel_blocks(const Shape& shape) {
    std::size_t elements = 1;
    for (const std::int64_t dimension : shape) elements *= static_cast<std::size_t>(dimension);
    if (elements == 0) return {};
    if (shape.size() < 3) return {.count = 1, .size = elements};
    std::size_t inner = 1;
    for (std::size_t i = 2; i < shape.size(); ++i) inner *= static_cast<std::size_t>(shape[i]);
    if (inner < block_size_min) {
        const std::size_t size = std::min(elements, (block_size_min + inner - 1) / inner * inner);
        // One element a channel: they are as alike as those of a vector.
        if (inner == 1) return {.count = 1, .size = elements};
        return {.count = (elements + size - 1) / size, .size = size};
    }
    const auto width = static_cast<std::size_t>(shape.back());
    return {.count = elements / inner, .size = inner, .height = inner / width, .width = width};
}

}  // namespace breakeven
