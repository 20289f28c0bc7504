// Tensor: see tensor.h.
#include "breakeven/tensor/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <bit>
#include <cstring>
#include <new>

#include "breakeven/error.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

struct DTypeFacts {
    DType dtype;
    std::size_t size;
    std::string_view protocol_name;
    std::string_view name;
};

constexpr std::array<DTypeFacts, 14> facts{{
    {DType::boolean, 1, "BOOL", "bool"},
    {DType::uint8, 1, "UINT8", "uint8"},
    {DType::int8, 1, "INT8", "int8"},
    {DType::uint16, 2, "UINT16", "uint16"},
    {DType::int16, 2, "INT16", "int16"},
    {DType::uint32, 4, "UINT32", "uint32"},
    {DType::int32, 4, "INT32", "int32"},
    {DType::uint64, 8, "UINT64", "uint64"},
    {DType::int64, 8, "INT64", "int64"},
    {DType::float16, 2, "FP16", "float16"},
    {DType::bfloat16, 2, "BF16", "bfloat16"},
    {DType::float32, 4, "FP32", "float32"},
    {DType::float64, 8, "FP64", "float64"},
    {DType::string, 0, "BYTES", "string"},
}};

const DTypeFacts& facts_of(DType dtype) {
    for (const DTypeFacts& entry : facts) {
        if (entry.dtype == dtype) return entry;
    }
    throw Error(ErrorKind::internal, "look up a tensor type", "unknown type");
}

constexpr std::size_t alignment = 64;  // a cache line, and the widest vector register

float half_to_float(std::uint16_t half) {
    const std::uint32_t sign = (half & 0x8000U) << 16U;
    const std::uint32_t exponent = (half >> 10U) & 0x1fU;
    const std::uint32_t fraction = half & 0x3ffU;
    if (exponent == 0) {
        const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
        return sign != 0 ? -magnitude : magnitude;
    }
    const std::uint32_t widened = exponent == 31 ? 255U : exponent + 112U;
    return std::bit_cast<float>(sign | (widened << 23U) | (fraction << 13U));
}

template <class T>
void append_as_doubles(const Tensor& tensor, std::vector<double>& out) {
    for (const T value : tensor.as<T>()) out.push_back(static_cast<double>(value));
}

}  // namespace

std::size_t element_size(DType dtype) {
    return facts_of(dtype).size;
}
std::string_view protocol_name(DType dtype) {
    return facts_of(dtype).protocol_name;
}
std::string_view name(DType dtype) {
    return facts_of(dtype).name;
}

std::optional<DType> dtype_of_protocol_name(std::string_view name) {
    for (const DTypeFacts& entry : facts) {
        if (entry.protocol_name == name) return entry.dtype;
    }
    return std::nullopt;
}

std::string to_text(const Shape& shape) {
    std::vector<std::string> parts;
    for (const std::int64_t dimension : shape) parts.push_back(dimension < 0 ? "?" : fmt::format("{}", dimension));
    return fmt::format("[{}]", fmt::join(parts, ", "));
}

std::optional<std::int64_t> element_count(const Shape& shape) {
    std::int64_t count = 1;
    for (const std::int64_t dimension : shape) {
        if (dimension < 0 || __builtin_mul_overflow(count, dimension, &count)) return std::nullopt;
    }
    return count;
}

bool admits(const Shape& specification, const Shape& shape) {
    if (specification.size() != shape.size()) return false;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] < 0 || (specification[i] >= 0 && specification[i] != shape[i])) return false;
    }
    return true;
}

Tensor::Tensor(DType dtype, Shape shape) : dtype_(dtype), shape_(std::move(shape)) {
    BREAKEVEN_ASSERT(dtype != DType::string);
    const std::optional<std::int64_t> count = element_count(shape_);
    std::int64_t size = 0;
    if (!count || __builtin_mul_overflow(*count, static_cast<std::int64_t>(element_size(dtype)), &size)) {
        throw Error(ErrorKind::input, "make a tensor of shape " + to_text(shape_), "the shape is open or too large");
    }
    elements_ = *count;
    const std::size_t rounded = (static_cast<std::size_t>(size) + alignment - 1) / alignment * alignment;
    void* block = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
    if (block == nullptr) {
        throw Error(ErrorKind::input, "make a tensor of shape " + to_text(shape_),
                    fmt::format("{} are more than there is memory", to_text(Bytes(size))));
    }
    std::memset(block, 0, static_cast<std::size_t>(size));
    owner_ = std::shared_ptr<const void>(block, [](const void* p) { std::free(const_cast<void*>(p)); });
    data_ = {static_cast<std::byte*>(block), static_cast<std::size_t>(size)};
}

Tensor::Tensor(DType dtype, Shape shape, std::span<std::byte> data, std::shared_ptr<const void> owner)
    : dtype_(dtype), shape_(std::move(shape)), data_(data), owner_(std::move(owner)) {
    const std::optional<std::int64_t> count = element_count(shape_);
    BREAKEVEN_ASSERT(count.has_value());
    elements_ = *count;
    if (dtype != DType::string) {
        BREAKEVEN_ASSERT(static_cast<std::size_t>(elements_) * element_size(dtype) == data.size());
    }
}

Tensor Tensor::reshaped(Shape shape) const {
    BREAKEVEN_ASSERT(element_count(shape) == elements_);
    Tensor result = *this;
    result.shape_ = std::move(shape);
    return result;
}

void Tensor::check_element(std::size_t size) const {
    BREAKEVEN_ASSERT(dtype_ != DType::string && size == element_size(dtype_));
}

std::vector<double> to_doubles(const Tensor& tensor) {
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(tensor.elements()));
    switch (tensor.dtype()) {
        case DType::boolean:
        case DType::uint8: append_as_doubles<std::uint8_t>(tensor, values); break;
        case DType::int8: append_as_doubles<std::int8_t>(tensor, values); break;
        case DType::uint16: append_as_doubles<std::uint16_t>(tensor, values); break;
        case DType::int16: append_as_doubles<std::int16_t>(tensor, values); break;
        case DType::uint32: append_as_doubles<std::uint32_t>(tensor, values); break;
        case DType::int32: append_as_doubles<std::int32_t>(tensor, values); break;
        case DType::uint64: append_as_doubles<std::uint64_t>(tensor, values); break;
        case DType::int64: append_as_doubles<std::int64_t>(tensor, values); break;
        case DType::float32: append_as_doubles<float>(tensor, values); break;
        case DType::float64: append_as_doubles<double>(tensor, values); break;
        case DType::float16:
            for (const std::uint16_t half : tensor.as<std::uint16_t>()) values.push_back(half_to_float(half));
            break;
        case DType::bfloat16:
            for (const std::uint16_t half : tensor.as<std::uint16_t>()) {
                values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16U));
            }
            break;
        case DType::string: BREAKEVEN_ASSERT(!"strings are not numbers"); break;
    }
    return values;
}

}  // namespace breakeven
