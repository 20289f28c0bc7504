// String tensors: see strings.h.
#include "breakeven/tensor/strings.h"

#include <fmt/format.h>

#include <cstring>

#include "breakeven/error.h"

namespace breakeven {

std::vector<std::string> decode_strings(const Tensor& tensor) {
    BREAKEVEN_ASSERT(tensor.dtype() == DType::string);
    std::vector<std::string> elements;
    std::span<const std::byte> rest = tensor.bytes();
    while (!rest.empty()) {
        std::uint32_t length = 0;
        if (rest.size() < sizeof(length)) break;
        std::memcpy(&length, rest.data(), sizeof(length));
        if (rest.size() - sizeof(length) < length) break;
        elements.emplace_back(reinterpret_cast<const char*>(rest.data()) + sizeof(length), length);
        rest = rest.subspan(sizeof(length) + length);
    }
    if (!rest.empty() || static_cast<std::int64_t>(elements.size()) != tensor.elements()) {
        throw Error(ErrorKind::input, fmt::format("read a string tensor of shape {}", to_text(tensor.shape())),
                    fmt::format("its bytes hold {} whole elements and {} bytes beyond", elements.size(), rest.size()));
    }
    return elements;
}

Tensor encode_strings(const Shape& shape, const std::vector<std::string>& elements) {
    BREAKEVEN_ASSERT(element_count(shape) == static_cast<std::int64_t>(elements.size()));
    auto block = std::make_shared<std::string>();
    for (const std::string& element : elements) {
        const auto length = static_cast<std::uint32_t>(element.size());
        block->append(reinterpret_cast<const char*>(&length), sizeof(length));
        block->append(element);
    }
    const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(block->data()), block->size());
    return Tensor(DType::string, shape, bytes, block);
}

}  // namespace breakeven
