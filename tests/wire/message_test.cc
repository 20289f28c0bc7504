// Messages written and read by hand, against protobuf's own code for the same .proto.
#include "breakeven/wire/message.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <numeric>

#include "open_inference.pb.h"

namespace breakeven {
namespace {

std::string joined(const Pieces& pieces) {
    std::string bytes;
    for (const Piece& piece : pieces) {
        if (const auto* text = std::get_if<std::string>(&piece)) {
            bytes += *text;
        } else {
            const auto block = std::get<Tensor>(piece).bytes();
            bytes.append(reinterpret_cast<const char*>(block.data()), block.size());
        }
    }
    return bytes;
}

std::string bytes_of(const Tensor& tensor) {
    return {reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size()};
}

Tensor random_tensor(DType dtype, std::int64_t elements) {
    Tensor tensor(dtype, {elements});
    std::uint32_t state = static_cast<std::uint32_t>(elements) * 2654435761U + 1;
    for (std::byte& byte : tensor.mutable_bytes())
        byte = static_cast<std::byte>((state = state * 1664525U + 1013904223U) >> 24U);
    return tensor;
}

ParsedMessage parsed(MessageKind kind, const std::string& bytes) {
    auto result = parse(kind, bytes);
    if (const auto* malformed = std::get_if<Malformed>(&result)) {
        ADD_FAILURE() << malformed->reason;
        return {};
    }
    return std::get<ParsedMessage>(std::move(result));
}

std::string reason(MessageKind kind, const std::string& bytes) {
    auto result = parse(kind, bytes);
    if (const auto* malformed = std::get_if<Malformed>(&result)) return malformed->reason;
    auto taken = take_tensors(std::get<ParsedMessage>(result));
    const auto* malformed = std::get_if<Malformed>(&taken);
    return malformed == nullptr ? "" : malformed->reason;
}

constexpr std::array number_types{DType::boolean,  DType::uint8,   DType::int8,   DType::uint16, DType::int16,
                                  DType::uint32,   DType::int32,   DType::uint64, DType::int64,  DType::float16,
                                  DType::bfloat16, DType::float32, DType::float64};

TEST(Message, ProtobufReadsTheRequestWeWrite) {
    for (const std::int64_t elements : {0, 1, 100, 5000, 200'000}) {
        const Request request{
            .model = "model",
            .version = "3",
            .id = "id",
            .parameters = {{"flag", true}, {"count", std::int64_t{-5}}, {"word", std::string("text")}},
            .inputs = {{"a", random_tensor(DType::float32, elements)}, {"b", random_tensor(DType::uint8, 3)}},
            .outputs = {"y", "z"}};
        const Pieces pieces = encode(request);
        const std::string bytes = joined(pieces);
        EXPECT_EQ(size(pieces).count(), static_cast<std::int64_t>(bytes.size()));
        inference::ModelInferRequest read;
        ASSERT_TRUE(read.ParseFromString(bytes));
        EXPECT_EQ(read.model_name(), "model");
        EXPECT_EQ(read.model_version(), "3");
        EXPECT_EQ(read.id(), "id");
        EXPECT_TRUE(read.parameters().at("flag").bool_param());
        EXPECT_EQ(read.parameters().at("count").int64_param(), -5);
        EXPECT_EQ(read.parameters().at("word").string_param(), "text");
        ASSERT_EQ(read.inputs_size(), 2);
        EXPECT_EQ(read.inputs(0).name(), "a");
        EXPECT_EQ(read.inputs(0).datatype(), "FP32");
        ASSERT_EQ(read.inputs(0).shape_size(), 1);
        EXPECT_EQ(read.inputs(0).shape(0), elements);
        ASSERT_EQ(read.raw_input_contents_size(), 2);
        EXPECT_EQ(read.raw_input_contents(0), bytes_of(request.inputs[0].tensor));
        EXPECT_EQ(read.raw_input_contents(1), bytes_of(request.inputs[1].tensor));
        ASSERT_EQ(read.outputs_size(), 2);
        EXPECT_EQ(read.outputs(1).name(), "z");
    }
}

TEST(Message, LargeTensorsAreSentFromWhereTheyLie) {
    const Tensor tensor = random_tensor(DType::uint8, 150'528);
    const Pieces pieces = encode(
        Request{.model = "m", .version = {}, .id = {}, .parameters = {}, .inputs = {{"x", tensor}}, .outputs = {}});
    ASSERT_EQ(pieces.size(), 2U);
    EXPECT_EQ(std::get<Tensor>(pieces[1]).bytes().data(), tensor.bytes().data());
}

TEST(Message, WhatWeWriteIsWhatWeRead) {
    for (const DType dtype : number_types) {
        for (const std::int64_t elements : {0, 1, 7, 3000}) {
            const Response response{.model = "m",
                                    .version = "1",
                                    .id = "i",
                                    .parameters = {{std::string(queue_parameter), std::int64_t{12}}},
                                    .outputs = {{"y", random_tensor(dtype, elements)}}};
            ParsedMessage message = parsed(MessageKind::response, joined(encode(response)));
            EXPECT_EQ(integer_parameter(message.parameters, queue_parameter), 12);
            auto tensors = take_tensors(message);
            ASSERT_TRUE(std::holds_alternative<std::vector<NamedTensor>>(tensors));
            const NamedTensor& named = std::get<0>(tensors).at(0);
            EXPECT_EQ(named.name, "y");
            EXPECT_EQ(named.tensor.dtype(), dtype);
            EXPECT_EQ(bytes_of(named.tensor), bytes_of(response.outputs[0].tensor));
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(named.tensor.bytes().data()) % 64, 0U);
        }
    }
}

TEST(Message, StreamResponsesWrapTheResponse) {
    const Response response{.model = "m",
                            .version = "1",
                            .id = {},
                            .parameters = {},
                            .outputs = {{"y", random_tensor(DType::float32, 3000)}}};
    inference::ModelStreamInferResponse read;
    ASSERT_TRUE(read.ParseFromString(joined(encode_in_stream(encode(response)))));
    EXPECT_EQ(read.infer_response().raw_output_contents(0), bytes_of(response.outputs[0].tensor));
    ASSERT_TRUE(read.ParseFromString(joined(encode_in_stream(StreamError{.reason = "went wrong", .id = "9"}))));
    EXPECT_EQ(read.error_message(), "went wrong");
    EXPECT_EQ(read.infer_response().id(), "9");
}

/// A request with one typed input, made by protobuf.
struct Typed {
    inference::ModelInferRequest message;
    inference::InferTensorContents* contents;
    explicit Typed(const std::string& datatype, std::int64_t elements) {
        message.set_model_name("m");
        auto* input = message.add_inputs();
        input->set_name("x");
        input->set_datatype(datatype);
        input->add_shape(elements);
        contents = input->mutable_contents();
    }
    Tensor tensor() const {
        ParsedMessage read = parsed(MessageKind::request, message.SerializeAsString());
        auto taken = take_tensors(read);
        if (const auto* malformed = std::get_if<Malformed>(&taken)) {
            ADD_FAILURE() << malformed->reason;
            return {};
        }
        return std::get<0>(taken).at(0).tensor;
    }
    std::string problem() const { return reason(MessageKind::request, message.SerializeAsString()); }
};

RC_GTEST_PROP(TypedContents, IntegersArriveAsTheyWereSent, (const std::vector<std::int32_t>& values)) {
    const auto n = static_cast<std::int64_t>(values.size());
    Typed small("INT8", n), middle("INT16", n), full("INT32", n), wide("INT64", n);
    for (const std::int32_t value : values) {
        small.contents->add_int_contents(static_cast<std::int8_t>(value));
        middle.contents->add_int_contents(static_cast<std::int16_t>(value));
        full.contents->add_int_contents(value);
        wide.contents->add_int64_contents(std::int64_t{value} << 20);
    }
    if (values.empty()) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
        RC_ASSERT(small.tensor().as<std::int8_t>()[i] == static_cast<std::int8_t>(values[i]));
        RC_ASSERT(middle.tensor().as<std::int16_t>()[i] == static_cast<std::int16_t>(values[i]));
        RC_ASSERT(full.tensor().as<std::int32_t>()[i] == values[i]);
        RC_ASSERT(wide.tensor().as<std::int64_t>()[i] == std::int64_t{values[i]} << 20);
    }
}

RC_GTEST_PROP(TypedContents, UnsignedNumbersArriveAsTheyWereSent, (const std::vector<std::uint32_t>& values)) {
    const auto n = static_cast<std::int64_t>(values.size());
    Typed flags("BOOL", n), small("UINT8", n), middle("UINT16", n), full("UINT32", n), wide("UINT64", n);
    for (const std::uint32_t value : values) {
        flags.contents->add_bool_contents((value & 1U) != 0);
        small.contents->add_uint_contents(value & 0xffU);
        middle.contents->add_uint_contents(value & 0xffffU);
        full.contents->add_uint_contents(value);
        wide.contents->add_uint64_contents(std::uint64_t{value} << 31U);
    }
    if (values.empty()) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
        RC_ASSERT(flags.tensor().as<std::uint8_t>()[i] == (values[i] & 1U));
        RC_ASSERT(small.tensor().as<std::uint8_t>()[i] == (values[i] & 0xffU));
        RC_ASSERT(middle.tensor().as<std::uint16_t>()[i] == (values[i] & 0xffffU));
        RC_ASSERT(full.tensor().as<std::uint32_t>()[i] == values[i]);
        RC_ASSERT(wide.tensor().as<std::uint64_t>()[i] == std::uint64_t{values[i]} << 31U);
    }
}

TEST(TypedContents, FloatsArriveAsTheyWereSent) {
    Typed single("FP32", 3), twice("FP64", 3);
    for (const double value : {0.1, -1e30, 3.0}) {
        single.contents->add_fp32_contents(static_cast<float>(value));
        twice.contents->add_fp64_contents(value);
    }
    EXPECT_EQ(single.tensor().as<float>()[1], -1e30F);
    EXPECT_EQ(twice.tensor().as<double>()[0], 0.1);
}

TEST(TypedContents, StringsBecomeLengthAndBytes) {
    Typed strings("BYTES", 3);
    for (const char* value : {"one", "", "three"}) strings.contents->add_bytes_contents(value);
    using namespace std::string_literals;
    EXPECT_EQ(bytes_of(strings.tensor()), "\3\0\0\0one\0\0\0\0\5\0\0\0three"s);
}

TEST(TypedContents, NumbersThatAreNoneOfTheDatatypeAreRefused) {
    Typed small("INT8", 1);
    small.contents->add_int_contents(128);
    EXPECT_EQ(small.problem(), "tensor 'x': a number in its contents is no INT8");
    Typed unsigned_("UINT16", 1);
    unsigned_.contents->add_uint_contents(65536);
    EXPECT_EQ(unsigned_.problem(), "tensor 'x': a number in its contents is no UINT16");
    Typed half("FP16", 1);
    half.contents->add_fp32_contents(1);
    EXPECT_EQ(half.problem(), "tensor 'x': FP16 must be sent as raw contents");
    Typed other("FP32", 1);
    other.contents->add_fp64_contents(1);
    EXPECT_EQ(other.problem(), "tensor 'x': its contents are in a field of another datatype");
}

TEST(TypedContents, MustBeAsManyAsTheShapeSays) {
    for (const int n : {0, 1, 3, 4}) {
        Typed two("FP32", 2);
        for (int i = 0; i < n; ++i) two.contents->add_fp32_contents(1);
        EXPECT_EQ(two.problem(), "tensor 'x': its contents are not the 2 elements of shape [2]") << n;
    }
    Typed huge("INT64", std::int64_t{1} << 60);
    huge.contents->add_int64_contents(1);
    EXPECT_NE(huge.problem(), "");
}

TEST(Message, RawAndTypedContentsDoNotMix) {
    Typed both("FP32", 1);
    both.contents->add_fp32_contents(1);
    both.message.add_raw_input_contents("1234");
    EXPECT_EQ(both.problem(), "tensor 'x': contents field must not be specified when using raw contents");
    Typed two("FP32", 1);
    two.message.mutable_inputs(0)->clear_contents();
    two.message.add_raw_input_contents("1234");
    two.message.add_raw_input_contents("1234");
    EXPECT_EQ(two.problem(), "there are 2 raw contents for 1 tensors");
    two.message.mutable_raw_input_contents()->RemoveLast();
    EXPECT_EQ(two.problem(), "");
    *two.message.mutable_raw_input_contents(0) = "12345";
    EXPECT_EQ(two.problem(), "tensor 'x': FP32 of shape [1] has 4 bytes, its raw contents have 5");
}

TEST(Message, RawStringsMustFillTheirShape) {
    Typed strings("BYTES", 2);
    strings.message.mutable_inputs(0)->clear_contents();
    using namespace std::string_literals;
    strings.message.add_raw_input_contents("\1\0\0\0a\2\0\0\0bc"s);
    EXPECT_EQ(strings.problem(), "");
    for (const std::string& bad :
         {"\1\0\0\0a"s, "\1\0\0\0a\3\0\0\0bc"s, "\1\0\0\0a\2\0\0\0bcd"s, "\xff\xff\xff\xff"s}) {
        strings.message.set_raw_input_contents(0, bad);
        EXPECT_EQ(strings.problem(), "tensor 'x': its raw contents are not 2 strings with their lengths");
    }
}

TEST(Message, WhatChangesTheMeaningIsNoticed) {
    Typed shared("FP32", 1);
    (*shared.message.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("r");
    EXPECT_EQ(shared.problem(), "tensor 'x': shared memory is not supported, send its contents");
    auto* output = shared.message.add_outputs();
    output->set_name("y");
    (*output->mutable_parameters())["classification"].set_int64_param(3);
    const ParsedMessage read = parsed(MessageKind::request, shared.message.SerializeAsString());
    ASSERT_EQ(read.requested.size(), 1U);
    EXPECT_TRUE(read.requested[0].classification);
}

TEST(Message, FieldsOfTheFutureAreSkipped) {
    const std::string request = joined(encode(Request{.model = "m",
                                                      .version = {},
                                                      .id = {},
                                                      .parameters = {},
                                                      .inputs = {{"x", random_tensor(DType::uint8, 2)}},
                                                      .outputs = {}}));
    // Field 99 in every wire type: varint, 64 bits, length, group, 32 bits.
    for (const std::string& unknown :
         {std::string("\x98\x06\x05"), std::string("\x99\x06") + std::string(8, 'x'), std::string("\x9a\x06\x03xyz"),
          std::string("\x9b\x06\x08\x01\x9c\x06"), std::string("\x9d\x06") + std::string(4, 'x')}) {
        EXPECT_EQ(reason(MessageKind::request, unknown + request + unknown), "");
    }
}

TEST(Message, TextParametersAreReadAndLongOnesPassedOver) {
    inference::ModelInferRequest request;
    request.set_model_name("m");
    (*request.mutable_parameters())["word"].set_string_param("text");
    (*request.mutable_parameters())["essay"].set_string_param(std::string(5000, 'x'));
    const auto parsed = parse(MessageKind::request, request.SerializeAsString());
    const auto& read = std::get<ParsedMessage>(parsed);
    EXPECT_EQ(text_parameter(read.parameters, "word"), "text");
    EXPECT_EQ(text_parameter(read.parameters, "essay"), "");
    EXPECT_EQ(read.parameters.size(), 1U);
    EXPECT_FALSE(integer_parameter(read.parameters, "word").has_value());
}

TEST(Message, CutAnywhereItIsRefusedOrWhole) {
    Typed typed("INT32", 2);
    typed.contents->add_int_contents(5);
    typed.contents->add_int_contents(-7);
    (*typed.message.mutable_parameters())["p"].set_string_param("text");
    typed.message.add_outputs()->set_name("y");
    const std::string whole = typed.message.SerializeAsString();
    const std::string raw = joined(encode(Request{.model = "m",
                                                  .version = {},
                                                  .id = {},
                                                  .parameters = {{"a", true}},
                                                  .inputs = {{"x", random_tensor(DType::uint8, 40)}},
                                                  .outputs = {}}));
    for (const std::string& message : {whole, raw}) {
        for (std::size_t length = 0; length < message.size(); ++length) {
            auto result = parse(MessageKind::request, std::string_view(message).substr(0, length));
            if (auto* read = std::get_if<ParsedMessage>(&result)) (void)take_tensors(*read);
        }
        for (std::size_t at = 0; at < message.size(); ++at) {
            for (const char byte : {'\0', '\x7f', '\xff'}) {
                std::string changed = message;
                changed[at] = byte;
                auto result = parse(MessageKind::request, changed);
                if (auto* read = std::get_if<ParsedMessage>(&result)) (void)take_tensors(*read);
            }
        }
    }
}

TEST(Message, ALengthBeyondTheMessageAllocatesNothing) {
    // raw_input_contents of 2 GiB - 1 in a message of 6 bytes.
    EXPECT_EQ(reason(MessageKind::request, "\x3a\xff\xff\xff\xff\x07"),
              "this request cannot be read: it ends in the middle of a field, or a length in it is wrong");
}

TEST(Message, TooManyOfAnythingIsRefused) {
    std::string tensors;
    for (int i = 0; i < 1025; ++i) tensors += std::string("\x2a\x00", 2);
    EXPECT_EQ(reason(MessageKind::request, tensors), "this request cannot be read: it has too many tensors");
    inference::ModelInferRequest message;
    auto* input = message.add_inputs();
    for (int i = 0; i < 65; ++i) input->add_shape(1);
    EXPECT_EQ(reason(MessageKind::request, message.SerializeAsString()),
              "this request cannot be read: a tensor in it has more than 64 dimensions");
    message.Clear();
    message.set_id(std::string(5000, 'i'));
    EXPECT_EQ(reason(MessageKind::request, message.SerializeAsString()),
              "this request cannot be read: a name, version or id in it is longer than 4096 bytes");
}

}  // namespace
}  // namespace breakeven
