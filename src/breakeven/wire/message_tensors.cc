// From a parsed message to its tensors, raw or typed: see message.h.
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <bit>
#include <cstring>
#include <limits>

#include "breakeven/error.h"
#include "breakeven/wire/fields.h"
#include "breakeven/wire/message.h"

namespace breakeven {
namespace {

static_assert(std::endian::native == std::endian::little, "the protocol's raw contents are little-endian");

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

using Result = std::variant<Tensor, Malformed>;

Malformed wrong(const TensorHead& head, const std::string& reason) {
    return {fmt::format("tensor {}: {}", in_quotes(head.name), reason)};
}

/// Whether a raw string tensor holds exactly `elements` elements, each a length and as many bytes.
bool holds_strings(std::span<const std::byte> bytes, std::int64_t elements) {
    std::size_t at = 0;
    for (std::int64_t i = 0; i < elements; ++i) {
        std::uint32_t length = 0;
        if (bytes.size() - at < sizeof length) return false;
        std::memcpy(&length, bytes.data() + at, sizeof length);
        at += sizeof length;
        if (bytes.size() - at < length) return false;
        at += length;
    }
    return at == bytes.size();
}

Result raw_tensor(const TensorHead& head, DType dtype, std::int64_t elements, Block block) {
    if (dtype == DType::string) {
        if (!holds_strings(block.bytes, elements)) {
            return wrong(head, fmt::format("its raw contents are not {} strings with their lengths", elements));
        }
    } else {
        std::int64_t expected = 0;
        const bool overflow =
            __builtin_mul_overflow(elements, static_cast<std::int64_t>(element_size(dtype)), &expected);
        if (overflow || static_cast<std::size_t>(expected) != block.bytes.size()) {
            return wrong(head, fmt::format("{} of shape {} has {} bytes, its raw contents have {}", head.datatype,
                                           to_text(head.shape), expected, block.bytes.size()));
        }
    }
    return Tensor(dtype, head.shape, block.bytes, std::move(block.owner));
}

/// How one datatype lies in InferTensorContents.
struct TypedLayout {
    unsigned field;
    unsigned wire_type;  ///< of an element that stands alone
    bool is_signed;
};

std::optional<TypedLayout> typed_layout(DType dtype) {
    switch (dtype) {
        case DType::boolean: return TypedLayout{fields::contents_bool, 0, false};
        case DType::int8:
        case DType::int16:
        case DType::int32: return TypedLayout{fields::contents_int, 0, true};
        case DType::int64: return TypedLayout{fields::contents_int64, 0, true};
        case DType::uint8:
        case DType::uint16:
        case DType::uint32: return TypedLayout{fields::contents_uint, 0, false};
        case DType::uint64: return TypedLayout{fields::contents_uint64, 0, false};
        case DType::float32: return TypedLayout{fields::contents_fp32, 5, false};
        case DType::float64: return TypedLayout{fields::contents_fp64, 1, false};
        case DType::string: return TypedLayout{fields::contents_bytes, 2, false};
        case DType::float16:
        case DType::bfloat16: return std::nullopt;
    }
    return std::nullopt;
}

/// Whether `value`, as it came, is a number of `size` bytes.
bool fits(std::uint64_t value, std::size_t size, bool is_signed) {
    if (size == 8) return true;
    const auto bits = static_cast<int>(size * 8);
    if (!is_signed) return value >> bits == 0;
    const auto number = static_cast<std::int64_t>(value);
    const std::int64_t limit = std::int64_t{1} << (bits - 1);
    return number >= -limit && number < limit;
}

/// Fills a tensor of numbers, element by element.
class NumberFiller {
   public:
    NumberFiller(Tensor& tensor, TypedLayout layout)
        : bytes_(tensor.mutable_bytes()), size_(element_size(tensor.dtype())), layout_(layout) {}

    bool take(CodedInputStream& in) {
        std::uint64_t value = 0;
        if (layout_.wire_type == 5) {
            std::uint32_t word = 0;
            if (!in.ReadLittleEndian32(&word)) return false;
            value = word;
        } else if (layout_.wire_type == 1) {
            if (!in.ReadLittleEndian64(&value)) return false;
        } else {
            if (!in.ReadVarint64(&value)) return false;
            if (layout_.field == fields::contents_bool) value = value != 0 ? 1 : 0;
            if (!fits(value, size_, layout_.is_signed)) out_of_range_ = true;
        }
        if (at_ + size_ > bytes_.size()) {
            too_many_ = true;
        } else {
            std::memcpy(bytes_.data() + at_, &value, size_);
            at_ += size_;
        }
        return !too_many_ && !out_of_range_;
    }

    bool complete() const { return at_ == bytes_.size() && !too_many_; }
    bool out_of_range() const { return out_of_range_; }

   private:
    std::span<std::byte> bytes_;
    std::size_t size_;
    TypedLayout layout_;
    std::size_t at_ = 0;
    bool too_many_ = false;
    bool out_of_range_ = false;
};

Result typed_numbers(const TensorHead& head, DType dtype, TypedLayout layout) {
    Tensor tensor(dtype, head.shape);
    NumberFiller filler(tensor, layout);
    CodedInputStream in(reinterpret_cast<const std::uint8_t*>(head.contents.data()),
                        static_cast<int>(head.contents.size()));
    bool good = true;
    while (good && !filler.out_of_range()) {
        const std::uint32_t tag = in.ReadTag();
        if (tag == 0) {
            good = in.ConsumedEntireMessage();
            break;
        }
        if (tag >> 3U != layout.field) return wrong(head, "its contents are in a field of another datatype");
        int length = 0;
        if ((tag & 7U) == layout.wire_type) {
            good = filler.take(in);
        } else if ((tag & 7U) == 2 && in.ReadVarintSizeAsInt(&length)) {
            const CodedInputStream::Limit outer = in.PushLimit(length);
            while (good && in.BytesUntilLimit() > 0) good = filler.take(in);
            in.PopLimit(outer);
        } else {
            good = false;
        }
    }
    if (filler.out_of_range()) return wrong(head, fmt::format("a number in its contents is no {}", head.datatype));
    if (!good || !filler.complete()) {
        return wrong(head, fmt::format("its contents are not the {} elements of shape {}", tensor.elements(),
                                       to_text(head.shape)));
    }
    return tensor;
}

Result typed_strings(const TensorHead& head, std::int64_t elements) {
    // Shared with the tensor, which keeps it.
    const auto bytes = std::make_shared<std::string>();
    CodedInputStream in(reinterpret_cast<const std::uint8_t*>(head.contents.data()),
                        static_cast<int>(head.contents.size()));
    std::int64_t count = 0;
    std::string element;
    while (const std::uint32_t tag = in.ReadTag()) {
        int length = 0;
        if (tag != (fields::contents_bytes << 3U | 2U)) {
            return wrong(head, "its contents are in a field of another datatype");
        }
        if (!in.ReadVarintSizeAsInt(&length) || !in.ReadString(&element, length)) {
            return wrong(head, "its contents end in the middle of a string");
        }
        const auto written = static_cast<std::uint32_t>(length);
        bytes->append(reinterpret_cast<const char*>(&written), sizeof written);
        *bytes += element;
        ++count;
    }
    if (!in.ConsumedEntireMessage() || count != elements) {
        return wrong(head, fmt::format("its contents are {} strings, its shape {} needs {}", count, to_text(head.shape),
                                       elements));
    }
    const std::span<char> block(*bytes);
    return Tensor(DType::string, head.shape, std::as_writable_bytes(block), bytes);
}

Result typed_tensor(const TensorHead& head, DType dtype, std::int64_t elements) {
    const std::optional<TypedLayout> layout = typed_layout(dtype);
    if (!layout) return wrong(head, fmt::format("{} must be sent as raw contents", head.datatype));
    // An element takes a byte or more, so a shape cannot ask for more memory than the message justifies.
    if (static_cast<std::uint64_t>(elements) > head.contents.size()) {
        return wrong(head,
                     fmt::format("its contents are not the {} elements of shape {}", elements, to_text(head.shape)));
    }
    if (dtype == DType::string) return typed_strings(head, elements);
    return typed_numbers(head, dtype, *layout);
}

/// `block`: the raw contents that belong to this tensor, where the message has any.
Result tensor_of(const TensorHead& head, Block* block) {
    const std::optional<DType> dtype = dtype_of_protocol_name(head.datatype);
    if (!dtype) return wrong(head, fmt::format("{} is no datatype of the protocol", in_quotes(head.datatype)));
    const std::optional<std::int64_t> elements = element_count(head.shape);
    if (!elements) {
        return wrong(head, fmt::format("shape {} is open, negative or too large", to_text(head.shape)));
    }
    if (block != nullptr) return raw_tensor(head, *dtype, *elements, std::move(*block));
    return typed_tensor(head, *dtype, *elements);
}

}  // namespace

std::variant<std::vector<NamedTensor>, Malformed> take_tensors(ParsedMessage& message) {
    const bool raw = !message.raw.empty();
    if (raw && message.raw.size() != message.tensors.size()) {
        return Malformed{
            fmt::format("there are {} raw contents for {} tensors", message.raw.size(), message.tensors.size())};
    }
    std::vector<NamedTensor> tensors;
    tensors.reserve(message.tensors.size());
    for (std::size_t i = 0; i < message.tensors.size(); ++i) {
        TensorHead& head = message.tensors[i];
        if (head.shared_memory) return wrong(head, "shared memory is not supported, send its contents");
        if (raw && head.has_contents) {
            return wrong(head, "contents field must not be specified when using raw contents");
        }
        Result made = tensor_of(head, raw ? &message.raw[i] : nullptr);
        if (auto* malformed = std::get_if<Malformed>(&made)) return std::move(*malformed);
        tensors.push_back({.name = std::move(head.name), .tensor = std::get<Tensor>(std::move(made))});
    }
    message.raw.clear();
    return tensors;
}

}  // namespace breakeven
