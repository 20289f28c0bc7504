// .npy: what NumPy writes is read, what we write reads back, and a hostile header costs nothing.
#include "breakeven/tensor/npy.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "breakeven/error.h"

namespace breakeven {
namespace {

std::string file_of(const std::string& header, const std::string& data, char version = 1) {
    std::string out = "\x93NUMPY";
    out += version;
    out += '\0';
    out += static_cast<char>(header.size() & 0xffU);
    out += static_cast<char>(header.size() >> 8U);
    if (version == 2) out += std::string(2, '\0');
    return out + header + data;
}

Tensor parse(const std::string& file) {
    return parse_npy(std::as_bytes(std::span(file)), "'x.npy'");
}

std::string refusal(const std::string& file) {
    try {
        (void)parse(file);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    }
    return {};
}

constexpr const char* two_shorts = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }      \n";

TEST(Npy, ReadsWhatNumpyWrites) {
    for (const char version : {char{1}, char{2}}) {
        const Tensor tensor = parse(file_of(two_shorts, std::string("\x01\x00\xff\xff", 4), version));
        EXPECT_EQ(tensor.dtype(), DType::int16);
        EXPECT_EQ(tensor.shape(), (Shape{2}));
        EXPECT_EQ(tensor.as<std::int16_t>()[1], -1);
    }
    EXPECT_EQ(parse(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", "abcd")).shape(), Shape{});
    EXPECT_EQ(parse(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }\n", "")).shape(),
              (Shape{0, 3}));
}

RC_GTEST_PROP(Npy, WhatIsWrittenReadsBack, (const std::vector<std::uint8_t>& seed)) {
    const DType dtype =
        *rc::gen::element(DType::boolean, DType::uint8, DType::int8, DType::uint16, DType::int16, DType::uint32,
                          DType::int32, DType::uint64, DType::int64, DType::float16, DType::float32, DType::float64);
    Shape shape = *rc::gen::container<Shape>(rc::gen::inRange<std::int64_t>(0, 4));
    if (shape.size() > 5) shape.resize(5);
    Tensor tensor(dtype, shape);
    for (std::size_t i = 0; i < tensor.bytes().size() && i < seed.size(); ++i) {
        tensor.mutable_bytes()[i] = std::byte{seed[i]};
    }
    const std::string file = to_npy(tensor);
    RC_ASSERT((file.size() - tensor.bytes().size()) % 64 == 0);
    const Tensor back = parse(file);
    RC_ASSERT(back.dtype() == dtype && back.shape() == shape);
    RC_ASSERT(std::ranges::equal(back.bytes(), tensor.bytes()));
}

TEST(Npy, HostileHeadersAreRefused) {
    const auto with = [](const std::string& dtype, const std::string& order, const std::string& shape) {
        return file_of("{'descr': " + dtype + ", 'fortran_order': " + order + ", 'shape': " + shape + "}\n", "abcd");
    };
    EXPECT_EQ(refusal(with("'<f4'", "False", "(1,)")), "");
    EXPECT_NE(refusal(with("'<f4'", "False", "(9223372036854775807, 9223372036854775807)")), "");
    EXPECT_NE(refusal(with("'<f4'", "False", "(4000000000,)")), "") << "more than follows: no memory is taken";
    EXPECT_NE(refusal(with("'<f4'", "False", "(99999999999999999999,)")), "");
    EXPECT_NE(refusal(with("'<f4'", "False", "(-1,)")), "");
    EXPECT_NE(refusal(with("'<f4'", "False", "(1")), "");
    EXPECT_NE(refusal(with("'<f4'", "Maybe", "(1,)")), "");
    EXPECT_NE(refusal(with("'|O'", "False", "(1,)")), "") << "pickled objects";
    EXPECT_NE(refusal(with("[('a', '<f4')]", "False", "(1,)")), "");
    EXPECT_NE(refusal(with("'>f4'", "False", "(1,)")).find("big-endian"), std::string::npos);
    EXPECT_NE(refusal(with("'<f4'", "True", "(1, 1)")).find("Fortran"), std::string::npos);
    EXPECT_NE(refusal(file_of("{}", "")), "");
    EXPECT_NE(refusal("\x93NUMPY\x01"), "");
    EXPECT_NE(refusal("PK\x03\x04"), "");
}

TEST(Npy, EveryTruncationIsRefused) {
    const std::string whole = file_of(two_shorts, "abcd");
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_NE(refusal(whole.substr(0, length)), "") << length;
    EXPECT_NE(refusal(whole + "e"), "");
}

TEST(Npy, RandomDamageNeverCrashes) {
    std::mt19937 random(3);
    const std::string whole = file_of(two_shorts, "abcd");
    int refused = 0;
    for (int i = 0; i < 20000; ++i) {
        std::string damaged = whole;
        damaged[random() % damaged.size()] = static_cast<char>(random());
        refused += refusal(damaged).empty() ? 0 : 1;
    }
    EXPECT_GT(refused, 5000);
}

}  // namespace
}  // namespace breakeven
