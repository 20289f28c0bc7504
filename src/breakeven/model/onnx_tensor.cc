// onnx_tensor: see onnx_tensor.h. Type numbers are ONNX's TensorProto.DataType.
#include "breakeven/model/onnx_tensor.h"

#include <fmt/format.h>
#include <onnx/checker.h>

#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "breakeven/model/onnx_text.h"

namespace breakeven {

namespace {

using onnx::TensorProto;

constexpr std::array<std::pair<std::int32_t, DType>, 14> types{{
    {TensorProto::FLOAT, DType::float32},
    {TensorProto::UINT8, DType::uint8},
    {TensorProto::INT8, DType::int8},
    {TensorProto::UINT16, DType::uint16},
    {TensorProto::INT16, DType::int16},
    {TensorProto::INT32, DType::int32},
    {TensorProto::INT64, DType::int64},
    {TensorProto::STRING, DType::string},
    {TensorProto::BOOL, DType::boolean},
    {TensorProto::FLOAT16, DType::float16},
    {TensorProto::DOUBLE, DType::float64},
    {TensorProto::UINT32, DType::uint32},
    {TensorProto::UINT64, DType::uint64},
    {TensorProto::BFLOAT16, DType::bfloat16},
}};

std::optional<Bytes> parse_count(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return Bytes(value);
}

std::optional<std::string> external_fault(const TensorProto& tensor) {
    bool located = false;
    for (const auto& entry : tensor.external_data()) {
        if (entry.key() == "location") located = !entry.value().empty();
        if ((entry.key() == "offset" || entry.key() == "length") && !parse_count(entry.value())) {
            return fmt::format("its {} in the weights' file is not a size: '{}'", entry.key(),
                               printable(entry.value(), 40));
        }
    }
    if (!located) return "its weights lie in another file, which is not named";
    if (!stored_size(tensor.data_type(), shape_of(tensor))) return "it has a shape or type that no file can hold";
    const ExternalWeights where = external_weights_of(tensor);
    if (where.size && where.size_needed && *where.size != *where.size_needed) {
        return fmt::format("its shape {} needs {} bytes, the weights' file gives it {}", to_text(shape_of(tensor)),
                           where.size_needed->count(), where.size->count());
    }
    return std::nullopt;
}

}  // namespace

std::optional<DType> dtype_of_onnx(std::int32_t data_type) {
    for (const auto& [number, dtype] : types) {
        if (number == data_type) return dtype;
    }
    return std::nullopt;
}

std::int32_t onnx_type_of(DType dtype) {
    for (const auto& [number, ours] : types) {
        if (ours == dtype) return number;
    }
    return TensorProto::UNDEFINED;
}

std::optional<std::int64_t> bits_of_onnx(std::int32_t data_type) {
    switch (data_type) {
        case TensorProto::UINT2:
        case TensorProto::INT2: return 2;
        case TensorProto::UINT4:
        case TensorProto::INT4:
        case TensorProto::FLOAT4E2M1: return 4;
        case TensorProto::FLOAT6E2M3:
        case TensorProto::FLOAT6E3M2: return 6;
        case TensorProto::FLOAT8E4M3FN:
        case TensorProto::FLOAT8E4M3FNUZ:
        case TensorProto::FLOAT8E5M2:
        case TensorProto::FLOAT8E5M2FNUZ:
        case TensorProto::FLOAT8E8M0: return 8;
        case TensorProto::COMPLEX64: return 64;
        case TensorProto::COMPLEX128: return 128;
        default: break;
    }
    const std::optional<DType> dtype = dtype_of_onnx(data_type);
    if (!dtype || *dtype == DType::string) return std::nullopt;
    return static_cast<std::int64_t>(element_size(*dtype)) * 8;
}

bool is_floating_onnx(std::int32_t data_type) {
    switch (data_type) {
        case TensorProto::FLOAT:
        case TensorProto::FLOAT16:
        case TensorProto::BFLOAT16:
        case TensorProto::DOUBLE:
        case TensorProto::FLOAT4E2M1:
        case TensorProto::FLOAT6E2M3:
        case TensorProto::FLOAT6E3M2:
        case TensorProto::FLOAT8E4M3FN:
        case TensorProto::FLOAT8E4M3FNUZ:
        case TensorProto::FLOAT8E5M2:
        case TensorProto::FLOAT8E5M2FNUZ: return true;
        default: return false;
    }
}

Shape shape_of(const TensorProto& tensor) {
    return {tensor.dims().begin(), tensor.dims().end()};
}

bool is_external(const TensorProto& tensor) {
    return tensor.has_data_location() && tensor.data_location() == TensorProto::EXTERNAL;
}

std::optional<Bytes> stored_size(std::int32_t data_type, const Shape& shape) {
    const std::optional<std::int64_t> elements = element_count(shape);
    const std::optional<std::int64_t> bits = bits_of_onnx(data_type);
    if (!elements || !bits || *elements > std::numeric_limits<std::int64_t>::max() / *bits - 8) return std::nullopt;
    return Bytes((*elements * *bits + 7) / 8);
}

bool all_ones(const TensorProto& tensor) {
    if (tensor.data_type() != TensorProto::FLOAT || is_external(tensor)) return false;
    if (!tensor.has_raw_data()) {
        for (const float value : tensor.float_data()) {
            if (value != 1.0F) return false;
        }
        return !tensor.float_data().empty();
    }
    const std::string& bytes = tensor.raw_data();
    for (std::size_t at = 0; at + sizeof(float) <= bytes.size(); at += sizeof(float)) {
        float value = 0;
        std::memcpy(&value, bytes.data() + at, sizeof value);
        if (value != 1.0F) return false;
    }
    return !bytes.empty();
}

std::optional<std::string> fault_of(const TensorProto& tensor) {
    if (!element_count(shape_of(tensor))) {
        return fmt::format("its shape {} is negative or too large", to_text(shape_of(tensor)));
    }
    if (tensor.has_segment()) return "it is stored in segments, which no engine reads";
    if (is_external(tensor)) return external_fault(tensor);
    try {
        onnx::checker::check_tensor(tensor, onnx::checker::CheckerContext());
    } catch (const std::exception& error) {
        return printable(error.what());
    }
    const std::optional<Bytes> size = stored_size(tensor.data_type(), shape_of(tensor));
    if (tensor.has_raw_data() && size && std::cmp_not_equal(tensor.raw_data().size(), size->count()) &&
        !(size->count() == 0 && tensor.raw_data().empty())) {
        return fmt::format("its shape {} needs {} bytes, {} are there", to_text(shape_of(tensor)), size->count(),
                           tensor.raw_data().size());
    }
    return std::nullopt;
}

ExternalWeights external_weights_of(const TensorProto& tensor) {
    ExternalWeights weights;
    weights.tensor = tensor.name();
    for (const auto& entry : tensor.external_data()) {
        if (entry.key() == "location") weights.location = entry.value();
        if (entry.key() == "offset") weights.offset = parse_count(entry.value()).value_or(Bytes());
        if (entry.key() == "length") weights.size = parse_count(entry.value());
    }
    weights.size_needed = stored_size(tensor.data_type(), shape_of(tensor));
    return weights;
}

}  // namespace breakeven
