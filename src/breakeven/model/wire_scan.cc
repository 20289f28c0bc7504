// wire_scan: walks protobuf's wire format, knowing only which fields of ONNX's messages hold messages.
#include "breakeven/model/wire_scan.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace breakeven {

namespace {

enum class Message {
    model,
    graph,
    training,
    function,
    node,
    attribute,
    tensor,
    sparse_tensor,
    value_info,
    type,
    element_type,
    tensor_type,
    shape,
    entry,   ///< of strings and numbers only
    opaque,  ///< of messages that nobody uses here: taken at their worst
};

struct Field {
    std::uint32_t number;
    Message holds;
};

// Field numbers of onnx-ml.proto. A field that is not here is counted as a string.
constexpr std::array<Field, 6> model_fields{{{7, Message::graph},
                                             {8, Message::entry},
                                             {14, Message::entry},
                                             {20, Message::training},
                                             {25, Message::function},
                                             {26, Message::opaque}}};
constexpr std::array<Field, 8> graph_fields{{{1, Message::node},
                                             {5, Message::tensor},
                                             {11, Message::value_info},
                                             {12, Message::value_info},
                                             {13, Message::value_info},
                                             {14, Message::opaque},
                                             {15, Message::sparse_tensor},
                                             {16, Message::entry}}};
constexpr std::array<Field, 4> training_fields{
    {{1, Message::graph}, {2, Message::graph}, {3, Message::entry}, {4, Message::entry}}};
constexpr std::array<Field, 5> function_fields{{{7, Message::node},
                                                {9, Message::entry},
                                                {11, Message::attribute},
                                                {12, Message::value_info},
                                                {14, Message::entry}}};
constexpr std::array<Field, 3> node_fields{{{5, Message::attribute}, {9, Message::entry}, {10, Message::opaque}}};
constexpr std::array<Field, 8> attribute_fields{{{5, Message::tensor},
                                                 {6, Message::graph},
                                                 {10, Message::tensor},
                                                 {11, Message::graph},
                                                 {14, Message::type},
                                                 {15, Message::type},
                                                 {22, Message::sparse_tensor},
                                                 {23, Message::sparse_tensor}}};
constexpr std::array<Field, 3> tensor_fields{{{3, Message::entry}, {13, Message::entry}, {16, Message::entry}}};
constexpr std::array<Field, 2> sparse_fields{{{1, Message::tensor}, {2, Message::tensor}}};
constexpr std::array<Field, 2> value_info_fields{{{2, Message::type}, {4, Message::entry}}};
constexpr std::array<Field, 5> type_fields{{{1, Message::tensor_type},
                                            {4, Message::element_type},
                                            {5, Message::element_type},
                                            {8, Message::tensor_type},
                                            {9, Message::element_type}}};
constexpr std::array<Field, 2> element_type_fields{{{1, Message::type}, {2, Message::type}}};
constexpr std::array<Field, 1> tensor_type_fields{{{2, Message::shape}}};
constexpr std::array<Field, 1> shape_fields{{{1, Message::entry}}};

std::span<const Field> fields_of(Message message) {
    switch (message) {
        case Message::model: return model_fields;
        case Message::graph: return graph_fields;
        case Message::training: return training_fields;
        case Message::function: return function_fields;
        case Message::node: return node_fields;
        case Message::attribute: return attribute_fields;
        case Message::tensor: return tensor_fields;
        case Message::sparse_tensor: return sparse_fields;
        case Message::value_info: return value_info_fields;
        case Message::type: return type_fields;
        case Message::element_type: return element_type_fields;
        case Message::tensor_type: return tensor_type_fields;
        case Message::shape: return shape_fields;
        case Message::entry:
        case Message::opaque: return {};
    }
    return {};
}

// Upper sizes of the generated classes and of a std::string, with the allocator's share (protobuf 3.21, 64 bits).
constexpr std::int64_t message_bytes = 448;
constexpr std::int64_t string_bytes = 64;
constexpr std::int64_t scalar_bytes = 16;  // one element of a repeated field, while it grows by doubling
constexpr std::size_t dimensions_max = 16;
constexpr int nesting_max = 100;  // protobuf refuses deeper messages itself

class Walk {
   public:
    explicit Walk(std::string_view bytes) : bytes_(bytes) {}

    /// Everything up to `end`; false where the bytes are not protobuf's.
    bool message(Message kind, std::size_t end, int depth);

    std::int64_t memory = 0;
    std::vector<StoredElements>* elements = nullptr;  ///< where wanted

   private:
    bool tensor(std::size_t end, int depth);
    void note_string(std::uint64_t number, std::size_t size);
    bool varint(std::size_t end, std::uint64_t& value);
    bool field(Message kind, std::uint64_t tag, std::size_t end, int depth);
    bool payload(Message kind, std::uint64_t number, std::size_t size, int depth);

    std::string_view bytes_;
    std::size_t at_ = 0;
    StoredElements tensor_;  ///< the one being walked: tensors hold no tensors
};

bool Walk::varint(std::size_t end, std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && at_ < end; shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes_[at_++]);
        value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
        if ((byte & 0x80U) == 0) return true;
    }
    return false;
}

bool Walk::payload(Message kind, std::uint64_t number, std::size_t size, int depth) {
    const std::size_t end = at_ + size;
    for (const Field& known : fields_of(kind)) {
        if (known.number != number) continue;
        memory += message_bytes;
        if (known.holds == Message::entry) break;
        if (known.holds == Message::tensor && elements != nullptr) return tensor(end, depth + 1);
        if (known.holds != Message::opaque) return message(known.holds, end, depth + 1);
        memory += static_cast<std::int64_t>(size) / 2 * message_bytes;  // the smallest message takes two bytes
        break;
    }
    // Packed integers of one byte become eight each; raw data (9), strings and floats stay about as long.
    const bool packed = kind == Message::tensor ? number == 1 || number == 5 || number == 7 || number == 11
                                                : kind == Message::attribute && number == 8;
    memory += string_bytes + static_cast<std::int64_t>(size) * (packed ? 8 : 1);
    if (kind == Message::tensor && elements != nullptr) note_string(number, size);
    at_ = end;
    return true;
}

bool Walk::tensor(std::size_t end, int depth) {
    tensor_ = {};
    const bool sound = message(Message::tensor, end, depth);
    if (tensor_.size > 0) elements->push_back(tensor_);
    return sound;
}

void Walk::note_string(std::uint64_t number, std::size_t size) {
    constexpr std::uint64_t dims = 1, float_data = 4, name = 8, raw_data = 9, double_data = 10;
    if (number == name) tensor_.name = bytes_.substr(at_, size);
    if (number == dims) {  // packed
        std::uint64_t dimension = 0;
        const std::size_t begin = at_;
        while (at_ < begin + size && varint(begin + size, dimension)) {
            if (tensor_.dimensions.size() == dimensions_max) break;
            tensor_.dimensions.push_back(static_cast<std::int64_t>(dimension));
        }
        at_ = begin;
    }
    const bool holds_elements = number == raw_data || number == float_data || number == double_data;
    if (!holds_elements || size <= tensor_.size) return;
    tensor_.offset = at_;
    tensor_.size = size;
}

bool Walk::field(Message kind, std::uint64_t tag, std::size_t end, int depth) {
    std::uint64_t size = 0;
    switch (tag & 7U) {
        case 0: {
            memory += scalar_bytes;
            if (!varint(end, size)) return false;
            const bool is_dimension = tag >> 3U == 1 && tensor_.dimensions.size() < dimensions_max;
            if (kind == Message::tensor && is_dimension) tensor_.dimensions.push_back(static_cast<std::int64_t>(size));
            if (kind == Message::tensor && tag >> 3U == 2) tensor_.data_type = static_cast<std::int32_t>(size);
            return true;
        }
        case 1: size = 8; break;
        case 5: size = 4; break;
        case 2:
            if (!varint(end, size) || size > end - at_) return false;
            return payload(kind, tag >> 3U, static_cast<std::size_t>(size), depth);
        default: return false;  // groups are not ONNX's
    }
    memory += scalar_bytes;
    if (size > end - at_) return false;
    at_ += static_cast<std::size_t>(size);
    return true;
}

bool Walk::message(Message kind, std::size_t end, int depth) {
    if (depth > nesting_max) return false;
    while (at_ < end) {
        std::uint64_t tag = 0;
        if (!varint(end, tag) || tag >> 3U == 0 || !field(kind, tag, end, depth)) return false;
    }
    return true;
}

}  // namespace

Bytes memory_to_parse(std::string_view model) {
    Walk walk(model);
    walk.message(Message::model, model.size(), 0);
    return Bytes(walk.memory);
}

std::vector<StoredElements> stored_elements(std::string_view model) {
    std::vector<StoredElements> found;
    Walk walk(model);
    walk.elements = &found;
    walk.message(Message::model, model.size(), 0);
    return found;
}

}  // namespace breakeven
