// pack: what comes out is what went in, bit by bit; it is as small as entropy allows; nothing hostile gets through.
#include "breakeven/compress/pack.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "breakeven/codec/pack_bytes.h"
#include "breakeven/codec/rans_tables.h"
#include "breakeven/error.h"
#include "breakeven/time/random.h"
#include "fakes/compressed_weights.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using fakes::TinyGraph;

std::string bytes_of(const std::vector<float>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

/// A model that holds these bytes as a tensor.
std::string model_with(DType dtype, const Shape& shape, std::string_view bytes) {
    TinyGraph graph;
    graph.input("x", DType::float32, {1}).output("y", DType::float32, {1}).raw("w", dtype, shape, bytes);
    return graph.node("Identity", {"x"}, {"y"}).model();
}

std::string model_with(const std::vector<float>& values) {
    return model_with(DType::float32, {static_cast<std::int64_t>(values.size())}, bytes_of(values));
}

void expect_identity(const std::string& model) {
    const Packed packed = pack(model);
    ASSERT_TRUE(is_packed(packed.bytes));
    EXPECT_FALSE(is_packed(model));
    ASSERT_EQ(unpack(packed.bytes, "m"), model);
    Bytes size;
    Bytes packed_size;
    for (const PackedPart& part : packed.parts) {
        size += part.size;
        packed_size += part.packed_size;
    }
    EXPECT_EQ(size, Bytes(static_cast<std::int64_t>(model.size())));
    EXPECT_EQ(packed_size, Bytes(static_cast<std::int64_t>(packed.bytes.size())));
}

PackedKind kind_of_weights(const std::string& model) {
    for (const PackedPart& part : pack(model).parts) {
        if (part.tensors > 0) return part.kind;
    }
    return PackedKind::rest;
}

/// Shannon's bound, in bytes, of symbols that are taken as they come.
template <class Symbol>
double entropy_bytes(const std::vector<Symbol>& symbols) {
    std::map<Symbol, double> counts;
    for (const Symbol& symbol : symbols) ++counts[symbol];
    double bits = 0;
    for (const auto& [symbol, count] : counts) bits += count * std::log2(static_cast<double>(symbols.size()) / count);
    return bits / 8;
}

std::string reason_of(const std::string& packed, const UnpackLimits& limits = {}) {
    try {
        unpack(packed, "m", limits);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
        return error.what();
    }
    return "unpacked";
}

TEST(Pack, GivesBackOrdinaryModels) {
    expect_identity(fakes::identity_model({1, 3}));
    expect_identity(fakes::linear_model(100, 50));
    expect_identity(fakes::small_convolution_model(8));
}

TEST(Pack, GivesBackTensorsOfEverySize) {
    Random random(1);
    std::vector<float> values;
    for (std::size_t size = 0; size < 300; ++size) {
        expect_identity(model_with(values));
        values.push_back(static_cast<float>(random.normal()));
    }
}

TEST(Pack, GivesBackEveryBitOfStrangeFloats) {
    std::vector<float> values;
    for (std::uint32_t i = 0; i < 3000; ++i) {
        const std::array<std::uint32_t, 8> strange{0x7fc00000U + i, 0xffc00001U + i, 0x7f800001U + i, 0x80000000U, 0,
                                                   0x7f800000U,     1U + i,          0x3f800000U + i};
        values.push_back(std::bit_cast<float>(strange[i % 8]));
    }
    expect_identity(model_with(values));
    expect_identity(model_with(std::vector<float>(1000, -0.0F)));
    expect_identity(model_with(std::vector<float>(1000, std::numeric_limits<float>::quiet_NaN())));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % 3 == 0 ? -0.0F : 0.0F;
    expect_identity(model_with(values));
}

TEST(Pack, AllZeroTakesNearlyNothing) {
    const std::string model = model_with(std::vector<float>(1'000'000, 0.0F));
    expect_identity(model);
    EXPECT_LT(pack(model).bytes.size(), 400U);
}

TEST(Pack, GivesBackElementsOfEveryWidth) {
    Random random(2);
    std::string bytes;
    for (int i = 0; i < 8 * 700; ++i) bytes.push_back(static_cast<char>(random.below(i % 8 < 4 ? 3 : 256)));
    for (const auto& [dtype, width] : {std::pair{DType::int8, 1}, std::pair{DType::float16, 2},
                                       std::pair{DType::float32, 4}, std::pair{DType::int64, 8}}) {
        expect_identity(model_with(dtype, {8 * 700 / width}, bytes));
        expect_identity(model_with(dtype, {7, 800 / width}, bytes));
        std::string sparse(bytes.size(), '\0');
        for (std::size_t i = 0; i < bytes.size(); i += 40)
            std::copy_n(bytes.begin(), width, sparse.begin() + static_cast<std::ptrdiff_t>(i));
        expect_identity(model_with(dtype, {8 * 700 / width}, sparse));
    }
}

RC_GTEST_PROP(Pack, GivesBackAnyBytesWhetherTheyAreAModelOrNot, (const std::string& bytes)) {
    RC_ASSERT(unpack(pack(bytes).bytes, "m") == bytes);
}

RC_GTEST_PROP(Pack, GivesBackAnyTensor, (std::uint64_t seed)) {
    Random random(seed);
    const auto channels = static_cast<std::int64_t>(1 + random.below(20));
    const auto each = static_cast<std::int64_t>(1 + random.below(200));
    const std::uint64_t values = 1 + random.below(random.below(2) == 0 ? 20 : 256);
    const std::uint64_t zeros = random.below(100);
    std::string bytes;
    for (std::int64_t i = 0; i < channels * each * 4; ++i) {
        bytes.push_back(static_cast<char>(random.below(100) < zeros ? 0 : random.below(values)));
    }
    for (const DType dtype : {DType::float32, DType::int32}) {
        const std::string model = model_with(dtype, {channels, each}, bytes);
        RC_ASSERT(unpack(pack(model).bytes, "m") == model);
    }
    const std::string model = model_with(DType::uint8, {channels, 4, each}, bytes);
    RC_ASSERT(unpack(pack(model).bytes, "m") == model);
}

TEST(Pack, PacksWhatWasPacked) {
    const std::string once = pack(fakes::linear_model(100, 50)).bytes;
    EXPECT_EQ(unpack(pack(once).bytes, "m"), once);
}

class PackSize : public ::testing::Test {
   protected:
    const fakes::Layer layer{.channels = 64, .per_channel = 3000};
    const Shape shape{64, 3000};
    std::vector<float> weights = fakes::float_weights(layer, 3);
};

TEST_F(PackSize, OfClusteredWeightsIsWithinATwentiethOfTheirEntropy) {
    fakes::prune_half(weights);
    fakes::cluster_to_16(weights);
    const std::string model = model_with(DType::float32, shape, bytes_of(weights));
    EXPECT_EQ(kind_of_weights(model), PackedKind::codes);
    expect_identity(model);
    const double bound = entropy_bytes(weights) + 16 * 4;
    EXPECT_LE(static_cast<double>(pack(model).bytes.size()), 1.05 * bound);
}

TEST_F(PackSize, OfEightBitWeightsIsWithinATwentiethOfTheirEntropy) {
    const std::string bytes = fakes::quantized(weights, layer);
    const std::string model = model_with(DType::int8, shape, bytes);
    EXPECT_EQ(kind_of_weights(model), PackedKind::integers);
    expect_identity(model);
    const double bound = entropy_bytes(std::vector<char>(bytes.begin(), bytes.end()));
    EXPECT_LE(static_cast<double>(pack(model).bytes.size()), 1.05 * bound);
}

TEST_F(PackSize, OfPrunedFloatsIsWithinATwentiethOfMaskExponentsAndMantissas) {
    fakes::prune_half(weights);
    const std::string model = model_with(DType::float32, shape, bytes_of(weights));
    EXPECT_EQ(kind_of_weights(model), PackedKind::sparse);
    expect_identity(model);
    std::vector<std::uint32_t> exponents;
    for (const float weight : weights) {
        if (weight != 0.0F) exponents.push_back(std::bit_cast<std::uint32_t>(weight) >> 23U & 0xffU);
    }
    const double bound = static_cast<double>(weights.size()) / 8 + entropy_bytes(exponents) +
                         3.0 * static_cast<double>(exponents.size());
    EXPECT_LE(static_cast<double>(pack(model).bytes.size()), 1.05 * bound);
}

TEST_F(PackSize, OfPrunedClusteredQuantizedWeightsIsATenthOfTheFloats) {
    fakes::prune_half(weights);
    fakes::cluster_to_16(weights);
    const std::string bytes = fakes::quantized(weights, layer);
    const std::string model = model_with(DType::int8, shape, bytes);
    expect_identity(model);
    // Clusters of one layer become other bytes in each channel, by its scale: what one table would cost.
    const double one_table = entropy_bytes(std::vector<char>(bytes.begin(), bytes.end()));
    const auto size = static_cast<double>(pack(model).bytes.size());
    EXPECT_LE(size, 1.05 * entropy_bytes(weights) + 64 * 4);
    EXPECT_LT(size, 0.9 * one_table);
    EXPECT_LT(size, 0.1 * 4 * static_cast<double>(weights.size()));
}

TEST_F(PackSize, IsAsSmallWhenChannelsAreTheLastDimension) {
    fakes::prune_half(weights);
    fakes::cluster_to_16(weights);
    const std::string bytes = fakes::quantized(weights, layer);
    std::string turned(bytes.size(), '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) turned[i % 3000 * 64 + i / 3000] = bytes[i];
    const std::size_t rows = pack(model_with(DType::int8, {64, 3000}, bytes)).bytes.size();
    const std::string model = model_with(DType::int8, {3000, 64}, turned);
    expect_identity(model);
    EXPECT_LE(static_cast<double>(pack(model).bytes.size()), 1.01 * static_cast<double>(rows));
}

TEST_F(PackSize, OfNoiseIsHardlyMoreThanTheNoise) {
    Random random(4);
    std::string noise;
    for (int i = 0; i < 100'000; ++i) noise.push_back(static_cast<char>(random.below(256)));
    const std::string model = model_with(DType::uint8, {100'000}, noise);
    expect_identity(model);
    EXPECT_LE(pack(model).bytes.size(), model.size() + 150);
}

class Unpack : public ::testing::Test {
   protected:
    static std::string some_model() {
        Random random(5);
        TinyGraph graph;
        graph.input("x", DType::float32, {1}).output("y", DType::float32, {1});
        std::string bytes;
        for (int i = 0; i < 4096; ++i) bytes.push_back(static_cast<char>(random.below(7)));
        std::vector<float> floats;
        for (int i = 0; i < 600; ++i)
            floats.push_back(random.below(2) == 0 ? 0.0F : static_cast<float>(random.normal()));
        graph.raw("a", DType::int8, {16, 256}, bytes).raw("b", DType::int32, {1024}, bytes);
        return graph.weights("c", {600}, floats).node("Identity", {"x"}, {"y"}).model();
    }
    const std::string model = some_model();
    const std::string packed = pack(model).bytes;
};

TEST_F(Unpack, RefusesEveryShorterFile) {
    for (std::size_t size = 0; size < packed.size(); ++size) {
        ASSERT_NE(reason_of(packed.substr(0, size)), "unpacked") << size;
    }
}

TEST_F(Unpack, RefusesWhatFollows) {
    EXPECT_NE(reason_of(packed + "x").find("follows"), std::string::npos);
}

TEST_F(Unpack, FindsEveryChangedByte) {
    Random random(6);
    for (std::size_t at = 0; at < packed.size(); ++at) {
        std::string damaged = packed;
        damaged[at] = static_cast<char>(static_cast<std::uint64_t>(damaged[at]) ^ (1 + random.below(255)));
        // Some changes change nothing (a bit that no symbol needs): then the model is still the same.
        const std::string reason = reason_of(damaged);
        if (reason != "unpacked") continue;
        ASSERT_EQ(unpack(damaged, "m"), model) << at;
    }
}

TEST_F(Unpack, SaysWhatIsWrongAndInWhichModel) {
    std::string damaged = packed;
    damaged[15] = static_cast<char>(damaged[15] + 1);  // of the checksum
    EXPECT_EQ(reason_of(damaged), "load model 'm': its checksum is wrong: it is damaged");
    EXPECT_EQ(reason_of("something else"), "load model 'm': it is no packed model");
    std::string newer = packed;
    newer[8] = 2;
    EXPECT_EQ(reason_of(newer), "load model 'm': a newer Breakeven packed it");
}

TEST_F(Unpack, RefusesMoreThanItsLimitBeforeTakingMemory) {
    std::string huge = packed.substr(0, 9);
    append_number(huge, std::uint64_t{1} << 60U);
    huge += packed.substr(11);
    EXPECT_NE(reason_of(huge).find("at most"), std::string::npos);
    const auto size = static_cast<std::int64_t>(model.size());
    EXPECT_NE(reason_of(packed, {.size = Bytes(size - 1)}).find("at most"), std::string::npos);
    EXPECT_EQ(reason_of(packed, {.size = Bytes(size)}), "unpacked");
}

TEST_F(Unpack, RefusesSizesThatDoNotAddUp) {
    std::string lying = packed.substr(0, 9);
    append_number(lying, std::uint64_t{1} << 30U);
    lying += packed.substr(11);  // what follows is of a smaller model
    EXPECT_NE(reason_of(lying).find("add up"), std::string::npos);
}

RC_GTEST_PROP(Rans, DecodesWhatItEncodedInAnyOrderOfTables, (std::uint64_t seed)) {
    Random random(seed);
    const auto rows = static_cast<std::int64_t>(1 + random.below(60));
    const auto columns = static_cast<std::int64_t>(1 + random.below(150));
    std::vector<std::uint8_t> bytes;
    for (std::int64_t i = 0; i < rows * columns; ++i) {
        const auto own = static_cast<std::uint64_t>(random.below(2) == 0 ? i / columns : i % columns);
        bytes.push_back(static_cast<std::uint8_t>(own * 5 + random.below(3)));
    }
    const std::array<std::int64_t, 2> dimensions{rows, columns};
    const TableChoice choice = choose_tables(bytes, dimensions);
    ByteReader reader(choice.written);
    const TableChoice read = read_tables(reader, bytes.size());
    RC_ASSERT(read.tables == choice.tables);
    RC_ASSERT(read.order.tables == choice.order.tables);
    std::vector<std::uint8_t> out(bytes.size());
    rans_decode(rans_encode(bytes, choice.order, choice.tables), read.order, read.tables, out);
    RC_ASSERT(out == bytes);
}

RC_GTEST_PROP(Rans, IsNeverBetterThanEntropyByOneTableNorMuchWorse, (std::uint64_t seed)) {
    Random random(seed);
    std::vector<std::uint8_t> bytes;
    Histogram counts{};
    const std::uint64_t spread = 2 + random.below(100);
    for (int i = 0; i < 20'000; ++i) {
        bytes.push_back(static_cast<std::uint8_t>(random.below(spread) * random.below(spread) / spread));
        ++counts[bytes.back()];
    }
    const TableChoice choice = choose_tables(bytes, {});
    const auto size = static_cast<double>(rans_encode(bytes, choice.order, choice.tables).size());
    RC_ASSERT(size * 8 >= entropy_bits(counts));
    RC_ASSERT((size + static_cast<double>(choice.written.size())) * 8 <= 1.03 * entropy_bits(counts) + 8 * 100);
}

}  // namespace
}  // namespace breakeven
