// Tensor: numbers with a type and a shape, in one contiguous row-major little-endian block.
// The block may belong to an engine or a received message: it is kept alive, not copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/units/units.h"

namespace breakeven {

enum class DType {
    boolean,
    uint8,
    int8,
    uint16,
    int16,
    uint32,
    int32,
    uint64,
    int64,
    float16,
    bfloat16,
    float32,
    float64,
    string,  ///< elements are 4-byte little-endian length + bytes each, as the Open Inference Protocol sends BYTES
};

/// Size of one element; 0 for `string`.
std::size_t element_size(DType dtype);
/// As the Open Inference Protocol spells it: "FP32", "UINT8", "BYTES", ...
std::string_view protocol_name(DType dtype);
std::optional<DType> dtype_of_protocol_name(std::string_view name);
/// For people: "float32", "uint8", ...
std::string_view name(DType dtype);

/// Dimensions; -1 where a specification leaves one open.
using Shape = std::vector<std::int64_t>;

/// "[1, 3, 224, 224]"; open dimensions print as "?".
std::string to_text(const Shape& shape);

/// Product of the dimensions; nothing where one is open, negative, or the product overflows.
std::optional<std::int64_t> element_count(const Shape& shape);

/// Whether `shape` is one that `specification` (with open dimensions) admits.
bool admits(const Shape& specification, const Shape& shape);

/// An input or output of a model.
struct TensorSpec {
    std::string name;
    DType dtype = DType::float32;
    Shape shape;
    friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

class Tensor {
   public:
    Tensor() = default;

    /// A zeroed block of our own, aligned to 64 bytes. `shape` must be closed; throws Error{input} if it is not or is
    /// too large for memory. Not for DType::string.
    Tensor(DType dtype, Shape shape);

    /// A foreign block, kept alive by `owner` (shared: an engine's output or a message outlives its call only so).
    /// `data` must have exactly the bytes that dtype and shape need; for strings any length.
    Tensor(DType dtype, Shape shape, std::span<std::byte> data, std::shared_ptr<const void> owner);

    /// A block of our own with a copy of `values`, one dimension unless a shape is given.
    template <class T>
    static Tensor of(DType dtype, Shape shape, std::span<const T> values);

    DType dtype() const { return dtype_; }
    const Shape& shape() const { return shape_; }
    std::int64_t elements() const { return elements_; }
    Bytes size() const { return Bytes(static_cast<std::int64_t>(data_.size())); }

    std::span<const std::byte> bytes() const { return data_; }
    /// For whoever fills the tensor; the block is shared by copies of it.
    std::span<std::byte> mutable_bytes() { return data_; }

    /// The block as numbers; sizeof(T) must be the element's size.
    template <class T>
    std::span<const T> as() const;
    template <class T>
    std::span<T> mutable_as();

    /// The same block with another shape of as many elements.
    Tensor reshaped(Shape shape) const;

   private:
    void check_element(std::size_t size) const;

    DType dtype_ = DType::float32;
    Shape shape_;
    std::int64_t elements_ = 0;
    std::span<std::byte> data_;
    std::shared_ptr<const void> owner_;
};

template <class T>
std::span<const T> Tensor::as() const {
    check_element(sizeof(T));
    return {reinterpret_cast<const T*>(data_.data()), static_cast<std::size_t>(elements_)};
}

template <class T>
std::span<T> Tensor::mutable_as() {
    check_element(sizeof(T));
    return {reinterpret_cast<T*>(data_.data()), static_cast<std::size_t>(elements_)};
}

template <class T>
Tensor Tensor::of(DType dtype, Shape shape, std::span<const T> values) {
    Tensor tensor(dtype, std::move(shape));
    const std::span<T> to = tensor.mutable_as<T>();
    for (std::size_t i = 0; i < to.size() && i < values.size(); ++i) to[i] = values[i];
    return tensor;
}

/// The elements as doubles, whatever the number type (not strings): for printing and comparing, not for speed.
std::vector<double> to_doubles(const Tensor& tensor);

}  // namespace breakeven
