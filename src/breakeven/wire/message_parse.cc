// Reading ModelInfer's messages: see message.h. The low-level reading (varints, limits, slices) is protobuf's.
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <climits>
#include <cstdlib>
#include <new>

#include "breakeven/wire/fields.h"
#include "breakeven/wire/message.h"

namespace breakeven {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// What no honest message comes near; each keeps a hostile one from costing more memory than its own length.
constexpr std::size_t tensors_max = 1024;
constexpr std::size_t dimensions_max = 64;
constexpr std::size_t parameters_max = 64;
constexpr int text_length_max = 4096;

constexpr unsigned wire_varint = 0, wire_length = 2;
constexpr std::size_t block_alignment = 64;  // as Tensor's own blocks

/// Reads one message; the first problem stops it and stays in `problem`.
class Parser {
   public:
    explicit Parser(CodedInputStream& in) : in_(in) {}

    std::string problem;

    bool message(MessageKind kind, ParsedMessage& out) {
        const unsigned tensors = kind == MessageKind::request ? fields::request_inputs : fields::response_outputs;
        const unsigned raw = kind == MessageKind::request ? fields::request_raw : fields::response_raw;
        return each_field([&](unsigned field, unsigned type) {
            if (type != wire_length) return skip(field, type);
            if (field == fields::model_name) return text(out.model);
            if (field == fields::model_version) return text(out.version);
            if (field == fields::id) return text(out.id);
            if (field == fields::parameters) return nested([&] { return parameter(out.parameters); });
            if (field == tensors) {
                if (out.tensors.size() == tensors_max) return fail("it has too many tensors");
                return nested([&] { return tensor(out.tensors.emplace_back()); });
            }
            if (field == raw) {
                if (out.raw.size() == tensors_max) return fail("it has too many raw contents");
                return block(out.raw);
            }
            if (field == fields::request_outputs) {  // a response has its raw contents here
                if (out.requested.size() == tensors_max) return fail("it requests too many outputs");
                return nested([&] { return requested(out.requested.emplace_back()); });
            }
            return skip(field, type);
        });
    }

   private:
    bool fail(const std::string& reason) {
        if (problem.empty()) problem = reason;
        return false;
    }

    bool truncated() { return fail("it ends in the middle of a field, or a length in it is wrong"); }

    /// Calls `take(field, wire type)` until this message ends.
    template <class Take>
    bool each_field(const Take& take) {
        while (in_.BytesUntilLimit() > 0) {
            const std::uint32_t tag = in_.ReadTag();
            if (tag == 0) return truncated();
            if (!take(tag >> 3U, tag & 7U)) return fail("it is not a protobuf message");
        }
        return true;
    }

    bool skip(unsigned field, unsigned type) {
        return WireFormatLite::SkipField(&in_, field << 3U | type) || truncated();
    }

    bool length(int& out) { return (in_.ReadVarintSizeAsInt(&out) && out <= in_.BytesUntilLimit()) || truncated(); }

    bool text(std::string& out) {
        int n = 0;
        if (!length(n)) return false;
        if (n > text_length_max) return fail("a name, version or id in it is longer than 4096 bytes");
        return in_.ReadString(&out, n) || truncated();
    }

    template <class Read>
    bool nested(const Read& read) {
        int n = 0;
        if (!length(n)) return false;
        const CodedInputStream::Limit outer = in_.PushLimit(n);
        if (!read()) return false;
        in_.PopLimit(outer);
        return true;
    }

    bool varint(std::uint64_t& out) { return in_.ReadVarint64(&out) || truncated(); }

    bool block(std::vector<Block>& out) {
        int n = 0;
        if (!length(n)) return false;
        Block& made = out.emplace_back(make_block(static_cast<std::size_t>(n)));
        return in_.ReadRaw(made.bytes.data(), n) || truncated();
    }

    bool parameter(std::vector<Parameter>& out) {
        Parameter made;
        bool known = false;
        const bool read = each_field([&](unsigned field, unsigned type) {
            if (field == fields::map_key && type == wire_length) return text(made.name);
            if (field != fields::map_value || type != wire_length) return skip(field, type);
            return nested([&] { return parameter_value(made, known); });
        });
        if (!read) return false;
        if (known && out.size() < parameters_max) out.push_back(std::move(made));
        return true;
    }

    bool parameter_value(Parameter& out, bool& known) {
        return each_field([&](unsigned field, unsigned type) {
            const bool flag = field == fields::parameter_bool;
            const bool integer = field == fields::parameter_int64 || field == fields::parameter_uint64;
            if (field == fields::parameter_string && type == wire_length) return parameter_text(out, known);
            if (type != wire_varint || !(flag || integer)) return skip(field, type);
            std::uint64_t value = 0;
            if (!varint(value)) return false;
            known = true;
            if (flag) {
                out.value = value != 0;
            } else {
                out.value = static_cast<std::int64_t>(value);
            }
            return true;
        });
    }

    /// Long texts are other programs' business (headers, say): passed over.
    bool parameter_text(Parameter& out, bool& known) {
        int n = 0;
        if (!length(n)) return false;
        if (n > text_length_max) return in_.Skip(n) || truncated();
        known = true;
        return in_.ReadString(&out.value.emplace<std::string>(), n) || truncated();
    }

    /// Only the keys of a map: those of a tensor change what the message means, whatever their value.
    template <class Seen>
    bool parameter_name(const Seen& seen) {
        std::string name;
        const bool read = each_field([&](unsigned field, unsigned type) {
            if (field == fields::map_key && type == wire_length) return text(name);
            return skip(field, type);
        });
        if (read) seen(name);
        return read;
    }

    bool tensor(TensorHead& out) {
        return each_field([&](unsigned field, unsigned type) {
            if (field == fields::tensor_shape) return shape(type, out.shape);
            if (type != wire_length) return skip(field, type);
            if (field == fields::tensor_name) return text(out.name);
            if (field == fields::tensor_datatype) return text(out.datatype);
            if (field == fields::tensor_contents) return contents(out);
            if (field == fields::tensor_parameters) {
                return nested([&] {
                    return parameter_name([&](const std::string& name) {
                        if (name == "shared_memory_region") out.shared_memory = true;
                    });
                });
            }
            return skip(field, type);
        });
    }

    bool requested(RequestedOutput& out) {
        return each_field([&](unsigned field, unsigned type) {
            if (type != wire_length) return skip(field, type);
            if (field == fields::tensor_name) return text(out.name);
            if (field != fields::requested_parameters) return skip(field, type);
            return nested([&] {
                return parameter_name([&](const std::string& name) {
                    if (name == "shared_memory_region") out.shared_memory = true;
                    if (name == "classification") out.classification = true;
                });
            });
        });
    }

    bool shape(unsigned type, Shape& out) {
        const auto one = [&] {
            std::uint64_t dimension = 0;
            if (!varint(dimension)) return false;
            if (out.size() == dimensions_max) return fail("a tensor in it has more than 64 dimensions");
            out.push_back(static_cast<std::int64_t>(dimension));
            return true;
        };
        if (type == wire_varint) return one();
        if (type != wire_length) return fail("a tensor's shape in it is not made of integers");
        return nested([&] {
            while (in_.BytesUntilLimit() > 0) {
                if (!one()) return false;
            }
            return true;
        });
    }

    /// A repeated submessage means the two put together, which their encodings do when they are put together.
    bool contents(TensorHead& out) {
        int n = 0;
        std::string read;
        if (!length(n) || !(in_.ReadString(&read, n) || truncated())) return false;
        out.has_contents = true;
        if (out.contents.empty()) {
            out.contents = std::move(read);
        } else {
            out.contents += read;
        }
        return true;
    }

    CodedInputStream& in_;
};

}  // namespace

Block make_block(std::size_t size) {
    const std::size_t rounded = (size + block_alignment - 1) / block_alignment * block_alignment;
    void* memory = std::aligned_alloc(block_alignment, rounded == 0 ? block_alignment : rounded);
    if (memory == nullptr) throw std::bad_alloc();
    return {.bytes = {static_cast<std::byte*>(memory), size},
            .owner = std::shared_ptr<const void>(memory, [](const void* p) { std::free(const_cast<void*>(p)); })};
}

std::variant<ParsedMessage, Malformed> parse(MessageKind kind, google::protobuf::io::ZeroCopyInputStream& stream,
                                             Bytes length) {
    if (length.count() < 0 || length.count() > INT_MAX) return Malformed{"it is longer than 2 GiB"};
    CodedInputStream in(&stream);
    in.SetTotalBytesLimit(INT_MAX);
    in.PushLimit(static_cast<int>(length.count()));
    Parser parser(in);
    ParsedMessage message;
    if (!parser.message(kind, message)) {
        return Malformed{fmt::format("this {} cannot be read: {}",
                                     kind == MessageKind::request ? "request" : "response", parser.problem)};
    }
    return message;
}

std::variant<ParsedMessage, Malformed> parse(MessageKind kind, std::string_view bytes) {
    if (bytes.size() > INT_MAX) return Malformed{"it is longer than 2 GiB"};
    google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    return parse(kind, stream, Bytes(static_cast<std::int64_t>(bytes.size())));
}

std::optional<std::int64_t> integer_parameter(const std::vector<Parameter>& parameters, std::string_view name) {
    for (const Parameter& parameter : parameters) {
        const auto* value = std::get_if<std::int64_t>(&parameter.value);
        if (parameter.name == name && value != nullptr) return *value;
    }
    return std::nullopt;
}

std::string text_parameter(const std::vector<Parameter>& parameters, std::string_view name) {
    for (const Parameter& parameter : parameters) {
        const auto* value = std::get_if<std::string>(&parameter.value);
        if (parameter.name == name && value != nullptr) return *value;
    }
    return {};
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t shown_max = 100;
    std::string out = "'";
    for (const char c : text.substr(0, shown_max)) out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
    if (text.size() > shown_max) out += "...";
    return out + "'";
}

}  // namespace breakeven
