// Frames: what goes in comes out, to the bit or within what its codec promises; anything else is refused in one line.
#include "breakeven/codec/frame.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "breakeven/codec/payload.h"
#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr Bytes plenty{std::int64_t{1} << 26};

Tensor floats(Shape shape, const std::vector<float>& values) {
    return Tensor::of<float>(DType::float32, std::move(shape), values);
}

Tensor back(const Tensor& tensor, const Codec& codec) {
    return decode_frame(encode_frame(tensor, codec).bytes(), plenty);
}

bool same_bits(const Tensor& a, const Tensor& b) {
    return a.dtype() == b.dtype() && a.shape() == b.shape() && a.size() == b.size() &&
           (a.bytes().empty() || std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0);
}

/// What a network's layer gives: some shape, zeros where its activation cuts off.
Tensor some_activations() {
    const auto channels = *rc::gen::inRange<std::int64_t>(1, 9);
    const auto height = *rc::gen::inRange<std::int64_t>(1, 17);
    const auto width = *rc::gen::inRange<std::int64_t>(1, 17);
    const float scale = std::ldexp(1.0F, *rc::gen::inRange(-40, 40));
    const float offset = *rc::gen::element(0.0F, -0.5F, 1.0F, -3.0F);
    const bool cut_off = *rc::gen::arbitrary<bool>();
    Tensor tensor(DType::float32, {1, channels, height, width});
    const auto values = *rc::gen::container<std::vector<int>>(static_cast<std::size_t>(tensor.elements()),
                                                              rc::gen::inRange(-1000, 1000));
    for (std::size_t i = 0; i < values.size(); ++i) {
        const float value = (static_cast<float>(values[i]) / 500.0F + offset) * scale;
        tensor.mutable_as<float>()[i] = cut_off ? std::max(value, 0.0F) : value;
    }
    return tensor;
}

RC_GTEST_PROP(Frame, WithoutLossGivesEveryBitBackWhateverTheTypeAndTheBytes, ()) {
    const auto dtype = *rc::gen::element(DType::boolean, DType::uint8, DType::int8, DType::uint16, DType::int32,
                                         DType::int64, DType::float16, DType::bfloat16, DType::float32, DType::float64);
    const auto shape = *rc::gen::container<Shape>(rc::gen::inRange<std::int64_t>(0, 7));
    RC_PRE(shape.size() <= 5U);
    Tensor tensor(dtype, shape);
    const bool runs = *rc::gen::arbitrary<bool>();
    for (std::byte& byte : tensor.mutable_bytes()) {
        byte = runs ? std::byte{7} : static_cast<std::byte>(*rc::gen::inRange(0, 256));
    }
    const auto codec = *rc::gen::element(CodecKind::raw, CodecKind::lossless);
    const Tensor frame = encode_frame(tensor, {.kind = codec});
    RC_ASSERT(same_bits(decode_frame(frame.bytes(), plenty), tensor));
    RC_ASSERT(frame.size() <= tensor.size() + Bytes(64));
}

TEST(Frame, GivesNotANumberInfinityAndMinusZeroBackFromEveryCodec) {
    const float infinity = std::numeric_limits<float>::infinity();
    const Tensor odd = floats({1, 2, 2, 2}, {std::nanf("1"), infinity, -infinity, -0.0F, 1e-45F, 3.0F, 0.0F, 1e38F});
    for (const CodecKind kind : {CodecKind::raw, CodecKind::lossless, CodecKind::q8, CodecKind::q4, CodecKind::q2}) {
        EXPECT_TRUE(same_bits(back(odd, {.kind = kind}), odd)) << name(Codec{.kind = kind});
    }
    const Tensor wide = floats({2}, {-3e38F, 3e38F});  // its range is no float
    for (const CodecKind kind : {CodecKind::q8, CodecKind::q4, CodecKind::q2}) {
        EXPECT_TRUE(same_bits(back(wide, {.kind = kind}), wide));
    }
}

TEST(Frame, TakesTensorsOfNothingAndOfOneElement) {
    for (const Codec& codec : all_codecs()) {
        if (codec.kind == CodecKind::jpeg) continue;
        for (const Tensor& tensor : {Tensor(DType::float32, {1, 0, 3}), floats({}, {2.5F}), floats({1}, {-0.3F}),
                                     Tensor(DType::float32, {0})}) {
            const Tensor decoded = back(tensor, codec);
            EXPECT_EQ(decoded.shape(), tensor.shape());
            if (tensor.elements() == 0) continue;
            EXPECT_NEAR(decoded.as<float>()[0], tensor.as<float>()[0], 0.01) << name(codec);
        }
    }
}

RC_GTEST_PROP(Frame, IntegersComeBackToTheBitThroughCodecsForFloats, ()) {
    const auto values = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::arbitrary<std::int64_t>());
    const Tensor tensor = Tensor::of<std::int64_t>(DType::int64, {static_cast<std::int64_t>(values.size())}, values);
    const auto kind = *rc::gen::element(CodecKind::q8, CodecKind::q4, CodecKind::q2);
    RC_ASSERT(same_bits(back(tensor, {.kind = kind}), tensor));
}

RC_GTEST_PROP(EightBits, AreHalfAStepOfTheirChannelOffAtMost, ()) {
    const Tensor tensor = some_activations();
    const Tensor decoded = back(tensor, {.kind = CodecKind::q8});
    const ChannelBlocks blocks = channel_blocks(tensor.shape());
    const auto given = tensor.as<float>();
    for (std::size_t begin = 0; begin < given.size(); begin += blocks.size) {
        const auto block = given.subspan(begin, std::min(blocks.size, given.size() - begin));
        const float low = std::ranges::min(block);
        const float high = std::ranges::max(block);
        // From 0 where that is near; a step is rounded up by 1/128 at most; floats near the ends have their own grain.
        const double from = low >= 0 && low <= high / 2 ? 0.0 : static_cast<double>(low);
        const double step = (static_cast<double>(high) - from) / 255.0 * (1.0 + 1.0 / 128.0);
        const double grain = 2e-7 * std::max(std::abs(static_cast<double>(low)), std::abs(static_cast<double>(high)));
        for (std::size_t i = 0; i < block.size(); ++i) {
            const double off = static_cast<double>(decoded.as<float>()[begin + i]) - static_cast<double>(block[i]);
            RC_ASSERT(std::abs(off) <= step / 2 + grain + 1e-37);
        }
    }
}

RC_GTEST_PROP(EightBits, KeepZerosThatAnActivationMade, ()) {
    Tensor tensor = some_activations();
    for (float& value : tensor.mutable_as<float>()) value = std::max(value, 0.0F);
    tensor.mutable_as<float>()[0] = 0.0F;
    const ChannelBlocks blocks = channel_blocks(tensor.shape());
    const Tensor decoded = back(tensor, {.kind = CodecKind::q8});
    for (std::size_t i = 0; i < blocks.size && i < decoded.as<float>().size(); ++i) {
        if (tensor.as<float>()[i] == 0.0F) RC_ASSERT(decoded.as<float>()[i] == 0.0F);
    }
}

RC_GTEST_PROP(EightBits, TakeAQuarterOfTheFloatsAndTheirRanges, ()) {
    const Tensor tensor = some_activations();
    const Tensor frame = encode_frame(tensor, {.kind = CodecKind::q8});
    const auto blocks = static_cast<std::int64_t>(channel_blocks(tensor.shape()).count);
    RC_ASSERT(frame.size() <= Bytes(tensor.elements() + 6 * blocks + 40));
}

RC_GTEST_PROP(FewBits, AreOffByAShareOfTheSpread, ()) {
    const Tensor tensor = some_activations();
    const auto given = tensor.as<float>();
    double sum = 0.0;
    for (const float value : given) sum += static_cast<double>(value);
    const double mean = sum / static_cast<double>(given.size());
    double variance = 1e-70;
    for (const float value : given)
        variance += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
    const auto error = [&](CodecKind kind) {
        const Tensor decoded = back(tensor, {.kind = kind});
        double squares = 0.0;
        for (std::size_t i = 0; i < given.size(); ++i) {
            const double off = static_cast<double>(decoded.as<float>()[i]) - static_cast<double>(given[i]);
            squares += off * off;
        }
        return squares;
    };
    // Half of half a deviation at most; floats of a mean far from 0 have their own grain.
    const double grain = 1e-13 * mean * mean * static_cast<double>(given.size());
    RC_ASSERT(error(CodecKind::q4) <= variance / 16 * 1.1 + grain);
    RC_ASSERT(error(CodecKind::q2) <= variance * 1.05 + grain);
}

TEST(FewBits, OneBitAnElementIsWhatTheShortOnesTake) {
    Tensor tensor(DType::float32, {1, 32, 24, 24});
    std::uint32_t state = 1;
    for (float& value : tensor.mutable_as<float>()) {
        state = state * 1664525U + 1013904223U;
        value = std::max(0.0F, static_cast<float>(state >> 8U) * 0x1.0p-23F - 0.7F);
    }
    const auto bits = [&](CodecKind kind) {
        return 8.0 * static_cast<double>(encode_frame(tensor, {.kind = kind}).bytes().size()) /
               static_cast<double>(tensor.elements());
    };
    EXPECT_LE(bits(CodecKind::q2), 1.02);
    EXPECT_GE(bits(CodecKind::q2), 0.9);
    EXPECT_GT(bits(CodecKind::q4), 1.2);
}

RC_GTEST_PROP(FewBits, TakeNoMoreThanTheirNameSays, ()) {
    const Tensor tensor = some_activations();
    const std::int64_t overhead = 80;
    RC_ASSERT(encode_frame(tensor, {.kind = CodecKind::q2}).size() <=
              Bytes(tensor.elements() * 2 / 8 + overhead + tensor.elements() / 16));
    RC_ASSERT(encode_frame(tensor, {.kind = CodecKind::q4}).size() <=
              Bytes(tensor.elements() * 4 / 8 + overhead + tensor.elements() / 16 + 200));
}

TEST(FewBits, OneValueTakesNextToNothing) {
    Tensor tensor(DType::float32, {1, 64, 56, 56});
    for (float& value : tensor.mutable_as<float>()) value = 1.5F;
    for (const CodecKind kind : {CodecKind::q4, CodecKind::q2}) {
        const Tensor frame = encode_frame(tensor, {.kind = kind});
        EXPECT_LT(frame.size(), Bytes(40));
        EXPECT_EQ(decode_frame(frame.bytes(), plenty).as<float>()[777], 1.5F);
    }
}

TEST(Jpeg, KeepsPicturesAlikeInEveryLayoutAndSaysWhatIsNone) {
    const auto shade = [](std::int64_t y, std::int64_t x, std::int64_t c) { return 40 + 3 * y + 2 * x + 20 * c; };
    for (const DType dtype : {DType::uint8, DType::float32}) {
        for (const Shape& shape : {Shape{1, 32, 24, 3}, Shape{1, 3, 32, 24}, Shape{32, 24, 3}, Shape{1, 1, 32, 24}}) {
            const bool last = shape.back() == 3;
            const std::int64_t channels = shape == Shape{1, 1, 32, 24} ? 1 : 3;
            std::vector<float> values;
            for (std::int64_t i = 0; i < 32 * 24 * channels; ++i) {
                const std::int64_t pixel = last ? i / 3 : i % (32 * 24);
                values.push_back(static_cast<float>(
                    std::min<std::int64_t>(255, shade(pixel / 24, pixel % 24, last ? i % 3 : i / (32 * 24)))));
            }
            Tensor tensor = floats(shape, values);
            if (dtype == DType::uint8) {
                const std::vector<std::uint8_t> pixels(values.begin(), values.end());
                tensor = Tensor::of<std::uint8_t>(DType::uint8, shape, pixels);
            }
            const Tensor frame = encode_frame(tensor, {.kind = CodecKind::jpeg, .quality = 90});
            const Tensor decoded = decode_frame(frame.bytes(), plenty);
            ASSERT_EQ(decoded.shape(), shape);
            ASSERT_EQ(decoded.dtype(), dtype);
            const std::vector<double> pixels = to_doubles(decoded);
            double sum = 0.0;
            for (std::size_t i = 0; i < values.size(); ++i) sum += std::abs(pixels[i] - static_cast<double>(values[i]));
            EXPECT_LT(sum / static_cast<double>(values.size()), 3.0) << to_text(shape);
        }
    }
    for (const Tensor& none :
         {floats({1, 4, 4, 3}, std::vector<float>(48, 0.5F)), Tensor(DType::float32, {1, 64, 8, 8}),
          Tensor(DType::int32, {1, 8, 8, 3}), floats({3}, {1, 2, 3})}) {
        EXPECT_THROW(encode_frame(none, {.kind = CodecKind::jpeg}), Error);
    }
}

RC_GTEST_PROP(Frame, WithAnyByteChangedOrMissingIsRefusedNotMisread, ()) {
    const Tensor tensor = some_activations();
    const auto kind =
        *rc::gen::element(CodecKind::raw, CodecKind::lossless, CodecKind::q8, CodecKind::q4, CodecKind::q2);
    const Tensor frame = encode_frame(tensor, {.kind = kind});
    std::vector<std::byte> bytes(frame.bytes().begin(), frame.bytes().end());
    if (*rc::gen::arbitrary<bool>()) {
        bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size()));
    } else {
        bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] ^= static_cast<std::byte>(*rc::gen::inRange(1, 256));
    }
    try {
        decode_frame(bytes, plenty);
        RC_FAIL("was decoded");
    } catch (const Error& error) {
        RC_ASSERT(error.kind() == ErrorKind::input);
    }
}

TEST(Frame, LargerThanAllowedIsRefusedBeforeMemoryIsTaken) {
    Tensor tensor(DType::float32, {1, 64, 56, 56});
    const Tensor frame = encode_frame(tensor, {.kind = CodecKind::q2});
    ASSERT_LT(frame.size(), Bytes(64));
    EXPECT_THROW(decode_frame(frame.bytes(), tensor.size() - Bytes(1)), Error);
    EXPECT_EQ(decode_frame(frame.bytes(), tensor.size()).shape(), tensor.shape());
}

TEST(Frame, OfAnotherVersionSaysSo) {
    const Tensor frame = encode_frame(floats({3}, {1, 2, 3}), {});
    std::vector<std::byte> bytes(frame.bytes().begin(), frame.bytes().end());
    bytes[4] = std::byte{9};
    try {
        read_frame_head(bytes);
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("version is 9"), std::string::npos) << error.what();
    }
}

TEST(Codec, NamesAreReadBackAndOthersRefused) {
    for (const Codec& codec : all_codecs()) EXPECT_EQ(parse_codec(name(codec)), codec);
    EXPECT_EQ(parse_codec("jpeg:75").quality, 75);
    EXPECT_EQ(parse_codec("jpeg").quality, 90);
    for (const char* wrong : {"", "q3", "jpeg:0", "jpeg:101", "jpeg:x", "q8:90", "jpeg:", "Q8"}) {
        EXPECT_THROW(parse_codec(wrong), Error) << wrong;
    }
}

}  // namespace
}  // namespace breakeven
