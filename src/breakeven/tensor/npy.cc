// Npy: see npy.h. The header is a Python dictionary of three keys; this reads just that, in any order.
#include "breakeven/tensor/npy.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t header_bytes_max = 64U << 10U;
constexpr std::size_t dimensions_max = 32;  // NumPy's own limit for long

struct Descriptor {
    DType dtype;
    std::string_view text;
};
constexpr std::array<Descriptor, 12> descriptors{{
    {DType::boolean, "|b1"},
    {DType::uint8, "|u1"},
    {DType::int8, "|i1"},
    {DType::uint16, "<u2"},
    {DType::int16, "<i2"},
    {DType::uint32, "<u4"},
    {DType::int32, "<i4"},
    {DType::uint64, "<u8"},
    {DType::int64, "<i8"},
    {DType::float16, "<f2"},
    {DType::float32, "<f4"},
    {DType::float64, "<f8"},
}};

struct Header {
    std::optional<DType> dtype;
    std::optional<bool> fortran_order;
    std::optional<Shape> shape;
};

class HeaderReader {
   public:
    HeaderReader(std::string_view text, std::string_view subject) : rest_(text), subject_(subject) {}

    [[noreturn]] void refuse(std::string_view reason) const {
        throw Error(ErrorKind::input, fmt::format("read array {}", subject_), std::string(reason));
    }

    Header read() {
        Header header;
        expect('{');
        while (!accept('}')) {
            const std::string_view key = quoted();
            expect(':');
            if (key == "descr") {
                header.dtype = dtype(quoted());
            } else if (key == "fortran_order") {
                header.fortran_order = truth();
            } else if (key == "shape") {
                header.shape = shape();
            } else {
                refuse("its header has a key that .npy does not know");
            }
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skip_space();
        if (!rest_.empty()) refuse("something follows its header");
        if (!header.dtype || !header.fortran_order || !header.shape)
            refuse("its header lacks descr, fortran_order or shape");
        return header;
    }

   private:
    void skip_space() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
    }
    bool accept(char c) {
        skip_space();
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(char c) {
        if (!accept(c)) refuse("its header is no .npy header");
    }
    bool accept_word(std::string_view word) {
        skip_space();
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    std::string_view quoted() {
        skip_space();
        const char quote = rest_.empty() ? ' ' : rest_.front();
        if (quote != '\'' && quote != '"') refuse("its header is no .npy header (or its elements are records)");
        const std::size_t end = rest_.find(quote, 1);
        if (end == std::string_view::npos) refuse("its header is no .npy header");
        const std::string_view word = rest_.substr(1, end - 1);
        rest_.remove_prefix(end + 1);
        return word;
    }
    bool truth() {
        if (accept_word("True")) return true;
        if (!accept_word("False")) refuse("its fortran_order is neither True nor False");
        return false;
    }
    Shape shape() {
        Shape dimensions;
        expect('(');
        while (!accept(')')) {
            skip_space();
            std::int64_t dimension = -1;
            const auto [end, status] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), dimension);
            if (status != std::errc() || dimension < 0) refuse("its shape has a dimension that is no whole number");
            rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
            dimensions.push_back(dimension);
            if (dimensions.size() > dimensions_max) refuse("it has too many dimensions");
            if (!accept(',')) {
                expect(')');
                break;
            }
        }
        return dimensions;
    }
    DType dtype(std::string_view text) const {
        for (const Descriptor& entry : descriptors) {
            if (entry.text == text) return entry.dtype;
            // One byte has no order, so that any mark is right there.
            if (text.size() == 3 && entry.text.front() == '|' && entry.text.substr(1) == text.substr(1))
                return entry.dtype;
        }
        if (text.starts_with('>')) refuse("its elements are big-endian; save it little-endian");
        refuse(fmt::format("its element type '{}' is not one we read", text.substr(0, 12)));
    }

    std::string_view rest_;
    std::string_view subject_;
};

std::size_t little_endian(std::string_view bytes) {
    std::size_t value = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) value = value << 8U | static_cast<unsigned char>(bytes[i - 1]);
    return value;
}

}  // namespace

Tensor parse_npy(std::span<const std::byte> bytes, std::string_view subject) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const HeaderReader problem({}, subject);
    if (!text.starts_with(magic) || text.size() < 10) problem.refuse("it is no .npy file");
    const char version = text[6];
    if (version != 1 && version != 2) problem.refuse("its .npy version is neither 1 nor 2");
    const std::size_t prefix = version == 1 ? 10 : 12;
    if (text.size() < prefix) problem.refuse("it ends within its header");
    const std::size_t length = little_endian(text.substr(8, prefix - 8));
    if (length > header_bytes_max || length > text.size() - prefix) problem.refuse("it ends within its header");

    const Header header = HeaderReader(text.substr(prefix, length), subject).read();
    if (*header.fortran_order && header.shape->size() > 1) {
        problem.refuse("it is in Fortran order; save numpy.ascontiguousarray(x)");
    }
    // Checked against the length before memory is taken: the header alone must not make us allocate.
    const std::optional<std::int64_t> count = element_count(*header.shape);
    const std::string_view data = text.substr(prefix + length);
    const std::size_t size = element_size(*header.dtype);
    if (!count || static_cast<std::uint64_t>(*count) != data.size() / size || data.size() % size != 0) {
        problem.refuse(fmt::format("{} of {} does not fit the {} bytes that follow its header", to_text(*header.shape),
                                   name(*header.dtype), data.size()));
    }
    Tensor tensor(*header.dtype, *header.shape);
    std::memcpy(tensor.mutable_bytes().data(), data.data(), data.size());
    return tensor;
}

std::string to_npy(const Tensor& tensor) {
    std::string_view descriptor;
    for (const Descriptor& entry : descriptors) {
        if (entry.dtype == tensor.dtype()) descriptor = entry.text;
    }
    if (descriptor.empty()) {
        throw Error(ErrorKind::unsupported, "write an array", fmt::format(".npy has no {}", name(tensor.dtype())));
    }
    std::string shape;
    for (const std::int64_t dimension : tensor.shape()) shape += fmt::format("{}, ", dimension);
    if (tensor.shape().size() > 1) shape.resize(shape.size() - 2);
    std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descriptor, shape);
    constexpr std::size_t alignment = 64;  // the format pads the header so that the elements start there
    header.append(alignment - 1 - (magic.size() + 4 + header.size()) % alignment, ' ');
    header += '\n';
    std::string out(magic);
    out += '\x01';
    out += '\x00';
    out += static_cast<char>(header.size() & 0xffU);
    out += static_cast<char>(header.size() >> 8U);
    out += header;
    out.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
    return out;
}

}  // namespace breakeven
