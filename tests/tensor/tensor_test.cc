// Tensor: the table of types, shapes that overflow or stay open, the widening of every half, and shared blocks.
#include "breakeven/tensor/tensor.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <vector>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

const std::vector<DType> every_dtype{DType::boolean,  DType::uint8,   DType::int8,    DType::uint16, DType::int16,
                                     DType::uint32,   DType::int32,   DType::uint64,  DType::int64,  DType::float16,
                                     DType::bfloat16, DType::float32, DType::float64, DType::string};

TEST(DType, NamesAreThoseOfTheOpenInferenceProtocol) {  // its table "Tensor Data Types", sizes in bytes
    const std::vector<std::pair<std::string, std::size_t>> protocol{
        {"BOOL", 1},   {"UINT8", 1}, {"INT8", 1}, {"UINT16", 2}, {"INT16", 2}, {"UINT32", 4}, {"INT32", 4},
        {"UINT64", 8}, {"INT64", 8}, {"FP16", 2}, {"BF16", 2},   {"FP32", 4},  {"FP64", 8},   {"BYTES", 0}};
    ASSERT_EQ(every_dtype.size(), protocol.size());
    for (std::size_t i = 0; i < protocol.size(); ++i) {
        EXPECT_EQ(protocol_name(every_dtype[i]), protocol[i].first);
        EXPECT_EQ(element_size(every_dtype[i]), protocol[i].second);
    }
}

TEST(DType, NameAndBackIsTheSame) {
    std::set<std::string_view> names;
    for (const DType dtype : every_dtype) {
        EXPECT_EQ(dtype_of_protocol_name(protocol_name(dtype)), dtype);
        EXPECT_TRUE(names.insert(name(dtype)).second) << name(dtype);
    }
    EXPECT_EQ(dtype_of_protocol_name("FP8"), std::nullopt);
    EXPECT_EQ(dtype_of_protocol_name(""), std::nullopt);
    EXPECT_EQ(dtype_of_protocol_name("fp32"), std::nullopt);
}

TEST(Shape, PrintsOpenDimensionsAsQuestionMarks) {
    EXPECT_EQ(to_text(Shape{1, 3, 224, 224}), "[1, 3, 224, 224]");
    EXPECT_EQ(to_text(Shape{-1, 10}), "[?, 10]");
    EXPECT_EQ(to_text(Shape{}), "[]");
}

TEST(Shape, CountsWhatIsClosedAndFits) {
    EXPECT_EQ(element_count({}), 1);
    EXPECT_EQ(element_count({2, 3, 4}), 24);
    EXPECT_EQ(element_count({5, 0, 7}), 0);
    EXPECT_EQ(element_count({2, -1}), std::nullopt);
    EXPECT_EQ(element_count({most}), most);
    EXPECT_EQ(element_count({most, 2}), std::nullopt);
    EXPECT_EQ(element_count({std::int64_t{1} << 32, std::int64_t{1} << 31}), std::nullopt);
}

RC_GTEST_PROP(Shape, CountEqualsAWiderMultiplication, ()) {
    const auto shape = *rc::gen::container<std::vector<std::int64_t>>(
        rc::gen::oneOf(rc::gen::inRange<std::int64_t>(1, 100), rc::gen::inRange<std::int64_t>(1, most)));
    __int128 product = 1;
    bool fits = true;
    for (const std::int64_t dimension : shape) {
        if (fits) product *= dimension;
        fits = fits && product <= most;
    }
    const std::optional<std::int64_t> count = element_count(shape);
    RC_ASSERT(count.has_value() == fits);
    if (fits) RC_ASSERT(static_cast<__int128>(*count) == product);
}

TEST(Shape, OpenDimensionsAdmitAnySize) {
    EXPECT_TRUE(admits({-1, 3}, {8, 3}));
    EXPECT_TRUE(admits({-1, 3}, {0, 3}));
    EXPECT_FALSE(admits({-1, 3}, {8, 4}));
    EXPECT_FALSE(admits({-1, 3}, {8, 3, 1}));
    EXPECT_FALSE(admits({-1, 3}, {-1, 3})) << "what is given must be closed";
    EXPECT_TRUE(admits({}, {}));
}

TEST(Tensor, OfItsOwnIsZeroedAndAligned) {
    for (const std::int64_t n : {1, 7, 64, 1000}) {
        const Tensor tensor(DType::float32, {n});
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % 64, 0U);
        EXPECT_EQ(tensor.size(), Bytes(4 * n));
        for (const float value : tensor.as<float>()) EXPECT_EQ(value, 0.0F);
    }
}

TEST(Tensor, MayBeEmptyOrAScalar) {
    EXPECT_EQ(Tensor(DType::float32, {0, 3}).size(), Bytes(0));
    EXPECT_EQ(Tensor(DType::int64, {}).elements(), 1);
}

TEST(Tensor, RefusesOpenNegativeAndHugeShapes) {
    const auto kind_of = [](Shape shape) {
        try {
            const Tensor tensor(DType::float64, std::move(shape));
        } catch (const Error& error) {
            return error.kind();
        }
        return ErrorKind::usage;  // none thrown
    };
    EXPECT_EQ(kind_of({-1, 3}), ErrorKind::input);
    EXPECT_EQ(kind_of({most}), ErrorKind::input) << "the count fits, the bytes do not";
    EXPECT_EQ(kind_of({most, most}), ErrorKind::input);
    EXPECT_EQ(kind_of({most / 64}), ErrorKind::input) << "the bytes fit a number, not the memory";
    EXPECT_EQ(kind_of({std::numeric_limits<std::int64_t>::max() / 8}), ErrorKind::input) << "rounding up overflows";
}

TEST(Tensor, CopiesShareTheBlock) {
    Tensor first = Tensor::of<float>(DType::float32, {2}, std::vector<float>{1, 2});
    const Tensor second = first;
    first.mutable_as<float>()[0] = 9.0F;
    EXPECT_EQ(second.as<float>()[0], 9.0F);
    EXPECT_EQ(second.bytes().data(), first.bytes().data());
}

TEST(Tensor, KeepsAForeignBlockAlive) {
    auto owner = std::make_shared<std::vector<std::byte>>(8);
    const std::weak_ptr<std::vector<std::byte>> watched = owner;
    {
        Tensor tensor(DType::float32, {2}, *owner, owner);
        owner.reset();
        const Tensor copy = tensor.reshaped({1, 2});
        tensor = Tensor();
        EXPECT_FALSE(watched.expired());
        EXPECT_EQ(copy.elements(), 2);
    }
    EXPECT_TRUE(watched.expired());
}

TEST(Tensor, ForeignBlockMustHaveExactlyTheBytes) {
    auto owner = std::make_shared<std::vector<std::byte>>(9);
    EXPECT_THROW(Tensor(DType::float32, {2}, *owner, owner), Error);
    EXPECT_NO_THROW(Tensor(DType::string, {2}, *owner, owner));
}

TEST(Tensor, ReadAsAnotherSizeIsOurMistake) {
    const Tensor tensor(DType::float32, {2});
    EXPECT_THROW((void)tensor.as<double>(), Error);
    EXPECT_THROW((void)tensor.reshaped({3}), Error);
}

/// IEEE 754-2019, 3.4: (-1)^s 2^(e-15) (1 + f/1024), subnormals 2^-14 f/1024.
double half_value(std::uint16_t half) {
    const int exponent = (half >> 10) & 31;
    const double fraction = (half & 1023) / 1024.0;
    const double sign = (half >> 15) != 0 ? -1.0 : 1.0;
    if (exponent == 31) return fraction == 0.0 ? sign * HUGE_VAL : std::nan("");
    if (exponent == 0) return sign * std::ldexp(fraction, -14);
    return sign * std::ldexp(1.0 + fraction, exponent - 15);
}

TEST(ToDoubles, WidensEveryHalf) {
    std::vector<std::uint16_t> halves(65536);
    for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
    const Tensor tensor = Tensor::of<std::uint16_t>(DType::float16, {65536}, halves);
    const std::vector<double> values = to_doubles(tensor);
    for (std::size_t i = 0; i < halves.size(); ++i) {
        const double expected = half_value(halves[i]);
        if (std::isnan(expected)) {
            ASSERT_TRUE(std::isnan(values[i])) << i;
        } else {
            ASSERT_EQ(values[i], expected) << i;
            ASSERT_EQ(std::signbit(values[i]), std::signbit(expected)) << i;
        }
    }
}

TEST(ToDoubles, WidensEveryBfloat) {
    std::vector<std::uint16_t> halves(65536);
    for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
    const std::vector<double> values = to_doubles(Tensor::of<std::uint16_t>(DType::bfloat16, {65536}, halves));
    for (std::size_t i = 0; i < halves.size(); ++i) {
        const int exponent = (halves[i] >> 7) & 255;
        const double fraction = (halves[i] & 127) / 128.0;
        const double sign = (halves[i] >> 15) != 0 ? -1.0 : 1.0;
        if (exponent == 255) {
            ASSERT_EQ(std::isnan(values[i]), fraction != 0.0) << i;
            continue;
        }
        const double magnitude =
            exponent == 0 ? std::ldexp(fraction, -126) : std::ldexp(1.0 + fraction, exponent - 127);
        ASSERT_EQ(values[i], sign * magnitude) << i;
    }
}

template <class T>
void expect_extremes_survive(DType dtype) {
    const std::vector<T> values{std::numeric_limits<T>::lowest(), T{0}, T{1}, std::numeric_limits<T>::max()};
    const std::vector<double> wide = to_doubles(Tensor::of<T>(dtype, {4}, values));
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(wide[i], static_cast<double>(values[i])) << name(dtype);
}

TEST(ToDoubles, KeepsSignAndRangeOfEveryNumberType) {
    expect_extremes_survive<std::uint8_t>(DType::uint8);
    expect_extremes_survive<std::int8_t>(DType::int8);
    expect_extremes_survive<std::uint16_t>(DType::uint16);
    expect_extremes_survive<std::int16_t>(DType::int16);
    expect_extremes_survive<std::uint32_t>(DType::uint32);
    expect_extremes_survive<std::int32_t>(DType::int32);
    expect_extremes_survive<std::uint64_t>(DType::uint64);
    expect_extremes_survive<std::int64_t>(DType::int64);
    expect_extremes_survive<float>(DType::float32);
    expect_extremes_survive<double>(DType::float64);
}

}  // namespace
}  // namespace breakeven
